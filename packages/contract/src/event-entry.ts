import type { z } from 'zod';
import { type TaskEvent, type TaskEventField, TaskEventSchema } from './event.ts';
import { type StreamId, streamIdTimeMs } from './stream-id.ts';
import { hasControlCharacter } from './text.ts';

/**
 * Events as entries of `task-events:v1`: flat field/value pairs, nested values as JSON.
 * (PROTOCOL.md, "The event")
 */

/** Why an entry is not an event that can be applied. */
export const INVALID_REASONS = [
  'missing_field',
  'invalid_value',
  'entry_too_large',
  'not_utf8',
  'occurred_too_late',
  'project_changed',
  'status_required',
] as const;

export interface InvalidEntry {
  readonly reason: (typeof INVALID_REASONS)[number];
  /** The field at fault; empty when it is the entry as a whole. */
  readonly field: TaskEventField | '';
  /** For a person: what is wrong and what is expected. */
  readonly detail: string;
}

export type DecodedEntry =
  | { readonly kind: 'event'; readonly event: TaskEvent }
  | { readonly kind: 'invalid'; readonly problem: InvalidEntry };

/** The stream that bots append to. */
export const EVENTS_STREAM = 'task-events:v1';

/** Bytes of all field names and values together. */
export const MAX_ENTRY_BYTES = 64 * 1024;

/** How far `occurredAt` may be ahead of the entry's own id: a clock can be wrong by a time zone. */
const MAX_AHEAD_MS = 24 * 60 * 60 * 1000;

/** How a field's text becomes its value. An empty text is `absent` or `clears` what is stored. */
type FieldCodec =
  | { readonly kind: 'text'; readonly empty: 'absent' | 'clears' | 'invalid' }
  | { readonly kind: 'json'; readonly cleared: null | readonly [] }
  | { readonly kind: 'integer' };

const FIELDS: Readonly<Record<TaskEventField, FieldCodec>> = {
  executionId: { kind: 'text', empty: 'invalid' },
  occurredAt: { kind: 'text', empty: 'invalid' },
  project: { kind: 'text', empty: 'absent' },
  status: { kind: 'text', empty: 'absent' },
  taskName: { kind: 'text', empty: 'clears' },
  flow: { kind: 'text', empty: 'clears' },
  actor: { kind: 'json', cleared: null },
  prLinks: { kind: 'json', cleared: [] },
  visibility: { kind: 'json', cleared: null },
  message: { kind: 'text', empty: 'clears' },
  attempt: { kind: 'integer' },
  eventId: { kind: 'text', empty: 'absent' },
};

function isField(name: string): name is TaskEventField {
  return Object.hasOwn(FIELDS, name);
}

/**
 * Reads an entry.
 *
 * @param id the entry's own id, whose time bounds `occurredAt`
 * @param pairs field, value, field, value …; of a repeated field the last counts, unknown fields
 *   are ignored
 */
export function decodeEntry(id: StreamId, pairs: readonly string[]): DecodedEntry {
  if (isTooLarge(pairs)) return TOO_LARGE;
  const texts: Partial<Record<TaskEventField, string>> = {};
  for (let i = 0; i + 1 < pairs.length; i += 2) {
    const name = pairs[i] as string;
    if (isField(name)) texts[name] = pairs[i + 1] as string;
  }
  const values: Partial<Record<TaskEventField, unknown>> = {};
  for (const field of Object.keys(texts) as TaskEventField[]) {
    const value = decodeValue(FIELDS[field], texts[field] as string);
    if (value instanceof SyntaxError) return invalid('invalid_value', field, value.message);
    if (value !== undefined) values[field] = value;
  }
  return judge(values, streamIdTimeMs(id));
}

/**
 * Reads an event that comes as JSON: the same rules as for an entry, empty texts included, so that
 * what passes here is applied. A null is an empty text.
 *
 * @param value any JSON value
 * @param atMs milliseconds since 1970 when it is appended, which bounds `occurredAt`
 */
