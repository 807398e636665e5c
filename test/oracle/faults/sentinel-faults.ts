import { setTimeout as delay } from 'node:timers/promises';
import { EVENTS_STREAM } from '@tasktrail/contract';
import type { PrivateRedis } from '../../../src/demo/private-redis-contract.ts';
import type { Dice } from '../dice.ts';
import { isSentinelStore, PRIMARY, type SentinelStore, sendOnce } from '../world/sentinel-store.ts';
import { whileAway } from '../world/store.ts';
import type { World } from '../world/world.ts';
import type { Fault } from './fault.ts';

/** A primary that fails over to a replica; what that had not received is lost. */

const FAILOVER_MS = 30_000;
const POLL_MS = 25;
/** How long the replicas receive nothing while bots go on: the tail that is lost. */
const TAIL_MS = [200, 1_200] as const;

/** How the primary goes away. */
type Way = 'killed' | 'frozen' | 'told';

const failOver = (losesTail: boolean): Fault['inject'] => {
  return async (world, dice) => {
    const store = sentinelsOf(world);
    const old = await store.findPrimary();
    const way = dice.pick<Way>(['killed', 'frozen', 'told']);
    if (losesTail) await stopReplication(store, old, dice);
    const before = await idsAt(old);
    world.timeline.note(`${old.url} is ${way}`);
    if (way === 'killed') await old.kill();
    if (way === 'frozen') await old.pause();
    if (way === 'told') await whileAway(() => store.ask('SENTINEL', 'FAILOVER', PRIMARY));
    await whenFailedOver(store, old);
    const after = await idsAt(store.primary());
    const lost = [...before].filter((id) => !after.has(id)).length;
    world.tally.add('events that Redis lost', lost);
    world.tally.add('failovers');
    world.timeline.note(`${store.primary().url} is the primary now; ${lost} events are lost`);
    return () => bringBack(old, way);
  };
};

async function idsAt(node: PrivateRedis): Promise<ReadonlySet<string>> {
  const entries = await sendOnce(node, 'XRANGE', EVENTS_STREAM, '-', '+');
  return new Set((entries as [string, unknown][]).map(([id]) => id));
}

/** Replicas follow nobody, which sentinels mend only after some seconds. */
async function stopReplication(store: SentinelStore, old: PrivateRedis, dice: Dice): Promise<void> {
  const replicas = store.nodes.filter((node) => node !== old);
  await Promise.all(replicas.map((node) => sendOnce(node, 'REPLICAOF', '127.0.0.1', '1')));
  await delay(dice.between(...TAIL_MS));
}

async function whenFailedOver(store: SentinelStore, old: PrivateRedis): Promise<void> {
  const deadline = performance.now() + FAILOVER_MS;
  const isOver = async () => {
    const primary = await store.findPrimary().catch(() => old);
    if (primary === old) return false;
    const role = (await sendOnce(primary, 'ROLE').catch(() => [])) as unknown[];
    return role[0] === 'master';
  };
  while (!(await isOver())) {
    if (performance.now() > deadline) throw new Error('the sentinels do not fail over');
    await delay(POLL_MS);
  }
}

/** The old primary comes back as one, and must be demoted before anybody believes it. */
async function bringBack(old: PrivateRedis, way: Way): Promise<void> {
  if (way === 'killed') await old.restart();
  if (way === 'frozen') await old.resume();
}

function sentinelsOf({ store }: World): SentinelStore {
  if (!isSentinelStore(store)) throw new Error('only sentinels can fail over');
  return store;
}

const TERMS = {
  stores: ['sentinel'],
  projectors: 2,
  servers: 2,
  holdMs: [0, 2_000],
  isAlone: true,
  isBackBeforeHealed: true,
} as const;

export const SENTINEL_FAULTS = {
  'failover-lossless': {
    ...{ ...TERMS, loses: 'history', effect: 'failovers' },
    inject: failOver(false),
  },
  failover: {
    ...{ ...TERMS, loses: 'history', effect: 'events that Redis lost' },
    inject: failOver(true),
  },
} satisfies Record<string, Fault>;
