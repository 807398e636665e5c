import { setTimeout as delay } from 'node:timers/promises';
import type { Dice } from '../dice.ts';
import type { PlannedViewer } from '../plan/round-plan.ts';
import { AwayError } from './dashboard.ts';

/** How one stream is read. */
export interface Reading {
  /** After so many bytes it is cut. */
  readonly cutAfter: number;
  /** How long it waits after each piece, in milliseconds. */
  readonly waitMs: () => number;
}

/** Past so long a silence a dashboard takes its connection for dead: heartbeats come more often. */
const SILENCE_MS = 4_000;

/** @param isHurried whether it must come to the end: then nothing is cut and nobody waits */
export function readingOf(
  { reading, cutWithin }: PlannedViewer,
  dice: Dice,
  isHurried: () => boolean,
): Reading {
  const isCut = cutWithin !== undefined && !isHurried();
  const cutAfter = isCut ? dice.between(1, cutWithin) : Number.POSITIVE_INFINITY;
  const waits = {
    eager: () => 0,
    slow: () => dice.between(1, 60),
    'in fits': () => (dice.chance(0.05) ? dice.between(500, 2500) : 0),
    stalling: () => (dice.chance(0.25) ? dice.between(3000, 7000) : 0),
  };
  return { cutAfter, waitMs: () => (isHurried() ? 0 : waits[reading]()) };
}

/** The text of a stream. A cut may fall into the middle of a frame, and of a character. */
export async function* textOf(
  response: Response,
  { cutAfter, waitMs }: Reading,
  cut: AbortController,
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let left = cutAfter;
  const watch = () => setTimeout(() => cut.abort(), SILENCE_MS);
  let silence = watch();
  try {
    for await (const chunk of response.body ?? []) {
      clearTimeout(silence);
      yield decoder.decode(chunk.subarray(0, left), { stream: true });
      left -= chunk.length;
      if (left <= 0) return;
      const pauseMs = waitMs();
      if (pauseMs > 0) await delay(pauseMs, undefined, { signal: cut.signal });
      silence = watch();
    }
  } catch (cause) {
    throw new AwayError('the stream broke off', { cause });
  } finally {
    clearTimeout(silence);
  }
}
