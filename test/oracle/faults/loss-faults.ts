import type { Redis } from 'ioredis';
import type { Dice } from '../dice.ts';
import { eventIds, logDirectory, removeLog, tearLog, whileAway } from '../world/store.ts';
import type { World } from '../world/world.ts';
import type { Fault, Heal } from './fault.ts';

/** What takes history away: everybody who held some of it must be told. */

async function emptyByRestart(world: World): Promise<Heal> {
  const { store, timeline } = world;
  const redis = store.connect('operator');
  const directory = await whileAway(() => logDirectory(redis));
  const before = await whileAway(() => eventIds(redis));
  timeline.note('killing Redis, which loses everything');
  await store.primary().kill();
  await removeLog(directory);
  return async () => {
    await store.primary().restart();
    await countLost(world, redis, before);
  };
}

/** No connection is dropped. */
async function flush(world: World): Promise<Heal> {
  const redis = world.store.connect('operator');
  const before = await whileAway(() => eventIds(redis));
  await whileAway(() => redis.flushall());
  world.timeline.note('emptied Redis');
  await countLost(world, redis, before);
  return async () => {};
}

async function tear(world: World, dice: Dice): Promise<Heal> {
  const { store, timeline } = world;
  const redis = store.connect('operator');
  const directory = await whileAway(() => logDirectory(redis));
  const before = await whileAway(() => eventIds(redis));
  await store.primary().kill();
  const bytes = dice.pick([1, 500, 20_000, 200_000]) * dice.between(1, 4);
  await tearLog(directory, bytes);
  world.tally.add('torn logs');
  timeline.note(`killed Redis, whose log lost its last ${bytes} bytes`);
  return async () => {
    await store.primary().restart();
    await countLost(world, redis, before);
  };
}

/** Of those that were there a moment before. */
async function countLost(
  { tally, timeline }: World,
  redis: Redis,
  before: ReadonlySet<string>,
): Promise<void> {
  const after = await whileAway(() => eventIds(redis));
  const lost = [...before].filter((id) => !after.has(id)).length;
  tally.add('events that Redis lost', lost);
  timeline.note(`${lost} events are lost`);
}

export const LOSS_FAULTS = {
  'empty-redis': {
    ...{ loses: 'history', stores: ['memory', 'everysec'], holdMs: [0, 2_000] },
    effect: 'events that Redis lost',
    inject: emptyByRestart,
  },
  'flush-redis': {
    ...{ loses: 'history', stores: ['memory'], holdMs: [0, 0] },
    effect: 'events that Redis lost',
    inject: flush,
  },
  'torn-log': {
    ...{ loses: 'history', stores: ['everysec', 'always'], holdMs: [0, 1_000] },
    effect: 'torn logs',
    inject: tear,
  },
} satisfies Record<string, Fault>;
