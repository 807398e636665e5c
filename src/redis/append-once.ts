import { createHash } from 'node:crypto';
import { parseStreamId, type StreamId } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import type { Keys } from './keys.ts';
import { NamedKeys } from './named-keys.ts';
import { loadScript, runScript } from './script.ts';

const APPEND_ONCE = loadScript('append-once');

/**
 * For how long what comes again is known: an event over HTTP or of `emit`, a request by its name, a
 * webhook. (PROTOCOL.md, "Events over HTTP", "Webhooks")
 */
export const RECORD_SECONDS = 24 * 60 * 60;

/** A key that says, as long as it lives, that something was appended, and under which id. */
export interface AppendRecord {
  readonly key: string;
  readonly keepSeconds: number;
}

/** What is written together with an entry, and only when the entry is. */
export interface AppendNote {
  /**
   * `set` gives a key its value, `claim` does unless it has one, `add` adds the value to the set at
   * the key.
   */
  readonly kind: 'set' | 'claim' | 'add';
  readonly key: string;
  readonly value: string;
  /** Of the whole key, counted from when it was last written. */
  readonly keepSeconds: number;
}

export interface EntryOnce {
  readonly stream: 'events' | 'quarantine';
  /** field, value, field, value …; at least one pair and at most 3,500. */
  readonly pairs: readonly string[];
  /** Any one of them that is there means that the entry was appended. None: it always is. */
  readonly records: readonly AppendRecord[];
  readonly notes?: readonly AppendNote[] | undefined;
}

/** A request as a whole, where its sender named it: the same name must mean the same contents. */
export interface RequestOnce extends AppendRecord {
  readonly fingerprint: string;
}

export interface AppendedEntry {
  readonly id: StreamId;
  /** It had been appended before, and nothing was appended now. */
  readonly isRepeat: boolean;
}

export type RequestOutcome =
  | { readonly kind: 'appended'; readonly entries: readonly AppendedEntry[] }
  /** The request's name stands for other contents. Nothing was appended. */
  | { readonly kind: 'other_request' };

/**
 * Appends entries in order, all of them in one step, but for those that were appended before. To
 * call it again with the same records is always safe, also where the answer of the first call was
 * lost: that is what makes an append exactly one. The records of all its entries are kept, and no
 * time that they are kept begins anew.
 *
 * When it rejects without Redis having answered, the entries may be there or not.
 */
export async function appendOnce(
  redis: Redis,
  keys: Keys,
  entries: readonly EntryOnce[],
): Promise<AppendedEntry[]> {
  return decodeReply(await runAppend(redis, keys, entries, undefined));
}

/** The same for the entries of a request that has a name, which is kept in the same step. */
export async function appendRequestOnce(
  redis: Redis,
  keys: Keys,
  request: RequestOnce,
  entries: readonly EntryOnce[],
): Promise<RequestOutcome> {
  const reply = await runAppend(redis, keys, entries, request);
  return reply === OTHER_REQUEST
    ? { kind: 'other_request' }
    : { kind: 'appended', entries: decodeReply(reply) };
}

/** What the script returns instead of a list. */
const OTHER_REQUEST = 0;

async function runAppend(
  redis: Redis,
  keys: Keys,
  entries: readonly EntryOnce[],
  request: RequestOnce | undefined,
): Promise<unknown> {
  const named = new NamedKeys(keys.events, keys.quarantine);
  const header =
    request === undefined
      ? ['', '', '']
      : [named.placeOf(request.key), request.fingerprint, request.keepSeconds];
  const args: (string | number)[] = [...header, entries.length];
  for (const { stream, pairs, records, notes = [] } of entries) {
    args.push(stream === 'events' ? 1 : 2, pairs.length, ...pairs, records.length);
    for (const { key, keepSeconds } of records) args.push(named.placeOf(key), keepSeconds);
    args.push(notes.length);
    for (const { kind, key, value, keepSeconds } of notes) {
      args.push(kind, named.placeOf(key), value, keepSeconds);
    }
  }
  return await runScript(redis, APPEND_ONCE, named.names, args);
}

/**
 * A short name for several texts together; others never give the same one. The first text of what
 * names a record is the kind of it, so that records of different kinds never meet.
 */
export function digestOf(...texts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(texts)).digest('base64url');
}

function decodeReply(reply: unknown): AppendedEntry[] {
  if (!Array.isArray(reply)) throw new TypeError(`an append was answered ${String(reply)}`);
  const entries: AppendedEntry[] = [];
  for (let i = 0; i + 1 < reply.length; i += 2) {
    const id = parseStreamId(String(reply[i]));
    if (id === undefined)
      throw new TypeError(`a record of an append holds no stream id: ${reply[i]}`);
    entries.push({ id, isRepeat: reply[i + 1] === 1 });
  }
  return entries;
}
