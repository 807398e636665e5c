import { createHash } from 'node:crypto';
import {
  type EventRefusal,
  encodeEntry,
  isTooLarge,
  judgeEvent,
  MAX_ENTRY_BYTES,
  type TaskEvent,
} from '@tasktrail/contract';
import {
  type AppendNote,
  digestOf,
  type EntryOnce,
  RECORD_SECONDS,
  type RequestOnce,
} from '../../redis/append-once.ts';
import type { Keys } from '../../redis/keys.ts';
import type { EventsRequest } from '../intake.ts';
import type { EventItem } from './event-body.ts';
import type { JudgedEvent } from './project-scope.ts';

/** Longer than the server itself tries again. */
const KEEP_UNNAMED_SECONDS = 60;

/** What a request is known by. */
export interface RequestName {
  readonly producer: string;
  /** Its `Idempotency-Key`, and what makes another request under the same key another one. */
  readonly named: { readonly key: string; readonly fingerprint: string } | undefined;
}

/** A part of a request: an entry to append, or why there is none. */
export type EntryPart =
  | { readonly kind: 'entry'; readonly entry: EntryOnce }
  | { readonly kind: 'refused'; readonly refusal: EventRefusal };

export function nameOf({ producer, idempotencyKey, mediaType, body }: EventsRequest): RequestName {
  if (idempotencyKey === undefined) return { producer: producer.name, named: undefined };
  const fingerprint = createHash('sha256')
    .update(`${mediaType}\n`)
    .update(body)
    .digest('base64url');
  return { producer: producer.name, named: { key: idempotencyKey, fingerprint } };
}

/** The record of the request as a whole; undefined when it has no key. */
export function requestOnceOf(
  { producer, named }: RequestName,
  keys: Keys,
): RequestOnce | undefined {
  if (named === undefined) return undefined;
  const key = keys.intake.record(digestOf('request', producer, named.key));
  return { key, fingerprint: named.fingerprint, keepSeconds: RECORD_SECONDS };
}

/** @param atMs milliseconds since 1970 */
export function judgeItem(item: EventItem, atMs: number): JudgedEvent {
  if (item.kind === 'refused') return item;
  const judged = judgeEvent(item.value, atMs);
  if (judged.kind === 'event') return judged;
  const { reason, field, detail } = judged.problem;
  // Only where events are applied is it known that a project changed or that an attempt began.
  const isOfFold = reason === 'project_changed' || reason === 'status_required';
  return {
    kind: 'refused',
    refusal: { field, reason: isOfFold ? 'invalid_value' : reason, detail },
  };
}

/**
 * Makes the entry of an event, which names its producer in a further field: for operators, since
 * nothing reads it where events are applied.
 *
 * An entry is known again by its place in a request of the same name and contents, and by the
 * `eventId` that it was sent with. An event that was sent without one is given its place as such, so
 * that its copy changes nothing where events are applied, either. The contents are part of the
 * place, because a key may be used for others once it is forgotten.
 *
 * @param place in the request, from 0
 * @param requestId never the same twice: the record of what has neither is known to nobody else
 */
export function toEntry(
  event: TaskEvent,
  place: number,
  { producer, named }: RequestName,
  requestId: string,
  keys: Keys,
): EntryPart {
  const { executionId, eventId } = event;
  const digests: string[] = [];
  if (eventId !== undefined) digests.push(digestOf('event', producer, executionId, eventId));
  let sent = event;
  if (named !== undefined) {
    const digest = digestOf('place', producer, named.key, named.fingerprint, String(place));
    digests.push(digest);
    sent = { ...event, eventId: eventId ?? digest };
  }
  const pairs = [...encodeEntry(sent), 'producer', producer];
  if (isTooLarge(pairs)) return TOO_LARGE;
  const keepSeconds = digests.length > 0 ? RECORD_SECONDS : KEEP_UNNAMED_SECONDS;
  if (digests.length === 0) digests.push(digestOf('once', requestId, String(place)));
  const records = digests.map((digest) => ({ key: keys.intake.record(digest), keepSeconds }));
  return {
    kind: 'entry',
    entry: { stream: 'events', pairs, records, notes: notesOf(event, keys) },
  };
}

const TOO_LARGE: EntryPart = {
  kind: 'refused',
  refusal: {
    field: '',
    reason: 'entry_too_large',
    detail: `an entry is at most ${MAX_ENTRY_BYTES} bytes, with the name of its producer`,
  },
};

/** Of an event that may be the first of its execution: the first one settles its project. */
function notesOf({ executionId, project, status }: TaskEvent, keys: Keys): AppendNote[] {
  if (project === undefined || status === undefined) return [];
  const key = keys.intake.projectOf(executionId);
  return [{ kind: 'claim', key, value: project, keepSeconds: RECORD_SECONDS }];
}
