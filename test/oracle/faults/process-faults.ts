import { setTimeout as delay } from 'node:timers/promises';
import { KEYS } from '../../../src/redis/keys.ts';
import type { Dice } from '../dice.ts';
import type { Fate } from '../world/fault-proxy.ts';
import type { Runner } from '../world/runner.ts';
import type { World } from '../world/world.ts';
import type { Fault, Heal } from './fault.ts';

/** What happens to processes of the program. Events and rows are not touched by any of it. */

const ANYWHERE = { loses: 'nothing', stores: ['memory', 'everysec'] } as const;

/** What a projector that vanished holds up another one for: its lease, and a poll. */
const LEASE_MS = 5_500;
/** Until a process that was started serves. */
const START_MS = 3_000;
/** How long a frozen server may be unable to end a stream, in milliseconds. */
export const LONGEST_SERVER_FREEZE_MS = 8_000;
const CONFLICTS = 'tasktrail_projector_commit_conflicts_total';

const kill = (choose: (world: World) => readonly Runner[]): Fault['inject'] => {
  return async (world, dice) => {
    const runner = dice.pick(choose(world));
    world.timeline.note(`killing ${runner.name}`);
    if (runner.isRunning) world.tally.add('processes killed');
    await runner.kill();
    return () => runner.start();
  };
};

const killWhileSending = (choose: (world: World) => readonly Runner[]): Fault['inject'] => {
  return async (world, dice) => {
    const runner = dice.pick(choose(world));
    const network = world.networks.get(runner.name);
    const fate = dice.pick<Fate>(['arrives', 'arrives-late', 'is-cut']);
    // Only commits and appends name the quarantine.
    const sprung = network?.whileSending(KEYS.quarantine, fate, () => {
      world.timeline.note(`killing ${runner.name} while its request ${fate}`);
      world.tally.add('commits or appends cut off');
      return runner.kill();
    });
    // A standby sends nothing, and then nothing happens.
    await Promise.race([sprung, delay(1_500)]);
    network?.forget();
    await runner.kill();
    return () => runner.start();
  };
};

const restart = (choose: (world: World) => readonly Runner[]): Fault['inject'] => {
  return async (world, dice) => {
    const runner = dice.pick(choose(world));
    world.timeline.note(`stopping ${runner.name}`);
    if (runner.isRunning) world.tally.add('processes stopped');
    await runner.stop();
    return () => runner.start();
  };
};

/** As a machine that is moved: it goes on as if no time had passed, its lease long gone. */
const freeze = (choose: (world: World) => readonly Runner[]): Fault['inject'] => {
  return async (world, dice) => {
    const runner = dice.pick(choose(world));
    world.timeline.note(`freezing ${runner.name}`);
    if (runner.isRunning) world.tally.add('processes frozen');
    runner.freeze();
    return async () => runner.thaw();
  };
};

/** Redis and every process at the same moment, and back in any order. */
async function cutPower({ store, projectors, servers, timeline, tally }: World): Promise<Heal> {
  const runners = [...projectors, ...servers];
  timeline.note('killing everything');
  tally.add('power cuts');
  await Promise.all([store.primary().kill(), ...runners.map((runner) => runner.kill())]);
  return async () => {
    await Promise.all([store.primary().restart(), ...runners.map((runner) => runner.start())]);
  };
}

/** Both apply at once, because nobody can keep the lease. */
async function stealLease(
  { store, projectors, timeline, tally }: World,
  dice: Dice,
): Promise<Heal> {
  const redis = store.connect('thief');
  const stop = new AbortController();
  timeline.note('taking the lease away again and again');
  const stealing = (async () => {
    while (!stop.signal.aborted) {
      await redis.del(KEYS.lease).catch(() => {});
      await delay(dice.between(1, 40));
    }
  })();
  return async () => {
    stop.abort();
    await stealing;
    for (const projector of projectors) {
      tally.add('commits refused', (await projector.metrics()).get(CONFLICTS));
    }
  };
}

const projectors = (world: World) => world.projectors;
const servers = (world: World) => world.servers;

export const PROCESS_FAULTS = {
  'kill-projector': {
    ...ANYWHERE,
    ...{ effect: 'processes killed', holdMs: [0, 1500] },
    liveWithinMs: LEASE_MS + START_MS,
    inject: kill(projectors),
  },
  'kill-server': {
    ...ANYWHERE,
    effect: 'processes killed',
    holdMs: [0, 1500],
    inject: kill(servers),
  },
  'kill-projector-in-commit': {
    ...ANYWHERE,
    ...{ effect: 'commits or appends cut off', holdMs: [0, 500] },
    liveWithinMs: LEASE_MS + START_MS,
    inject: killWhileSending(projectors),
  },
  'kill-server-in-append': {
    ...ANYWHERE,
    effect: 'commits or appends cut off',
    holdMs: [0, 500],
    inject: killWhileSending(servers),
  },
  'restart-projector': {
    ...ANYWHERE,
    effect: 'processes stopped',
    holdMs: [0, 500],
    inject: restart(projectors),
  },
  'restart-server': {
    ...ANYWHERE,
    effect: 'processes stopped',
    holdMs: [0, 500],
    inject: restart(servers),
  },
  'freeze-projector': {
    ...ANYWHERE,
    ...{ effect: 'processes frozen', projectors: 2, holdMs: [5_500, 8_000] },
    liveWithinMs: LEASE_MS + 1_000,
    inject: freeze(projectors),
  },
  'freeze-server': {
    ...ANYWHERE,
    effect: 'processes frozen',
    holdMs: [1_000, LONGEST_SERVER_FREEZE_MS],
    inject: freeze(servers),
  },
  'cut-power': {
    ...ANYWHERE,
    ...{ effect: 'power cuts', stores: ['always'], holdMs: [0, 1_000], isAlone: true },
    liveWithinMs: LEASE_MS + START_MS,
    inject: cutPower,
  },
  'two-projectors': {
    ...ANYWHERE,
    ...{ effect: 'commits refused', projectors: 2, holdMs: [1500, 3000] },
    inject: stealLease,
  },
} satisfies Record<string, Fault>;
