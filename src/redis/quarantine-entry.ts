import {
  compareStreamIds,
  INVALID_REASONS,
  parseStreamId,
  type REFUSAL_REASONS,
  type StreamId,
} from '@tasktrail/contract';

/**
 * An entry of `task-events:v1:quarantine`, taken apart. (PROTOCOL.md, "Quarantine")
 *
 * What was appended is kept as bytes, because it may be no text: a reader that made texts of it
 * could not give it back as it was.
 */
export type QuarantineEntry = QuarantinedEvent | ParkedWebhook | ForeignEntry;

export type Cuts = ReadonlyMap<Buffer, number>;

const NO_CUTS: Cuts = new Map();

/** What every entry says of itself; the three texts are empty where it is foreign. */
interface Quarantined {
  /** Its own id, in the quarantine. */
  readonly id: StreamId;
  readonly reason: string;
  /** What was at fault; empty: the entry as a whole. */
  readonly field: string;
  /** For a person. */
  readonly detail: string;
  /** name, value, name, value … as they were appended, byte for byte, but for what is cut. */
  readonly pairs: readonly Buffer[];
  /** How many bytes its reader has left out of which texts, where the entry is very large. */
  readonly cuts: Cuts;
}

/** An entry of the stream of events that could not be applied. */
export interface QuarantinedEvent extends Quarantined {
  readonly kind: 'event';
  /** The id that it has in the stream of events. */
  readonly sourceId: StreamId;
}

/** What a forge sent, where it could not be mapped to an event. */
export interface ParkedWebhook extends Quarantined {
  readonly kind: 'webhook';
  readonly forge: string;
  readonly name: string;
  /** The id of the delivery; empty where the forge gave none. */
  readonly delivery: string;
  /** JSON as it came. */
  readonly payload: string;
}

/** Written by something else: it does not end as an entry of the quarantine does. */
export interface ForeignEntry extends Quarantined {
  readonly kind: 'foreign';
}

/** The reason of a parked webhook. The projector gives it to nothing. */
const UNMAPPED_PAYLOAD = 'unmapped_payload' satisfies (typeof REFUSAL_REASONS)[number];

/** Every reason for which something is in the quarantine. */
export const QUARANTINE_REASONS: readonly string[] = [...INVALID_REASONS, UNMAPPED_PAYLOAD];

const TAIL = ['reason', 'field', 'detail', 'sourceId'] as const;

/** The pairs of a webhook that is kept: `decodeQuarantineEntry` reads them again. */
export function encodeParkedWebhook(
  webhook: Pick<ParkedWebhook, 'forge' | 'name' | 'delivery' | 'payload' | 'field' | 'detail'>,
): string[] {
  const { forge, name, delivery, payload, field, detail } = webhook;
  const said: Record<(typeof TAIL)[number], string> = {
    reason: UNMAPPED_PAYLOAD,
    field,
    detail,
    sourceId: '',
  };
  const kept = { webhook: forge, name, delivery, payload };
  return [...Object.entries(kept).flat(), ...TAIL.flatMap((each) => [each, said[each]])];
}

/** An entry of more names and values than this is kept as one JSON array of them. */
export const MOST_TEXTS = 7000;

/**
 * @param texts name, value, name, value … of the entry
 * @param cuts by the texts themselves
 */
export function decodeQuarantineEntry(
  id: StreamId,
  texts: readonly Buffer[],
  cuts = NO_CUTS,
): QuarantineEntry {
  const kept = texts.slice(0, -2 * TAIL.length);
  const tail = texts.slice(kept.length).map(String);
  if (!TAIL.every((name, place) => tail[2 * place] === name)) {
    return { kind: 'foreign', id, reason: '', field: '', detail: '', pairs: texts, cuts };
  }
  const [, reason = '', , field = '', , detail = '', , source = ''] = tail;
  const said = { id, reason, field, detail, cuts };
  if (reason === UNMAPPED_PAYLOAD) {
    const forge = lastValueOf(kept, 'webhook');
    const name = lastValueOf(kept, 'name');
    const payload = lastValueOf(kept, 'payload');
    if (forge !== undefined && name !== undefined && payload !== undefined) {
      const delivery = lastValueOf(kept, 'delivery') ?? '';
      return { kind: 'webhook', ...said, pairs: kept, forge, name, delivery, payload };
    }
  }
  const sourceId = parseStreamId(source);
  const pairs = unpackArray(kept) ?? kept;
  if (sourceId === undefined) return { kind: 'foreign', ...said, pairs };
  return { kind: 'event', ...said, pairs, sourceId };
}

/** The value that counts of a name, as text; undefined where the name is not there. */
export function lastValueOf(pairs: readonly Buffer[], name: string): string | undefined {
  for (let place = pairs.length - 2; place >= 0; place -= 2) {
    if (String(pairs[place]) === name) return String(pairs[place + 1]);
  }
  return undefined;
}

/**
 * Where it all began: the event itself; of one that was replayed before, what was replayed first; of
 * a webhook the entry in the quarantine. Entries are replayed in this order.
 */
export function originOf(entry: QuarantineEntry): StreamId {
  if (entry.kind !== 'event') return entry.id;
  return formerSourceOf(entry) ?? entry.sourceId;
}

/** The pairs as they were before any replay, without the `sourceId` that a replay adds. */
export function pairsBeforeReplay(entry: QuarantineEntry): readonly Buffer[] {
  const wasReplayed = entry.kind === 'event' && formerSourceOf(entry) !== undefined;
  return wasReplayed ? entry.pairs.slice(0, -2) : entry.pairs;
}

/** The pairs of an entry to append, so that it says where it comes from. */
export function withSource(pairs: readonly Buffer[], source: StreamId): Buffer[] {
  return [...pairs, Buffer.from('sourceId'), Buffer.from(source)];
}

/** A bot may have a field of this name, too: only an earlier id is that of a replay. */
function formerSourceOf({ pairs, sourceId }: QuarantinedEvent): StreamId | undefined {
  if (String(pairs.at(-2)) !== 'sourceId') return undefined;
  const former = parseStreamId(String(pairs.at(-1)));
  return former !== undefined && compareStreamIds(former, sourceId) < 0 ? former : undefined;
}

/** Undefined for anything but an entry that was kept as one JSON array. */
function unpackArray(pairs: readonly Buffer[]): Buffer[] | undefined {
  const [name, array] = pairs;
  if (pairs.length !== 2 || String(name) !== 'entry' || array === undefined) return undefined;
  try {
    // A byte a character: the array holds the bytes as they are, and they may be no text.
    const texts: unknown = JSON.parse(array.toString('latin1'));
    const isPacked = Array.isArray(texts) && texts.length > MOST_TEXTS;
    return isPacked ? texts.map((text) => Buffer.from(String(text), 'latin1')) : undefined;
  } catch {
    return undefined;
  }
}
