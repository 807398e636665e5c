import { setTimeout as delay } from 'node:timers/promises';
import { EVENTS_STREAM } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import type { Viewer } from './actors/viewer.ts';
import { patienceMs } from './world/machine.ts';
import type { World } from './world/world.ts';

/** How soon everything worked again, in milliseconds. */
export interface Recovery {
  /** Until every process said that it is ready. */
  readonly readyMs: number;
  /** Until an event that was appended after that moment had been seen at every server. */
  readonly seenMs: number;
}

const GIVE_UP_MS = 20_000;
const POLL_MS = 15;

/**
 * Measures from now on. The event must be seen by dashboards that do nothing but follow, one at each
 * server.
 *
 * @throws an error that says what did not come back
 */
export async function whenLive(
  world: World,
  redis: Redis,
  watchers: readonly Viewer[],
): Promise<Recovery> {
  const startedAt = performance.now();
  const passed = () => Math.round(performance.now() - startedAt);
  const signal = AbortSignal.timeout(patienceMs(GIVE_UP_MS));
  const ready = Promise.all(
    [...world.projectors, ...world.servers].map(async (runner) => {
      while ((await runner.probe('readyz')) !== 200) {
        if (signal.aborted) throw new Error(`${runner.name} is not ready after ${passed()} ms`);
        await delay(POLL_MS);
      }
    }),
  ).then(passed);
  const seen = (async () => {
    const id = await appendProbe(redis, signal);
    await Promise.all(
      watchers.map((watcher) =>
        watcher.whenSeen(id, signal).catch(() => {
          throw new Error(`${watcher.plan.name} has not seen ${id} after ${passed()} ms`);
        }),
      ),
    );
    return passed();
  })();
  const [readyMs, seenMs] = await Promise.all([ready, seen]);
  return { readyMs, seenMs };
}

/** As often as it takes: what was appended to a Redis that lost it is not seen by anybody. */
async function appendProbe(redis: Redis, signal: AbortSignal): Promise<string> {
  const event = ['executionId', 'probe', 'occurredAt', '2026-01-01T00:00:00Z'];
  const fields = [...event, 'project', 'acme/api', 'status', 'in_progress'];
  while (true) {
    try {
      return String(await redis.xadd(EVENTS_STREAM, '*', ...fields));
    } catch (cause) {
      if (signal.aborted) throw new Error('Redis takes no event', { cause });
      await delay(POLL_MS);
    }
  }
}
