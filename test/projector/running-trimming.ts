import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import type { TrimLimits } from '../../src/projector/trim.ts';
import { TrimService } from '../../src/projector/trim-service.ts';
import { connectForCommands } from '../../src/redis/connections.ts';
import { KEYS } from '../../src/redis/keys.ts';

export interface TrimmingLine {
  readonly level: string;
  readonly msg: string;
  readonly removed?: number;
  readonly lost?: number;
}

export interface RunningTrimming {
  readonly lines: readonly TrimmingLine[];
  /** In entries, so far. */
  readonly totals: Readonly<Record<'events' | 'changes' | 'removed' | 'lost', number>>;
  stop(): Promise<void>;
}

/** Runs trimming with a connection of its own, as the program does, until the test ends. */
export async function runTrimming(
  url: string,
  holder: string,
  limits: TrimLimits,
): Promise<RunningTrimming> {
  const lines: TrimmingLine[] = [];
  const totals = { events: 0, changes: 0, removed: 0, lost: 0 };
  const redis = connectForCommands({ url, name: 'trimming', onError: () => undefined });
  await redis.connect().catch(() => undefined);
  const service = new TrimService({
    redis,
    keys: KEYS,
    holder,
    limits,
    nowMs: Date.now,
    observer: {
      onTrimmed: (events, changes) => {
        totals.events += events;
        totals.changes += changes;
      },
      onRemoved: (removed, lost) => {
        totals.removed += removed;
        totals.lost += lost;
      },
    },
    logger: pino(
      { formatters: { level: (level) => ({ level }) } },
      { write: (line) => lines.push(JSON.parse(line)) },
    ),
  });
  const stopping = new AbortController();
  const ended = service.run(stopping.signal).finally(() => redis.disconnect());
  const stop = async () => {
    stopping.abort();
    await ended;
  };
  onTestFinished(stop);
  return { lines, totals, stop };
}
