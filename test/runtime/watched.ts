import { onTestFinished, vi } from 'vitest';
import { createLogger } from '../../src/runtime/logging.ts';
import type { ParsedFile } from '../../src/runtime/settings-file.ts';
import { type FileObserver, WatchedFile } from '../../src/runtime/watched-file.ts';

/** Long enough not to spin, short enough not to wait for. */
const LOOK_EVERY_MS = 5;

interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly problems?: readonly string[];
  readonly faults?: number;
}

/** Records what a metric is told. */
class Observed implements FileObserver {
  readonly outcomes: string[] = [];
  isBroken: boolean | undefined;
  /** Told after every look. */
  looks = 0;

  onReload(outcome: 'changed' | 'failed'): void {
    this.outcomes.push(outcome);
  }

  setBroken(isBroken: boolean): void {
    this.isBroken = isBroken;
    this.looks += 1;
  }
}

/** Good contents are a list of numbers in JSON; every other element is a fault. */
function parseNumbers(contents: Uint8Array): ParsedFile<readonly number[]> {
  try {
    const values = JSON.parse(Buffer.from(contents).toString()) as unknown[];
    const problems = values.flatMap((value, index) =>
      typeof value === 'number' ? [] : [`[${index}]: ${value} is no number`],
    );
    return problems.length === 0
      ? { kind: 'valid', value: values as number[] }
      : { kind: 'invalid', problems };
  } catch {
    return { kind: 'invalid', problems: ['no JSON'] };
  }
}

/** Opens a file of numbers and runs it until the test ends. A run that fails, fails the test. */
export async function watch(path: string, lookEveryMs = LOOK_EVERY_MS) {
  const log: LogLine[] = [];
  const observed = new Observed();
  const destination = { write: (line: string) => log.push(JSON.parse(line)) };
  const random = vi.fn(Math.random);
  const clock = { ms: Date.parse('2026-11-20T12:00:00Z') };
  const file = await WatchedFile.open(
    { name: 'numbers', path, parse: parseNumbers },
    {
      logger: createLogger({ level: 'info', pretty: false, destination }),
      observer: observed,
      now: () => clock.ms,
      lookEveryMs,
      random,
    },
  );
  const stopping = new AbortController();
  const ended = file.run(stopping.signal);
  const stop = async () => {
    stopping.abort();
    await ended;
  };
  onTestFinished(stop);
  return { file, observed, log, clock, random, stop };
}
