import { encodeEntry, judgeEvent } from '@tasktrail/contract';
import { digestOf, type EntryOnce, RECORD_SECONDS } from '../../redis/append-once.ts';
import type { Keys } from '../../redis/keys.ts';

/** Where a line of an input stands, which its `eventId` comes from when it states none. */
export interface LineOrigin {
  /** What the input is called, so that two inputs have different events. */
  readonly name: string;
  readonly number: number;
}

export type PreparedEvent =
  | { readonly kind: 'entry'; readonly entry: EntryOnce; readonly bytes: number }
  | { readonly kind: 'refused'; readonly problem: string };

/**
 * The entry of the event on a line; undefined when the line is blank.
 *
 * @param atMs milliseconds since 1970, for an absent `occurredAt`
 */
export function prepareLine(
  text: string,
  origin: LineOrigin,
  atMs: number,
  keys: Keys,
): PreparedEvent | undefined {
  if (text.trim() === '') return undefined;
  const event = parseObject(text);
  if (event === undefined) return { kind: 'refused', problem: 'is no JSON object' };
  return prepareEvent(event, () => eventIdOfLine(text, origin), atMs, keys);
}

/**
 * The entry of an event that states its fields as JSON does.
 *
 * @param newEventId called for an absent `eventId`
 * @param atMs milliseconds since 1970, for an absent `occurredAt`
 */
export function prepareEvent(
  event: Readonly<Record<string, unknown>>,
  newEventId: () => string,
  atMs: number,
  keys: Keys,
): PreparedEvent {
  const { message, occurredAt } = event;
  const eventId = event.eventId === '' ? undefined : event.eventId;
  const stated = {
    ...event,
    eventId: eventId ?? newEventId(),
    occurredAt: occurredAt ?? new Date(atMs).toISOString(),
    // Windows line ends would be control characters, which entries do not carry.
    ...(typeof message === 'string' ? { message: message.replaceAll('\r\n', '\n') } : {}),
  };
  const judged = judgeEvent(stated, atMs);
  if (judged.kind === 'invalid') {
    const { field, detail } = judged.problem;
    return { kind: 'refused', problem: field === '' ? detail : `${field}: ${detail}` };
  }
  const pairs = encodeEntry(judged.event);
  const digest = digestOf('emit', judged.event.executionId, String(judged.event.eventId));
  const record = { key: keys.intake.record(digest), keepSeconds: RECORD_SECONDS };
  let bytes = 0;
  for (const value of pairs) bytes += Buffer.byteLength(value);
  return { kind: 'entry', entry: { stream: 'events', pairs, records: [record] }, bytes };
}

/** With the line's text: one that was edited is a new event. */
export function eventIdOfLine(text: string, { name, number }: LineOrigin): string {
  return `emit-${digestOf(name, String(number), text)}`;
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
