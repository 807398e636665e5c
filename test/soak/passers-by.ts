import { setTimeout as delay } from 'node:timers/promises';
import { bearer } from '../oracle/actors/dashboard.ts';
import type { World } from '../oracle/world/world.ts';

/** What became of those who only look in. */
export interface Visits {
  /** Streams that began, and were left at their first bytes. */
  left: number;
  /** Answers that nobody should get. */
  readonly faults: string[];
}

const AT_ONCE = 4;
const PAUSE_MS = [40, 120] as const;
const ANSWER_MS = 8_000;
/** A person looks in so often before another one does. */
const VISITS_OF_ONE = 1000;

/**
 * People who open a stream and leave at its first bytes, again and again: whatever a stream leaves
 * behind adds up many times as fast as with dashboards that stay.
 */
export async function runPassersBy(
  world: World,
  visits: Visits,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all(
    Array.from({ length: AT_ONCE }, async (_, index) => {
      const dice = world.plan.dice.of('passer-by', index);
      let token = '';
      for (let number = 0; !signal.aborted; number += 1) {
        if (number % VISITS_OF_ONE === 0) {
          token = world.signIn(`passer-by-${index}-${number}@example.com`);
        }
        await lookIn(dice.pick(world.servers).url, token, visits);
        await delay(dice.between(...PAUSE_MS), undefined, { signal }).catch(() => {});
      }
    }),
  );
}

async function lookIn(url: string, token: string, visits: Visits): Promise<void> {
  const leave = new AbortController();
  const timer = setTimeout(() => leave.abort(), ANSWER_MS);
  try {
    const stream = `${url}/dashboard/tasks/stream`;
    const response = await fetch(stream, { headers: bearer(token), signal: leave.signal });
    if (response.status === 200) {
      await response.body?.getReader().read();
      visits.left += 1;
    } else if (response.status !== 503) {
      visits.faults.push(`a passer-by was answered ${response.status}: ${await response.text()}`);
    }
  } catch {
    // The server is away.
  } finally {
    clearTimeout(timer);
    leave.abort();
  }
}
