import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Dice } from '../dice.ts';
import { whileAway } from '../world/store.ts';
import type { World } from '../world/world.ts';
import type { Fault, Heal } from './fault.ts';

/** What happens to a Redis that keeps all that it has. */

const KEEPS = { loses: 'nothing', stores: ['memory', 'everysec'] } as const;

/** Longer than every timeout of the program. */
const LONG_MS = 12_500;

/** Connections stand, and nothing is answered; what was sent is done once it goes on. */
async function freeze({ store, timeline, tally }: World): Promise<Heal> {
  timeline.note('freezing Redis');
  tally.add('freezes of Redis');
  await store.primary().pause();
  return () => store.primary().resume();
}

async function killClients({ store, timeline, tally }: World, dice: Dice): Promise<Heal> {
  const redis = store.connect('killer');
  for (let times = dice.between(1, 6); times > 0; times -= 1) {
    timeline.note('killing every client of Redis');
    const killed = await redis
      .call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
      .catch(() => 0);
    tally.add('connections killed', Number(killed));
    await delay(dice.between(5, 300));
  }
  return async () => {};
}

/** Not even what would end it is answered before its time. */
async function pauseClients({ store, timeline, tally }: World, dice: Dice): Promise<Heal> {
  const redis = store.connect('pauser');
  const what = dice.pick(['WRITE', 'ALL']);
  const forMs = dice.between(500, 6_000);
  timeline.note(`pausing clients for ${forMs} ms: ${what}`);
  await whileAway(() => redis.call('CLIENT', 'PAUSE', String(forMs), what));
  tally.add('pauses of clients');
  await delay(forMs);
  return async () => {};
}

async function flushScripts({ store, timeline, tally }: World, dice: Dice): Promise<Heal> {
  const redis = store.connect('flusher');
  for (let times = dice.between(1, 5); times > 0; times -= 1) {
    timeline.note('forgetting every script');
    const emptied = await redis.script('FLUSH').catch(() => undefined);
    tally.add('script caches emptied', emptied === 'OK' ? 1 : 0);
    await delay(dice.between(5, 200));
  }
  return async () => {};
}

/** Somebody else's script that does not end: everything is answered BUSY. */
async function runEndlessScript({ store, timeline }: World): Promise<Heal> {
  const script = store.connect('endless');
  const killer = store.connect('killer');
  await whileAway(() => Promise.all([script.ping(), killer.ping()]));
  timeline.note('running a script without end');
  script.eval('while true do end', 0).catch(() => {});
  await delay(150);
  return async () => {
    await whileAway(async () => {
      const answer = await killer.script('KILL').catch((error: Error) => error.message);
      if (answer !== 'OK' && !String(answer).startsWith('NOTBUSY')) throw new Error(String(answer));
    });
  };
}

const configure = (name: string, faulty: (redis: Redis) => Promise<string>, fine: string) => {
  return async ({ store, timeline }: World): Promise<Heal> => {
    const redis = store.connect('operator');
    const value = await whileAway(() => faulty(redis));
    timeline.note(`setting ${name} to ${value}`);
    await whileAway(() => redis.config('SET', name, value));
    return async () => void (await whileAway(() => redis.config('SET', name, fine)));
  };
};

/** Less than it uses: nothing more can be written. */
async function belowUse(redis: Redis): Promise<string> {
  return String(Number(/used_memory:(\d+)/.exec(await redis.info('memory'))?.[1]) - 1);
}

/** A replica of nobody: it answers what it has, or nothing, and takes no writes. */
async function makeReplica({ store, timeline }: World, dice: Dice): Promise<Heal> {
  const redis = store.connect('operator');
  const serves = dice.pick(['yes', 'no']);
  await whileAway(() => redis.config('SET', 'replica-serve-stale-data', serves));
  timeline.note(`making Redis a replica that serves what it has: ${serves}`);
  await whileAway(() => redis.call('REPLICAOF', '127.0.0.1', '1'));
  return async () => {
    await whileAway(() => redis.call('REPLICAOF', 'NO', 'ONE'));
    await whileAway(() => redis.config('SET', 'replica-serve-stale-data', 'yes'));
  };
}

async function restartRedis({ store, timeline, tally }: World): Promise<Heal> {
  timeline.note('killing Redis');
  await store.primary().kill();
  return async () => {
    await store.primary().restart();
    tally.add('restarts of Redis');
  };
}

/** It reads all that it has anew. Connections stand, and everything on them is answered LOADING. */
async function reload({ store, timeline }: World): Promise<Heal> {
  const redis = store.connect('operator');
  await whileAway(() => redis.config('SET', 'key-load-delay', String(SLOW_KEY_US)));
  timeline.note('making Redis load all that it has');
  await whileAway(() => redis.ping());
  const loaded = redis.call('DEBUG', 'RELOAD').catch(() => {});
  return async () => {
    await loaded;
    await whileAway(() => redis.config('SET', 'key-load-delay', '0'));
  };
}

const SLOW_KEY_US = 8_000;

export const REDIS_FAULTS = {
  'freeze-redis': {
    ...{ ...KEEPS, effect: 'freezes of Redis', holdMs: [500, 4_000] },
    inject: freeze,
  },
  'freeze-redis-long': {
    ...{ ...KEEPS, effect: 'freezes of Redis', holdMs: [LONG_MS, LONG_MS + 1_500] },
    ...{ isOutage: true, isAlone: true },
    inject: freeze,
  },
  'client-kill': {
    ...{ ...KEEPS, effect: 'connections killed', holdMs: [0, 0] },
    inject: killClients,
  },
  'client-pause': {
    ...{ ...KEEPS, effect: 'pauses of clients', holdMs: [0, 0] },
    inject: pauseClients,
  },
  'flush-scripts': {
    ...{ ...KEEPS, effect: 'script caches emptied', holdMs: [0, 0] },
    inject: flushScripts,
  },
  'busy-script': {
    ...{ ...KEEPS, effect: 'BUSY replies', holdMs: [300, 3_000] },
    inject: runEndlessScript,
  },
  'full-memory': {
    ...{ ...KEEPS, effect: 'OOM replies', holdMs: [500, 3_000] },
    inject: configure('maxmemory', belowUse, '0'),
  },
  'no-replicas': {
    ...{ ...KEEPS, effect: 'NOREPLICAS replies', holdMs: [500, 3_000] },
    inject: configure('min-replicas-to-write', async () => '1', '0'),
  },
  'read-only': {
    ...{ ...KEEPS, effect: 'READONLY replies', holdMs: [500, 3_000] },
    inject: makeReplica,
  },
  'kill-redis': {
    ...{ ...KEEPS, effect: 'restarts of Redis', stores: ['always'], holdMs: [0, 3_000] },
    inject: restartRedis,
  },
  'loading-redis': {
    ...{ ...KEEPS, effect: 'LOADING replies', stores: ['always'], holdMs: [0, 500] },
    inject: (world, dice) => (dice.chance(0.3) ? restartRedis(world) : reload(world)),
  },
} satisfies Record<string, Fault>;
