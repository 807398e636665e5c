import { parseStreamId, STREAM_START, type StreamId } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import type { Keys } from '../redis/keys.ts';
import { requireLayout } from '../redis/layout.ts';
import { NamedKeys } from '../redis/named-keys.ts';
import { loadScript, runScript } from '../redis/script.ts';
import { isBeyond, type Removals, removalsOf } from './completeness.ts';

const READ_MOMENT = loadScript('read-moment');

export type FoundRow =
  | { readonly kind: 'none' }
  /** Field by field, as it is stored. */
  | { readonly kind: 'row'; readonly fields: ReadonlyMap<string, string> }
  /** The key holds no hash. */
  | { readonly kind: 'wrong_type'; readonly type: string };

export type FoundMember =
  | { readonly kind: 'none' }
  | { readonly kind: 'member'; readonly score: number }
  /** The key holds no ordered set. */
  | { readonly kind: 'wrong_type'; readonly type: string };

/** An execution as it is stored, as far as it was asked for. */
export interface Found {
  readonly row: FoundRow;
  /** By the keys of the ordered sets that were asked. */
  readonly members: ReadonlyMap<string, FoundMember>;
}

/** The keys of the ordered sets to ask for each execution. */
export type Asked = ReadonlyMap<string, ReadonlySet<string>>;

/** Where a moment is. */
export interface MomentPlace extends Removals {
  /** Undefined also where something else than a position is stored. */
  readonly checkpoint: StreamId | undefined;
  /** Whether it is of an event that its stream had not given when it was put there. */
  readonly isBeyond: boolean;
  readonly epoch: string | undefined;
  /** Whether the event that was read last is still in the stream. */
  readonly holdsLast: boolean;
  /** Whether there are events that were not applied yet. */
  readonly hasWaiting: boolean;
}

export interface Moment {
  readonly place: MomentPlace;
  readonly found: ReadonlyMap<string, Found>;
  /** Members of the ordered sets that were asked, by key; 0 where there is none. */
  readonly sizes: ReadonlyMap<string, number>;
}

/**
 * Reads executions, and sizes of ordered sets, in one step.
 *
 * @param last the event that was read last; the start of the stream for none
 * @throws FatalError, OlderLayoutError when the read model has another layout
 */
export async function readMoment(
  redis: Redis,
  keys: Keys,
  last: StreamId,
  asked: Asked,
  sized: readonly string[] = [],
): Promise<Moment> {
  const named = new NamedKeys(keys.projector, keys.events);
  const args: (string | number)[] = [last, asked.size];
  for (const [executionId, sets] of asked) {
    args.push(executionId, named.placeOf(keys.execution(executionId)), sets.size);
    for (const set of sets) args.push(named.placeOf(set));
  }
  args.push(sized.length, ...sized.map((key) => named.placeOf(key)));
  const [at, executions, sizes] = (await runScript(redis, READ_MOMENT, named.names, args)) as Reply;
  const found = new Map<string, Found>();
  let index = 0;
  for (const [executionId, sets] of asked) {
    const [row, scores] = executions[index] ?? [[], []];
    const members = [...sets].map((set, i) => [set, toMember(scores[i] ?? null)] as const);
    found.set(executionId, { row: toRow(row), members: new Map(members) });
    index += 1;
  }
  return {
    place: toPlace(at),
    found,
    sizes: new Map(sized.map((key, i) => [key, Number(sizes[i]) || 0])),
  };
}

/** As the header of read-moment.lua says. */
type Reply = readonly [
  at: PlaceReply,
  executions: readonly (readonly [string | readonly string[], readonly (string | null)[]])[],
  sizes: readonly (number | string | null)[],
];

type PlaceReply = readonly [
  layout: string,
  program: string,
  epoch: string,
  checkpoint: string,
  checkpointAhead: string,
  trimmedTo: string,
  entriesRead: string,
  eventsAccount: string,
  isThere: number,
  first: string,
  lastGiven: string,
  added: number,
  removed: number,
  deletedTo: string,
  holdsCheckpoint: number,
  holdsLast: number,
  waiting: number,
];

function toPlace(reply: PlaceReply): MomentPlace {
  const [layout, program, epoch, checkpointText, checkpointAhead, trimmedTo, ...more] = reply;
  const [entriesRead, account, isThere, first, lastGiven, added, removed, deletedTo, ...held] =
    more;
  const [holdsCheckpoint, holdsLast, waiting] = held;
  requireLayout({ layout, program });
  const checkpoint = parseStreamId(checkpointText);
  const [seen, before] = account.split(' ').map((text) => Number(text) || 0);
  const signs = {
    checkpoint,
    checkpointAhead: parseStreamId(checkpointAhead),
    holdsCheckpoint: holdsCheckpoint === 1,
    isThere: isThere === 1,
    first: parseStreamId(first),
    lastGiven: parseStreamId(lastGiven),
    added,
    removed,
    deletedTo: deletedTo === STREAM_START ? undefined : parseStreamId(deletedTo),
    trimmedTo: parseStreamId(trimmedTo),
    entriesRead: Number(entriesRead) || 0,
    seen: seen ?? 0,
    before: before ?? 0,
  };
  return {
    ...removalsOf(signs),
    checkpoint,
    isBeyond: isBeyond(signs),
    epoch: epoch || undefined,
    holdsLast: holdsLast === 1,
    hasWaiting: waiting === 1,
  };
}

function toRow(reply: string | readonly string[]): FoundRow {
  if (typeof reply === 'string') return { kind: 'wrong_type', type: reply.slice(1) };
  if (reply.length === 0) return { kind: 'none' };
  const fields = new Map<string, string>();
  for (let i = 0; i + 1 < reply.length; i += 2) fields.set(reply[i] ?? '', reply[i + 1] ?? '');
  return { kind: 'row', fields };
}

function toMember(reply: string | null): FoundMember {
  if (reply === null) return { kind: 'none' };
  if (reply.startsWith('!')) return { kind: 'wrong_type', type: reply.slice(1) };
  return { kind: 'member', score: Number(reply) };
}
