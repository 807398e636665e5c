import { parseStreamId, type StreamId } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { indexScoreOf } from '../read-model/indexes.ts';
import { type Keys, LAYOUT_VERSION } from '../redis/keys.ts';
import { NamedKeys } from '../redis/named-keys.ts';
import { loadScript, runScript } from '../redis/script.ts';
import { encodeTaskRow, type Task } from '../redis/task-row.ts';
import { demandedBy, type Target } from './compare.ts';
import type { Found, FoundRow, MomentPlace } from './moment.ts';

const MEND = loadScript('mend');

/** What is to be written of an execution, if it is still what was compared. */
export interface Mend {
  readonly executionId: string;
  /** The row that was compared. */
  readonly compared: FoundRow;
  readonly row:
    | { readonly kind: 'keep' }
    | { readonly kind: 'write'; readonly task: Task }
    | { readonly kind: 'remove' };
  /** A score that is undefined removes the member. */
  readonly moves: readonly { readonly key: string; readonly score: number | undefined }[];
}

/** Makes a row and its members what they should be; undefined where nobody knows what that is. */
export function mendRow(
  executionId: string,
  target: Target,
  found: Found,
  keys: Keys,
): Mend | undefined {
  const base = { executionId, compared: found.row };
  switch (target.kind) {
    case 'unknown':
      return undefined;
    case 'none':
      return { ...base, row: { kind: 'remove' }, moves: [] };
    case 'task':
    case 'unjudged': {
      const { task } = target;
      const score = indexScoreOf(task);
      return {
        ...base,
        row: target.kind === 'task' ? { kind: 'write', task } : { kind: 'keep' },
        moves: demandedBy(target, keys).map((key) => ({ key, score })),
      };
    }
  }
}

/** As `mendRow`, and takes the execution out of ordered sets besides. */
export function withoutStrays(mend: Mend, strays: readonly string[]): Mend {
  return { ...mend, moves: [...mend.moves, ...strays.map((key) => ({ key, score: undefined }))] };
}

/** Takes the execution out of ordered sets. */
export function mendStrays(executionId: string, found: Found, strays: readonly string[]): Mend {
  return {
    ...{ executionId, compared: found.row, row: { kind: 'keep' } },
    moves: strays.map((key) => ({ key, score: undefined })),
  };
}

export interface MendOutcome {
  /** When they were written. */
  readonly checkpoint: StreamId | undefined;
  /** Which were, in the order in which they were given. */
  readonly isWritten: readonly boolean[];
}

/**
 * Writes each of them, if its row is still the one that was compared and no event of its execution
 * was looked at since. (mend.lua)
 *
 * @param compared the place of the moment at which they were compared
 */
export async function writeMends(
  redis: Redis,
  keys: Keys,
  { checkpoint, epoch }: MomentPlace,
  mends: readonly Mend[],
): Promise<MendOutcome> {
  const named = new NamedKeys(keys.projector, keys.events, keys.repair);
  const args: (string | number)[] = [checkpoint ?? '', epoch ?? '', LAYOUT_VERSION, mends.length];
  for (const { executionId, compared, row, moves } of mends) {
    const pairs = row.kind === 'write' ? encodeTaskRow(row.task) : [];
    args.push(executionId, named.placeOf(keys.execution(executionId)), markOf(compared), row.kind);
    args.push(pairs.length, ...pairs, moves.length);
    for (const { key, score } of moves) args.push(named.placeOf(key), score ?? '');
  }
  const reply = await runScript(redis, MEND, named.names, args);
  const [after, outcomes] = reply as [string, number[]];
  return { checkpoint: parseStreamId(after), isWritten: outcomes.map((written) => written === 1) };
}

/** As mend.lua tells rows from each other. */
function markOf(row: FoundRow): string {
  switch (row.kind) {
    case 'none':
      return '';
    case 'wrong_type':
      return `!${row.type}`;
    case 'row':
      return row.fields.get('lastEventId') ?? '-';
  }
}