export function judgeEvent(value: unknown, atMs: number): DecodedEntry {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return invalid('invalid_value', '', 'an event must be a JSON object');
  }
  const values: Partial<Record<TaskEventField, unknown>> = {};
  for (const [field, given] of Object.entries(value)) {
    if (!isField(field)) continue;
    const read = given === '' || given === null ? decodeValue(FIELDS[field], '') : given;
    if (read !== undefined) values[field] = read;
  }
  const judged = judge(values, atMs);
  return judged.kind === 'event' && isTooLarge(encodeEntry(judged.event)) ? TOO_LARGE : judged;
}

const TOO_LARGE = invalid('entry_too_large', '', `an entry is at most ${MAX_ENTRY_BYTES} bytes`);

function judge(values: Partial<Record<TaskEventField, unknown>>, atMs: number): DecodedEntry {
  const parsed = TaskEventSchema.safeParse(values);
  if (!parsed.success) return fromIssue(parsed.error.issues[0] as z.core.$ZodIssue, values);
  if (Date.parse(parsed.data.occurredAt) > atMs + MAX_AHEAD_MS) {
    const detail = 'must be at most 24 h after the time at which it is appended';
    return invalid('occurred_too_late', 'occurredAt', detail);
  }
  return { kind: 'event', event: parsed.data };
}

/** Writes an event as an entry's pairs. The event must have passed `TaskEventSchema`. */
export function encodeEntry(event: TaskEvent): string[] {
  const pairs: string[] = [];
  for (const field of Object.keys(FIELDS) as TaskEventField[]) {
    const value = event[field];
    if (value === undefined) continue;
    pairs.push(field, encodeValue(FIELDS[field], value));
  }
  return pairs;
}

/** Whether the pairs are over the size of an entry. */
export function isTooLarge(pairs: readonly string[]): boolean {
  let units = 0;
  for (const text of pairs) units += text.length;
  // A UTF-16 unit takes at most three bytes, so most entries need no exact count.
  if (units * 3 <= MAX_ENTRY_BYTES) return false;
  if (units > MAX_ENTRY_BYTES) return true;
  const encoder = new TextEncoder();
  let bytes = 0;
  for (const text of pairs) bytes += encoder.encode(text).length;
  return bytes > MAX_ENTRY_BYTES;
}

function decodeValue(codec: FieldCodec, text: string): unknown {
  switch (codec.kind) {
    case 'text':
      if (text !== '' || codec.empty === 'invalid') return text;
      return codec.empty === 'clears' ? null : undefined;
    case 'integer':
      if (text === '') return undefined;
      return /^[1-9]\d{0,15}$/.test(text)
        ? Number(text)
        : new SyntaxError('must be a whole number of at least 1');
    case 'json':
      return text === '' || text === '[]' ? codec.cleared : parseJson(text);
  }
}

function parseJson(text: string): unknown {
  if (hasControlCharacter(text)) return new SyntaxError('must not contain control characters');
  try {
    // JSON's null is no way to clear a field: an empty text is, and both would be two words for one.
    return JSON.parse(text) ?? new SyntaxError('must be JSON other than null; empty clears');
  } catch {
    return new SyntaxError('must be JSON');
  }
}

function encodeValue(codec: FieldCodec, value: NonNullable<unknown> | null): string {
  if (value === null) return '';
  return codec.kind === 'json' ? JSON.stringify(value) : String(value);
}

function fromIssue(issue: z.core.$ZodIssue, values: object): DecodedEntry {
  const [field, ...path] = issue.path;
  const name = String(field) as TaskEventField;
  if (!Object.hasOwn(values, name)) return invalid('missing_field', name, 'is required');
  const where = path.length > 0 ? `${path.join('.')}: ` : '';
  return invalid('invalid_value', name, where + issue.message);
}

function invalid(
  reason: InvalidEntry['reason'],
  field: InvalidEntry['field'],
  detail: string,
): DecodedEntry {
  return { kind: 'invalid', problem: { reason, field, detail } };
}
