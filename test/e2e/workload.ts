import { TASK_STATUSES } from '@tasktrail/contract';
import type { AppendInput } from '@tasktrail/producer';

/** Numbers from 0 up to 1 that are the same for the same seed: mulberry32. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function pick<T>(random: () => number, values: readonly [T, ...T[]]): T {
  return values[Math.floor(random() * values.length)] ?? values[0];
}

/** A whole number from `min` to `max`. */
export function between(random: () => number, min: number, max: number): number {
  return min + Math.floor(random() * (max - min + 1));
}

export const PROJECTS = ['acme/api', 'acme/web', 'acme/tools/ci'] as const;
const PEOPLE = ['google:ana@example.com', 'google:bob@example.com', 'slack:U1'] as const;
const ACTORS = [null, { provider: 'slack', id: 'U1' }, { provider: 'github', id: 'ana' }] as const;

/**
 * Events as bots send them on a bad day: tasks move in any order, change hands, run again, and
 * some events come twice or too late.
 */
export function randomEvents(
  random: () => number,
  count: number,
  executions: number,
  startMs: number,
): AppendInput[] {
  const sent = new Map<string, AppendInput>();
  return Array.from({ length: count }, (_, index) => {
    const number = between(random, 1, executions);
    const executionId = `run-${number}`;
    const before = sent.get(executionId);
    if (before !== undefined && random() < 0.05) return before;
    const event: AppendInput = {
      executionId,
      eventId: `event-${index}`,
      // Many at the same time, and some earlier than what came before.
      occurredAt: new Date(startMs + between(random, index - 20, index)).toISOString(),
      project: PROJECTS[number % PROJECTS.length] ?? PROJECTS[0],
      status: pick(random, TASK_STATUSES as unknown as ['queued']),
      ...(random() < 0.1 ? { attempt: between(random, 1, 3) } : {}),
      ...(random() < 0.3 ? { message: `step ${index} of ünïcode ${'…'.repeat(20)}` } : {}),
      ...(before === undefined || random() < 0.1 ? { actor: pick(random, ACTORS) } : {}),
      ...(before === undefined || random() < 0.3
        ? { visibility: { responsibleUsers: PEOPLE.filter(() => random() < 0.4) } }
        : {}),
    };
    sent.set(executionId, event);
    return event;
  });
}
