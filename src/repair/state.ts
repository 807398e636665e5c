import {
  compareStreamIds,
  laterStreamId,
  parseStreamId,
  STREAM_START,
  type StreamId,
} from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import type { Keys } from '../redis/keys.ts';
import { loadScript, runScript } from '../redis/script.ts';
import { isBeyond } from './completeness.ts';
import { isWrongType } from './key-types.ts';
import { readMoment } from './moment.ts';
import { scanReadModel } from './scan.ts';

const READ_QUARANTINE = loadScript('read-quarantine');
const RESTORE_CHECKPOINT = loadScript('restore-checkpoint');

/** An entry of the feed as it is stored. */
export interface FeedEntry {
  readonly id: StreamId;
  readonly pairs: readonly string[];
}

/** The projector's hash and the end of the feed, of one moment. */
export interface StoredState {
  /** Undefined also where what is stored cannot be one. */
  readonly checkpoint: StreamId | undefined;
  /** What is stored as the checkpoint; empty for nothing. */
  readonly found: string;
  readonly epoch: string | undefined;
  /** Newest first. */
  readonly feedEnd: readonly FeedEntry[];
}

/** How far events were applied, by every sign that there is. */
export type AppliedTo =
  /** As the checkpoint says. */
  | { readonly kind: 'checkpoint' }
  /** To this event: further than the checkpoint says, which is behind, lost or cannot be. */
  | { readonly kind: 'further'; readonly id: StreamId }
  /** The checkpoint cannot be one, and nothing tells of another. */
  | { readonly kind: 'reset' }
  /** The feed is ahead of the checkpoint by a change that is of none of these events. */
  | { readonly kind: 'foreign_feed'; readonly last: StreamId }
  /** There is no checkpoint, and nothing that tells of one. */
  | { readonly kind: 'nothing_known' };

export async function readState(
  redis: Redis,
  keys: Keys,
  feedEntries: number,
): Promise<StoredState> {
  const replies = await redis
    .multi()
    .hmget(keys.projector, 'checkpoint', 'epoch', 'checkpointAhead')
    .xrevrange(keys.updates, '+', '-', 'COUNT', feedEntries)
    .xinfo('STREAM', keys.events)
    .exec();
  const [[hashError, hash], [feedError, entries], [eventsError, info]] = replies as [
    [Error | null, (string | null)[]],
    [Error | null, [string, string[]][]],
    [Error | null, unknown[]],
  ];
  // What is of another type is told, and holds nothing.
  for (const error of [hashError, feedError]) {
    if (error !== null && !isWrongType(error)) throw error;
  }
  const [found, epoch, ahead] = hashError === null ? hash : [];
  const checkpoint = parseStreamId(found ?? '');
  const isThere = eventsError === null;
  const lastGiven = isThere ? parseStreamId(String(infoOf(info, 'last-generated-id'))) : undefined;
  const checkpointAhead = parseStreamId(ahead ?? '');
  const signs = { checkpoint, checkpointAhead, isThere, lastGiven };
  return {
    checkpoint: isBeyond(signs) ? undefined : checkpoint,
    found: found ?? '',
    epoch: epoch ?? undefined,
    feedEnd: (feedError === null ? entries : []).flatMap(([text, pairs]) => {
      const id = parseStreamId(text);
      return id === undefined ? [] : [{ id, pairs }];
    }),
  };
}

/**
 * Finds out how far events were applied. A commit looks at events in their order, so whatever tells
 * of one that was looked at tells that all before it were, too: to go on after it neither skips nor
 * repeats any, and nothing is quarantined a second time.
 */
export async function findApplied(
  redis: Redis,
  keys: Keys,
  { checkpoint, found, feedEnd }: StoredState,
): Promise<AppliedTo> {
  const last = feedEnd[0]?.id;
  const isAhead = last !== undefined && compareStreamIds(last, checkpoint ?? STREAM_START) > 0;
  if (isAhead && !(await isEvent(redis, keys, last))) return { kind: 'foreign_feed', last };
  if (checkpoint !== undefined && !isAhead) return { kind: 'checkpoint' };
  const signs = isAhead ? [last] : [];
  if (checkpoint === undefined) {
    signs.push(...(await quarantinedIds(redis, keys)), ...(await latestInRows(redis, keys)));
  }
  let id: StreamId = STREAM_START;
  for (const sign of signs) {
    if (compareStreamIds(sign, id) > 0 && (await isEvent(redis, keys, sign))) id = sign;
  }
  if (id !== STREAM_START) return { kind: 'further', id };
  return found === '' ? { kind: 'nothing_known' } : { kind: 'reset' };
}

