import type { Worker } from '../harness/processes.ts';

/** A server of streams that is measured, whoever made it. */
export interface IdleServer extends AsyncDisposable {
  /** The process whose memory counts. */
  readonly pid: number;
  readonly target: IdleTarget;
  /** Has every viewer told one thing. */
  publish(): Promise<void>;
}

/** Where the viewers find it. */
export interface IdleTarget {
  readonly url: string;
  readonly path: string;
  readonly protocol: 'sse' | 'socket.io';
  /** One for each viewer; undefined: it asks nobody who they are. */
  readonly tokens?: readonly string[];
  /** What they have already: the Last-Event-ID of a stream that was cut off. */
  readonly position?: string;
  /** What a viewer reads once it is live. */
  readonly mark: string;
}

/** How often each server says something to a viewer to whom nothing happens, in milliseconds. */
export const BEAT_MS = 1000;

/** A server of a few lines that runs as a worker; it is told `listen` and `publish`. */
export async function serveFrom(
  worker: Worker,
  target: Omit<IdleTarget, 'url'>,
): Promise<IdleServer> {
  const url = await worker.ask<string>('listen');
  return {
    pid: worker.pid,
    target: { ...target, url },
    publish: () => worker.ask<void>('publish'),
    [Symbol.asyncDispose]: () => worker[Symbol.asyncDispose](),
  };
}
