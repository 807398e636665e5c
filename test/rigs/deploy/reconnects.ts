import { quantile } from '../../../bench/harness/statistics.ts';
import type { Absence } from './viewer.ts';

export type EndSignal = 'SIGTERM' | 'SIGKILL';

/** How the viewers of one server came back after it had ended. */
export interface Reconnects {
  readonly viewers: number;
  /** Requests for a stream in each second since the server was told to end. */
  readonly perSecond: readonly number[];
  /** The most that a second may hold. */
  readonly limit: number;
  /** How long a viewer was without a stream, in milliseconds. */
  readonly medianMs: number;
  readonly longestMs: number;
  /** What is not as promised. */
  readonly findings: readonly string[];
}

/**
 * The share of viewers that is expected in the fullest second. Every client waits 1 to 4 s, at random,
 * before it comes back: a third of those who were cut off at the same time come in each of three
 * seconds. A drain besides ends streams one after the other over 4 s, which leaves a quarter.
 */
const FULLEST_SHARE: Readonly<Record<EndSignal, number>> = { SIGTERM: 1 / 4, SIGKILL: 1 / 3 };
/** Standard deviations of chance that are allowed: one run in ten thousand has more. */
const DEVIATIONS = 4;
/** A client waits 4 s at most, and the rest is the machine's. */
const LONGEST_ABSENCE_MS = 10_000;
/** What their server told them, or that it told them nothing. */
const WHY: Readonly<Record<EndSignal, string>> = { SIGTERM: 'draining', SIGKILL: 'broken' };

/** Judges the absences that a signal caused. */
export function judgeReconnects(
  absences: readonly Absence[],
  signal: EndSignal,
  signalledAtMs: number,
): Reconnects {
  const perSecond: number[] = [];
  for (const askedAtMs of absences.flatMap((absence) => absence.askedAtMs)) {
    const second = Math.floor((askedAtMs - signalledAtMs) / 1000);
    while (perSecond.length <= second) perSecond.push(0);
    perSecond[second] = (perSecond[second] ?? 0) + 1;
  }
  const limit = limitOf(absences.length, signal);
  const lengthsMs = absences.map(({ endedAtMs, liveAtMs = Number.POSITIVE_INFINITY }) => {
    return liveAtMs - endedAtMs;
  });
  const fullest = Math.max(0, ...perSecond);
  const longestMs = Math.max(0, ...lengthsMs);
  const others = absences.filter(({ why }) => why !== WHY[signal]);
  return {
    ...{ viewers: absences.length, perSecond, limit, longestMs },
    medianMs: quantile(lengthsMs, 0.5),
    findings: [
      ...(fullest > limit ? [`${fullest} came back within a second, of ${limit} at most`] : []),
      ...(longestMs > LONGEST_ABSENCE_MS ? [`a viewer was away for ${longestMs} ms`] : []),
      ...others.slice(0, 3).map(({ why }) => `a stream ended as "${why}", not as "${WHY[signal]}"`),
    ],
  };
}

/** @returns viewers that may come back within one second */
export function limitOf(viewers: number, signal: EndSignal): number {
  const share = FULLEST_SHARE[signal];
  return Math.ceil(viewers * share + DEVIATIONS * Math.sqrt(viewers * share * (1 - share)));
}
