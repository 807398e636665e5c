import type { Redis } from 'ioredis';
import type { Producer } from '../../src/auth/auth.ts';
import { Appender, type AppenderOptions } from '../../src/intake/appender.ts';
import { EventIntake } from '../../src/intake/events/event-intake.ts';
import type { EventsAnswer, EventsRequest, IntakeObserver } from '../../src/intake/intake.ts';
import { KEYS } from '../../src/redis/keys.ts';

/** May write to the projects that are named; where none is, to all. */
export function aProducer(name: string, ...projects: string[]): Producer {
  return {
    name,
    mayWrite: (project) => projects.length === 0 || projects.includes(project),
    mayWriteAll: projects.length === 0,
  };
}

/** A time later than that of the events in `fixtures/events.ts`. */
export const NOW_MS = Date.parse('2026-11-20T12:00:05Z');

export type Outcomes = Parameters<IntakeObserver['onEvents']>[];

/** One server's intake, and what it told its observer. */
export function openIntake(redis: Redis, options: Partial<AppenderOptions> = {}) {
  const outcomes: Outcomes = [];
  const observer: IntakeObserver = {
    onEvents: (...outcome) => outcomes.push(outcome),
    onUnmapped: () => undefined,
    onRateLimitsLocal: () => undefined,
  };
  const appender = new Appender({ redis, keys: KEYS, ...options });
  const nowMs = () => NOW_MS;
  const randomId = () => crypto.randomUUID();
  const intake = new EventIntake({ redis, keys: KEYS, appender, observer, nowMs, randomId });
  return { intake, outcomes };
}

/** A request of these events as JSON, by a producer without limits. */
export function aRequest(
  events: unknown,
  { body = Buffer.from(JSON.stringify(events)), ...more }: Partial<EventsRequest> = {},
): EventsRequest {
  return {
    producer: aProducer('ci'),
    mediaType: 'application/json',
    idempotencyKey: undefined,
    body,
    ...more,
  };
}

/** What an answer is of results; throws where it is none. */
export function resultsOf(answer: EventsAnswer) {
  if (answer.kind !== 'results') throw new Error(`it is ${JSON.stringify(answer)}`);
  return answer.results;
}

/** The ids of an answer all of whose events were taken. */
export function idsOf(answer: EventsAnswer): string[] {
  return resultsOf(answer).map((result) => {
    if ('error' in result) throw new Error(JSON.stringify(result.error));
    return result.id;
  });
}

/** The events in the stream: the id of each, and its fields. */
export async function appendedTo(redis: Redis): Promise<[string, Record<string, string>][]> {
  const entries = await redis.xrange(KEYS.events, '-', '+');
  return entries.map(([id, pairs]) => {
    const fields: Record<string, string> = {};
    for (let i = 0; i + 1 < pairs.length; i += 2) fields[pairs[i] ?? ''] = pairs[i + 1] ?? '';
    return [id, fields];
  });
}
