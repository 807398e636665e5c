import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import type { Ledger } from '../oracle/actors/ledger.ts';
import type { Viewer } from '../oracle/actors/viewer.ts';
import type { Evidence } from '../oracle/judge/evidence.ts';
import { judge } from '../oracle/judge/judge.ts';
import { readStored } from '../oracle/judge/stored.ts';
import { History } from '../oracle/model/history.ts';
import { isAfter } from '../oracle/model/ids.ts';
import type { Runner } from '../oracle/world/runner.ts';
import type { World } from '../oracle/world/world.ts';

/** How a soak ends: everybody comes to the last event, and the oracle's judge looks at all there is. */

const READY_MS = 20_000;
const QUIET_MS = 30_000;
const POLL_MS = 20;

interface End {
  readonly world: World;
  readonly redis: Redis;
  readonly ledger: Ledger;
  /** The epoch before the first fault. */
  readonly epoch: string | null;
  /** Those that are open; everything that they were sent is judged. */
  readonly viewers: readonly Viewer[];
}

/** @throws an error that says which process is not */
export async function whenReady(runners: readonly Runner[]): Promise<void> {
  for (const runner of runners) {
    await eventually(`${runner.name} is ready`, READY_MS, async () => {
      return (await runner.probe('readyz')) === 200;
    });
  }
}

/** Where `fetch` finds what keeps its connections; undici's own, which Node's is. */
const DISPATCHER = Symbol.for('undici.globalDispatcher.1');

/**
 * Closes every connection that `fetch` keeps for later. Servers keep theirs for over a minute, and
 * until then it would look as if they held on to them.
 */
export function letGoOfConnections(): void {
  const holder = globalThis as { [DISPATCHER]?: Dispatcher };
  const used = holder[DISPATCHER];
  if (used === undefined) return;
  holder[DISPATCHER] = new used.constructor();
  // What is being sent is still answered.
  void used.close();
}

interface Dispatcher {
  readonly constructor: new () => Dispatcher;
  close(): Promise<void>;
}

/**
 * To be called once the bots have stopped. Processes are judged later, when they have stopped, too.
 * Whatever goes wrong is a finding: what was sampled for half an hour must not be lost to it.
 */
export async function judgeEnd({ world, redis, ledger, epoch, viewers }: End) {
  const findings: string[] = [];
  const settledAtMs = Date.now();
  for (const viewer of viewers) viewer.hurry();
  await noting(findings, async () => {
    await whenQuiet(redis, viewers);
    for (const viewer of viewers) {
      for (const server of world.servers) await viewer.walk(server);
    }
  });
  const stored = await readStored(redis);
  const history = new History(stored.events);
  return {
    events: history.outcomes.size,
    tasks: history.items.size,
    judge: async (runners: readonly Runner[]): Promise<string[]> => {
      const evidence: Evidence = {
        ...{ plan: world.plan, firstEpoch: epoch, settledAtMs, stored, history, ledger, viewers },
        ...{ lookups: [], moments: [], runners, parkings: 0, secrets: world.secrets },
      };
      await noting(findings, async () => void findings.push(...judge(evidence)));
      return findings;
    },
  };
}

/** An error is noted, and the work goes on without. */
export async function noting(findings: string[], work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    findings.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
}

async function whenQuiet(redis: Redis, viewers: readonly Viewer[]): Promise<void> {
  const [last] = await redis.xrevrange('task-events:v1', '+', '-', 'COUNT', 1);
  const lastId = last?.[0] ?? '0-0';
  await eventually('every event is applied', QUIET_MS, async () => {
    const checkpoint = await redis.hget('task-tracking:projector', 'checkpoint');
    return !isAfter(lastId, checkpoint ?? '0-0');
  });
  for (const viewer of viewers) {
    const what = `${viewer.plan.name} has come to ${lastId}`;
    await eventually(what, QUIET_MS, async () => viewer.isAt(lastId));
  }
}

async function eventually(
  what: string,
  withinMs: number,
  fact: () => Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await fact())) {
    if (performance.now() > deadline) throw new Error(`in ${withinMs} ms not: ${what}`);
    await delay(POLL_MS);
  }
}
