import { isUtf8 } from 'node:buffer';
import {
  decodeEntry,
  encodeEntry,
  judgeEvent,
  MAX_ENTRY_BYTES,
  type StreamId,
  streamIdTimeMs,
  type TaskEvent,
  TaskEventSchema,
} from '@tasktrail/contract';
import { FORGES, type Forge, type MappedWebhook } from '../../intake/intake.ts';
import { mapWebhook } from '../../intake/webhooks/webhook-map.ts';
import {
  originOf,
  type ParkedWebhook,
  pairsBeforeReplay,
  type QuarantineEntry,
  withSource,
} from '../../redis/quarantine-entry.ts';

/** What keeps an entry from being an event. `reason` as in the quarantine. */
export interface Fault {
  readonly reason: string;
  readonly field: string;
  readonly detail: string;
}

/** What an entry would be if it were appended to the events now. */
export type Replayable =
  /** `pairs` are what is appended, the source included. */
  | { readonly kind: 'event'; readonly event: TaskEvent; readonly pairs: readonly Buffer[] }
  | { readonly kind: 'invalid'; readonly fault: Fault }
  /** It tells of no task: there is nothing to append. */
  | { readonly kind: 'no_event'; readonly detail: string };

/** Fields to replace or to add, by name. An empty value counts as in any event. */
export type Mending = ReadonlyMap<string, string>;

/**
 * Makes an entry into what is appended in its place, and judges that as the projector will: no I/O.
 * Whether its task can take it is another question.
 *
 * @param nextId about the id that it would get, whose time bounds `occurredAt`
 */
export function toReplayable(
  entry: QuarantineEntry,
  mending: Mending,
  nextId: StreamId,
): Replayable {
  switch (entry.kind) {
    case 'foreign':
      return { kind: 'no_event', detail: 'nothing of Tasktrail wrote this entry' };
    case 'webhook': {
      const mapped = pairsOfWebhook(entry, streamIdTimeMs(nextId));
      return mapped.kind === 'pairs' ? judge(entry, mapped.pairs, mending, nextId) : mapped;
    }
    case 'event':
      return judge(entry, pairsBeforeReplay(entry), mending, nextId);
  }
}

/** What a webhook tells of now, whatever it did when it came. */
export function mapAgain({ forge, name, delivery, payload }: ParkedWebhook): MappedWebhook {
  if (!isForge(forge)) return { kind: 'unmapped', reason: `${forge} is no forge that is known` };
  let parsed: unknown;
  try {
    parsed = JSON.parse(payload);
  } catch {
    return { kind: 'invalid', field: '', reason: 'the payload is not JSON' };
  }
  return mapWebhook(forge, name, parsed, { id: delivery === '' ? undefined : delivery });
}

function pairsOfWebhook(
  entry: ParkedWebhook,
  nowMs: number,
): { readonly kind: 'pairs'; readonly pairs: readonly Buffer[] } | Replayable {
  const mapped = mapAgain(entry);
  switch (mapped.kind) {
    case 'event': {
      const judged = judgeEvent(mapped.event, nowMs);
      if (judged.kind === 'invalid') return { kind: 'invalid', fault: judged.problem };
      const texts = [...encodeEntry(judged.event), 'producer', entry.forge];
      return { kind: 'pairs', pairs: texts.map((text) => Buffer.from(text)) };
    }
    case 'invalid':
      return invalid(entry.reason, mapped.field, mapped.reason);
    case 'pull_request':
      return { kind: 'no_event', detail: 'a pull request, which is no task: leave it or drop it' };
    case 'ignored':
    case 'unmapped':
      return { kind: 'no_event', detail: mapped.reason };
  }
}

function judge(
  entry: QuarantineEntry,
  original: readonly Buffer[],
  mending: Mending,
  nextId: StreamId,
): Replayable {
  const stray = [...mending.keys()].find((name) => !isFieldOf(original, name));
  if (stray !== undefined) {
    return invalid('invalid_value', stray, 'is no field of events, and this entry has none either');
  }
  const pairs = withSource(mend(original, mending), originOf(entry));
  const bytes = pairs.reduce((sum, text) => sum + text.length + (entry.cuts.get(text) ?? 0), 0);
  if (bytes > MAX_ENTRY_BYTES) {
    return invalid('entry_too_large', '', `has ${bytes} bytes, at most ${MAX_ENTRY_BYTES} may be`);
  }
  if (pairs.some((text) => entry.cuts.has(text))) {
    return invalid('entry_too_large', '', 'is too large to be read whole: append it anew by hand');
  }
  if (!pairs.every((text) => isUtf8(text))) {
    return invalid('not_utf8', '', 'field names and values must be UTF-8');
  }
  const decoded = decodeEntry(nextId, pairs.map(String));
  return decoded.kind === 'event'
    ? { kind: 'event', event: decoded.event, pairs }
    : { kind: 'invalid', fault: decoded.problem };
}

/** A name that comes again would still count as bytes, so only its first place stays. */
function mend(pairs: readonly Buffer[], mending: Mending): Buffer[] {
  if (mending.size === 0) return [...pairs];
  const mended: Buffer[] = [];
  const left = new Map(mending);
  for (let place = 0; place + 1 < pairs.length; place += 2) {
    const name = pairs[place] as Buffer;
    const value = left.get(String(name));
    if (value !== undefined) mended.push(name, Buffer.from(value));
    else if (!mending.has(String(name))) mended.push(name, pairs[place + 1] as Buffer);
    left.delete(String(name));
  }
  for (const [name, value] of left) mended.push(Buffer.from(name), Buffer.from(value));
  return mended;
}

function isFieldOf(pairs: readonly Buffer[], name: string): boolean {
  if (Object.hasOwn(TaskEventSchema.shape, name)) return true;
  return pairs.some((part, place) => place % 2 === 0 && String(part) === name);
}

function isForge(text: string): text is Forge {
  return (FORGES as readonly string[]).includes(text);
}

function invalid(reason: string, field: string, detail: string): Replayable {
  return { kind: 'invalid', fault: { reason, field, detail } };
}
