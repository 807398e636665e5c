import type { StreamId } from '@tasktrail/contract';
import { type Difference, type RepairOutcome, STREAM_END } from '../../repair/repair.ts';
import { printable } from '../quarantine/text.ts';

/** What the commands say for a person. */

/** Characters of a value that a line shows. */
const MOST_SHOWN = 200;

/** A difference as a line: its kind, its execution, and what is wrong. */
export function differenceText(difference: Difference, suffix = ''): string {
  const { kind, executionId } = difference;
  const whose = executionId === null ? '-' : shown(executionId);
  return `${kind}  ${whose}  ${problemOf(difference)}${suffix}`;
}

function problemOf({ kind, key: rawKey, field, expected, found }: Difference): string {
  const key = shown(rawKey);
  const [wanted, had] = [expected, found].map((value) => (value === null ? 'none' : shown(value)));
  switch (kind) {
    case 'checkpoint':
      return expected === null
        ? `${key} has the checkpoint ${had}, which is none, and nothing tells of another`
        : `${key} has the checkpoint ${had}, but events were applied up to ${wanted}`;
    case 'feed_ahead':
      return `${key} ends with ${had}, which is no event`;
    case 'row_missing':
      return `${key} is not there; its last event is ${wanted}`;
    case 'row_unexplained':
      return `${key} is there, and no event explains it`;
    case 'row_field':
      return `${key} has ${field} ${had}, should have ${wanted}`;
    case 'row_unreadable':
      return `${key} has ${field} ${had} and cannot be read, and its events are gone: set it by hand`;
    case 'wrong_type':
      return `${key} is a ${had}, should be ${wanted === 'none' ? 'nothing' : `a ${wanted}`}`;
    case 'member_missing':
      return `is not in ${key}, should be with score ${wanted}`;
    case 'member_score':
      return `is in ${key} with score ${had}, should be with ${wanted}`;
    case 'member_stray':
      return `is in ${key} with score ${had}, should not be`;
    case 'count':
      return `${key} has ${had} members, rows demand ${wanted}`;
    case 'feed_entry':
      return `${key} has ${field} ${had}, should have ${wanted}`;
    case 'feed_missing':
      return `${key} has no entry ${wanted}, although that event was applied`;
    case 'feed_unexplained':
      return `${key} has the entry ${had}, which no event explains`;
  }
}

/** Cut, so that a line stays one that can be read. */
function shown(value: string | number): string {
  const text = String(value);
  return printable(text.length > MOST_SHOWN ? `${text.slice(0, MOST_SHOWN - 1)}…` : text);
}

/** What was read and written, and how fast. */
export function workText({ events, rows, passes, tookMs }: RepairOutcome): string {
  const seconds = Math.max(tookMs, 1) / 1000;
  const rate = (count: number) => `${Math.round(count / seconds)}/s`;
  const times = passes === 1 ? '1 pass' : `${passes} passes`;
  return (
    `${rows} executions (${rate(rows)}) and ${events} events (${rate(events)}) ` +
    `in ${times}, ${seconds.toFixed(1)} s`
  );
}

function goneText(goneTo: StreamId | undefined): string {
  if (goneTo === undefined) return 'they are of events before the first one that is there';
  return goneTo === STREAM_END ? 'all events are gone' : `events up to ${goneTo} are gone`;
}

/** What limits what was said, or follows from what was done. */
export function* notesOf(outcome: RepairOutcome): Generator<string> {
  const { unjudged, goneTo, hasCounted, hasNewEpoch, isWithoutCheckpoint, isStopped } = outcome;
  if (isWithoutCheckpoint) {
    yield 'nothing says how far events were applied: start a projector, which begins with the first ' +
      'event and writes every row by itself, and run this again for what is left over';
  }
  if (unjudged > 0) {
    yield `${unjudged} rows were not judged by their content, since ${goneText(goneTo)}; their ` +
      'ordered sets were compared with them';
  }
  if (!hasCounted && !isStopped) {
    yield 'the sizes of ordered sets were not compared, only their members: the executions were not ' +
      'all compared at the same moment';
  }
  if (hasNewEpoch) {
    yield 'a new epoch was opened: every connected dashboard loads its snapshot again';
  }
}
