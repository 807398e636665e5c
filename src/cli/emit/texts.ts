import type { StreamId } from '@tasktrail/contract';
import type { Place } from './batch.ts';

/** What `emit` says, for a person but for `appendedLine`. */

export interface EmitCounts {
  /** Events that this run appended. */
  readonly appended: number;
  /** Events that an earlier run had appended. */
  readonly repeated: number;
  readonly refused: number;
}

/** Why events are appended no more. */
export type EmitEnd =
  | { readonly kind: 'ended' }
  /** By a signal. */
  | { readonly kind: 'stopped' }
  | { readonly kind: 'gave_up'; readonly afterMs: number; readonly reason: string }
  /** Redis answered what it would answer again. */
  | { readonly kind: 'refused'; readonly reason: string };

/** `line 3`, with the file where there are several. */
export function placeText(place: Place | undefined): string {
  if (place === undefined) return 'line 0';
  return `${place.file === undefined ? '' : `${place.file}, `}line ${place.line}`;
}

/** What became of a line, as NDJSON. */
export function appendedLine({ file, line }: Place, id: StreamId, isRepeat: boolean): string {
  return JSON.stringify({
    ...(file === undefined ? {} : { file }),
    line,
    id,
    ...(isRepeat ? { repeated: true } : {}),
  });
}

/** `1200 events, 400/s`, and what was refused. */
export function countsText(counts: EmitCounts, elapsedMs: number): string {
  const { appended, repeated, refused } = counts;
  const events = appended + repeated;
  const rate = elapsedMs > 0 ? Math.round((events * 1000) / elapsedMs) : 0;
  const problems = refused === 0 ? '' : `, ${refused} refused`;
  return `${events} ${events === 1 ? 'event' : 'events'}, ${rate}/s${problems}`;
}

export function summaryText({ appended, repeated, refused }: EmitCounts): string {
  return `${appended} appended, ${repeated} already there, ${refused} refused`;
}

/**
 * Why lines were left, and what to do; undefined when there is nothing to say.
 *
 * @param server where Redis is, without credentials
 * @param done the last line up to which nothing is left to do
 * @param isLeft whether lines are known to come after it
 */
export function endOfLinesText(
  end: EmitEnd,
  server: string,
  done: Place | undefined,
  counts: EmitCounts,
  isLeft: boolean,
): string | undefined {
  const upTo =
    done === undefined ? 'No line is done' : `Everything up to ${placeText(done)} is done`;
  const state = `${upTo} (${summaryText(counts)})`;
  const again = 'run the same again: it goes on there, and for 24 h appends nothing twice';
  switch (end.kind) {
    case 'ended':
      return undefined;
    case 'stopped':
      if (done === undefined) return 'stopped before the first line; run the same again to go on';
      if (!isLeft) return `stopped after ${placeText(done)}, the last one that was read`;
      return `stopped after ${placeText(done)}; run the same again to go on`;
    case 'gave_up':
      return `${gaveUpText(end, server)}. ${state}. ${START_REDIS}, and ${again}`;
    case 'refused':
      return `${refusedText(end.reason)} ${state}. After that, ${again}`;
  }
}

/**
 * Why the event of the flags was not appended; undefined when there is nothing to say.
 *
 * @param hasEventId whether the flags state it, so that running the same again is one event
 */
export function endOfFlagsText(
  end: EmitEnd,
  server: string,
  hasEventId: boolean,
): string | undefined {
  const again = hasEventId
    ? 'run this again: for 24 h it is not appended twice'
    : 'run this again; only with --event-id it is surely not appended twice';
  switch (end.kind) {
    case 'ended':
      return undefined;
    case 'stopped':
      return `stopped: the event was not confirmed; ${again}`;
    case 'gave_up':
      return `${gaveUpText(end, server)}. The event was not confirmed. ${START_REDIS}, and ${again}`;
    case 'refused':
      return refusedText(end.reason);
  }
}

const START_REDIS = 'Start Redis, or correct TASK_TRACKING_REDIS_URL';

const REMEDIES: Readonly<Record<string, string>> = {
  WRONGTYPE: 'A key holds something else: is this the right Redis?',
  NOPERM: 'The one for this command is tasktrail-emit there.',
};

function gaveUpText(end: EmitEnd & { readonly kind: 'gave_up' }, server: string): string {
  return `gave up: ${server} confirmed nothing for ${end.afterMs} ms (${end.reason})`;
}

function refusedText(reason: string): string {
  const [code = ''] = reason.split(' ', 1);
  const remedy = REMEDIES[code] ?? 'Is this Redis or Valkey, 7.0 or newer?';
  return `Redis refused to append: ${reason}. ${remedy}`;
}
