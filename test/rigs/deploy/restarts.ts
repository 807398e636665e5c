import { setTimeout as delay } from 'node:timers/promises';
import type { FeedWatch } from './feed-watch.ts';
import type { EndSignal } from './reconnects.ts';

/** A process that comes back at the same address. */
export interface Restartable {
  readonly name: string;
  /** Ends it, waits until it is gone, starts it again and waits until it is ready. */
  restart(signal: EndSignal): Promise<void>;
  /** Of a projector: whether it is the one that applies. */
  isApplying(): Promise<boolean>;
}

/** When a restart began and ended, by `performance.now()`. */
export interface Restart {
  readonly name: string;
  readonly signal: EndSignal;
  readonly signalledAtMs: number;
  readonly readyAtMs: number;
}

export async function restart(process: Restartable, signal: EndSignal): Promise<Restart> {
  const signalledAtMs = performance.now();
  await process.restart(signal);
  return { name: process.name, signal, signalledAtMs, readyAtMs: performance.now() };
}

/** The restart of the projector that applied. */
export interface Handover {
  readonly name: string;
  readonly signal: EndSignal;
  /** The longest that an event waited which was sent since, in milliseconds. */
  readonly longestWaitMs: number;
  readonly boundMs: number;
}

/**
 * How long an event may wait. Told to end, a projector gives its lease up, and the other one asks for
 * it every half second; killed, it leaves a lease that lasts 5 s. The rest is the machine's.
 */
const WAIT_BOUND_MS: Readonly<Record<EndSignal, number>> = { SIGTERM: 2500, SIGKILL: 7500 };
const POLL_MS = 50;
const APPLYING_MS = 15_000;

/** Restarts whichever projector applies now: of the other nobody would notice. */
export async function handOver(
  projectors: readonly Restartable[],
  signal: EndSignal,
  feed: FeedWatch,
): Promise<Handover> {
  const leader = await whoApplies(projectors);
  const sinceMs = Date.now();
  await leader.restart(signal);
  const readyAtMs = Date.now();
  await whoApplies(projectors);
  const deadline = performance.now() + APPLYING_MS;
  while ((feed.waits.at(-1)?.sentAtMs ?? 0) < readyAtMs) {
    if (performance.now() > deadline) throw new Error('no event is applied any more');
    await delay(POLL_MS);
  }
  const longestWaitMs = feed.longestSince(sinceMs);
  return { name: leader.name, signal, longestWaitMs, boundMs: WAIT_BOUND_MS[signal] };
}

async function whoApplies(projectors: readonly Restartable[]): Promise<Restartable> {
  const deadline = performance.now() + APPLYING_MS;
  for (;;) {
    for (const projector of projectors) if (await projector.isApplying()) return projector;
    if (performance.now() > deadline) throw new Error('no projector applies events');
    await delay(POLL_MS);
  }
}
