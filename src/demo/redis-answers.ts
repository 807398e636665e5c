import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Redis, type RedisOptions } from 'ioredis';
import { parseRedisUrl } from '../redis/redis-url.ts';

/** Between attempts to connect to a server that starts. */
const RETRY_MS = 20;

/**
 * Resolves with the answering server's process id, once a server at this URL answers a PING, which
 * it does after it has loaded its data. Rejects when the signal aborts, or when the server there
 * asks for other credentials.
 */
export async function whenAnswering(url: string, signal: AbortSignal): Promise<number> {
  signal.throwIfAborted();
  const settings = {
    ...parseRedisUrl(url),
    retryStrategy: () => RETRY_MS,
    // The PING waits for its connection, however many attempts that takes.
    maxRetriesPerRequest: null,
    connectionName: 'tasktrail:readiness',
    replyMapping: 'legacy',
  } satisfies RedisOptions;
  const redis = new Redis(settings);
  // Until the server listens every connection is refused; other failures reject the calls below.
  redis.on('error', () => {});
  const disconnect = () => redis.disconnect();
  signal.addEventListener('abort', disconnect, { once: true });
  try {
    await redis.ping();
    return processId(await redis.info('server'));
  } finally {
    signal.removeEventListener('abort', disconnect);
    // ioredis takes two seconds over disconnecting what is disconnected, and keeps the process up.
    if (redis.status !== 'end') redis.disconnect();
  }
}

/**
 * What comes first: the child answers at its URL, is gone, or the time is up. Another server that
 * holds the child's port may answer in its place; the process id tells them apart.
 */
export async function firstOutcome(
  child: ChildProcess,
  url: string,
  timeoutMs: number,
): Promise<'ready' | 'gone' | 'silent'> {
  const giveUp = new AbortController();
  const timer = setTimeout(() => giveUp.abort(), timeoutMs);
  const gone = whenGone(child).then(() => 'gone' as const);
  const silent = once(giveUp.signal, 'abort').then(() => 'silent' as const);
  const answered = whenAnswering(url, giveUp.signal).then(
    (answering) => (answering === child.pid ? ('ready' as const) : Promise.race([gone, silent])),
    () => Promise.race([gone, silent]),
  );
  const outcome = await Promise.race([answered, gone, silent]);
  clearTimeout(timer);
  giveUp.abort();
  return outcome;
}

export async function whenGone(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  await once(child, 'exit');
}

function processId(info: string): number {
  return Number(/^process_id:(\d+)/m.exec(info)?.[1]);
}