/** @returns whether it was done; false where the projector was first */
export async function restoreApplied(
  redis: Redis,
  keys: Keys,
  { found }: StoredState,
  applied: AppliedTo,
): Promise<boolean> {
  const names = [keys.projector, keys.updates, keys.repair];
  switch (applied.kind) {
    case 'foreign_feed':
      return await restore(redis, names, [found, '', 0, 0, applied.last, 0, '']);
    case 'further': {
      const { added, length, lastGiven, before, account } = await countEntries(redis, keys);
      const waiting = await countBetween(redis, keys, applied.id, lastGiven);
      const read = before + added - waiting;
      const counts = [read, added - length];
      return await restore(redis, names, [found, applied.id, ...counts, '', 0, account]);
    }
    case 'reset': {
      const { before, account } = await countEntries(redis, keys);
      return await restore(redis, names, [found, '', before, 0, '', 1, account]);
    }
    default:
      return true;
  }
}

async function restore(redis: Redis, names: string[], args: (string | number)[]): Promise<boolean> {
  return (await runScript(redis, RESTORE_CHECKPOINT, names, args)) === 1;
}

async function isEvent(redis: Redis, keys: Keys, id: StreamId): Promise<boolean> {
  return (await readMoment(redis, keys, id, new Map())).place.holdsLast;
}

/** Entries of the quarantine that are looked at, and bounds of what is read of them. */
const QUARANTINE_ENTRIES = 20;
const ENTRY_BYTES = 65_536;
const CUT_BYTES = 64;

/** The events that were quarantined last. */
async function quarantinedIds(redis: Redis, keys: Keys): Promise<StreamId[]> {
  const range = ['XREVRANGE', '+', '-', QUARANTINE_ENTRIES];
  const bounds = [ENTRY_BYTES, CUT_BYTES, CUT_BYTES, QUARANTINE_ENTRIES * ENTRY_BYTES];
  const reply = await runScript(redis, READ_QUARANTINE, [keys.quarantine], [...range, ...bounds]);
  return (reply as [string, string[]][]).flatMap(([, texts]) => {
    const [field, source = ''] = texts.slice(-2);
    const id = parseStreamId(source);
    return field !== 'sourceId' || id === undefined ? [] : [id];
  });
}

/** The latest events that rows name, page by page: a page's best is enough, if it is an event. */
async function latestInRows(redis: Redis, keys: Keys): Promise<StreamId[]> {
  let latest: StreamId = STREAM_START;
  for await (const { rows } of scanReadModel(redis, keys)) {
    const texts = await Promise.all(
      rows.map((id) => redis.hget(keys.execution(id), 'lastEventId').catch(() => null)),
    );
    const ids = texts.flatMap((text) => parseStreamId(text ?? '') ?? []);
    ids.sort((a, b) => compareStreamIds(b, a));
    for (const id of ids) {
      if (compareStreamIds(id, latest) <= 0) break;
      if (await isEvent(redis, keys, id)) latest = laterStreamId(latest, id);
    }
  }
  return [latest];
}

interface EntryCounts {
  readonly added: number;
  readonly length: number;
  /** The last id that the stream had given by then. */
  readonly lastGiven: string;
  /** Added to earlier streams, by the projector's account or by what was read of them. */
  readonly before: number;
  /** The account that tells of these, where the stored one does not yet; else empty. */
  readonly account: string;
}

async function countEntries(redis: Redis, keys: Keys): Promise<EntryCounts> {
  const info = (await redis.xinfo('STREAM', keys.events)) as unknown[];
  const stored = await redis.hmget(keys.projector, 'eventsAccount', 'entriesRead');
  const [accountText, readText] = stored.map((text) => text ?? '');
  const numbers = accountText?.split(' ').map((text) => Number(text) || 0) ?? [];
  const [seen = 0, before = 0, removed = 0, lost = 0] = numbers;
  const [added, length] = [Number(infoOf(info, 'entries-added')), Number(infoOf(info, 'length'))];
  const read = Number(readText) || 0;
  const lastGiven = String(infoOf(info, 'last-generated-id'));
  if (added >= seen && read <= before + added) {
    return { added, length, lastGiven, before, account: '' };
  }
  // Begun anew since the account was made: what is set back now would no longer show it.
  const earlier = Math.max(before + seen, read);
  const account = [added, earlier, removed, lost].join(' ');
  return { added, length, lastGiven, before: earlier, account };
}

function infoOf(info: unknown[], name: string): unknown {
  return info[info.indexOf(name) + 1];
}

const COUNT_PAGE = 1000;

/** @param to what comes after it was not counted as added, either: bots go on meanwhile */
async function countBetween(redis: Redis, keys: Keys, id: StreamId, to: string): Promise<number> {
  let count = 0;
  let after: string = id;
  while (true) {
    const page = await redis.xrange(keys.events, `(${after}`, to, 'COUNT', COUNT_PAGE);
    count += page.length;
    const last = page.at(-1);
    if (last === undefined || page.length < COUNT_PAGE) return count;
    after = last[0];
  }
}
