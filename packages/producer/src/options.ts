import { randomUUID } from 'node:crypto';
import process from 'node:process';
import type { RedisOptions } from 'ioredis';
import type { PipelineClient } from './connection.ts';
import type { AppendDelayedError, ProducerError } from './errors.ts';

export interface ProducerOptions {
  /**
   * `redis://…` or `rediss://…`; ioredis options, as for Sentinel, a Unix socket or certificates;
   * or an ioredis client, Redis or Cluster, that is yours to configure and to close.
   */
  readonly redis: string | RedisOptions | PipelineClient;
  /**
   * Told of every event that will not be appended, with what its promise rejects with. Without it
   * the first error of each kind becomes a process warning, so that no loss is silent.
   */
  readonly onError?: ((error: ProducerError) => void) | undefined;
  /** Told of every failed attempt whose events wait for another one. */
  readonly onRetry?: ((delayed: AppendDelayedError) => void) | undefined;
  /** Events that may wait for Redis. Default 10 000. */
  readonly maxBufferedEvents?: number | undefined;
  /** Bytes of the events that may wait for Redis. Default 32 MiB. */
  readonly maxBufferedBytes?: number | undefined;
  /** Milliseconds without an answer after which a connection counts as dead. Default 4000. */
  readonly answerTimeoutMs?: number | undefined;
  /** Milliseconds that closing waits for what is still buffered. Default 5000. */
  readonly closeTimeoutMs?: number | undefined;
  /** Milliseconds since 1970, for an absent `occurredAt`. */
  readonly now?: (() => number) | undefined;
  /** A unique text, for an absent `eventId`. */
  readonly newEventId?: (() => string) | undefined;
  /** 0 ≤ r < 1, for the jitter of retries. */
  readonly random?: (() => number) | undefined;
}

type Settings = {
  readonly [N in Exclude<keyof ProducerOptions, 'redis'>]-?: NonNullable<ProducerOptions[N]>;
};

export function withDefaults(options: ProducerOptions): Settings {
  return {
    onError: options.onError ?? warnOnceOfEachKind(),
    onRetry: options.onRetry ?? (() => {}),
    maxBufferedEvents: options.maxBufferedEvents ?? 10_000,
    maxBufferedBytes: options.maxBufferedBytes ?? 32 * 1024 * 1024,
    answerTimeoutMs: options.answerTimeoutMs ?? 4000,
    closeTimeoutMs: options.closeTimeoutMs ?? 5000,
    now: options.now ?? Date.now,
    newEventId: options.newEventId ?? randomUUID,
    random: options.random ?? Math.random,
  };
}

function warnOnceOfEachKind(): (error: ProducerError) => void {
  const seen = new Set<string>();
  return (error) => {
    if (seen.has(error.name)) return;
    seen.add(error.name);
    process.emitWarning(error);
  };
}
