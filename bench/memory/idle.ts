import { setTimeout as delay } from 'node:timers/promises';
import type { Figures } from '../harness/bench.ts';
import { LOAD_CORE, residentBytesOf, startWorker } from '../harness/processes.ts';
import { BEAT_MS, type IdleServer } from './idle-server.ts';
import type { ToViewers } from './viewers-process.ts';

/** Heartbeats of every stream before memory is looked at: what a start leaves behind is collected. */
const BEATS = 2;
const PUBLISHED = 5;
/** Viewers who come at the same time. */
const AT_ONCE = 100;

export const UNDER_LOAD = 'a message a second';

/** The name of the figure of so many streams. */
export function figureOf(streams: number): string {
  return `${streams.toLocaleString('en')} idle`;
}

/** Resident memory of each of so many streams, then of the most of them with something to read. */
export async function measureIdle(
  start: () => Promise<IdleServer>,
  sizes: readonly number[],
): Promise<Figures> {
  await using server = await start();
  await using viewers = await startWorker(
    new URL('./viewers-process.ts', import.meta.url),
    LOAD_CORE,
    ['--max-old-space-size=8192'],
  );
  await delay(BEAT_MS);
  const { pid, target } = server;
  const alone = await residentBytesOf(pid);
  const figures: Record<string, number> = { 'without streams': alone / 2 ** 20 };
  let streams = 0;
  const kilobytesEach = async () => ((await residentBytesOf(pid)) - alone) / 1024 / streams;
  for (const size of sizes) {
    const message: ToViewers = { kind: 'open', target, from: streams, to: size, atOnce: AT_ONCE };
    await viewers.ask(message);
    streams = size;
    await delay(BEATS * BEAT_MS);
    figures[figureOf(size)] = await kilobytesEach();
  }
  for (let number = 0; number < PUBLISHED; number += 1) {
    await server.publish();
    await delay(BEAT_MS);
  }
  const count: ToViewers = { kind: 'count' };
  const readers = await viewers.ask<number>(count);
  if (readers < streams) throw new Error(`only ${readers} of ${streams} viewers read anything`);
  figures[UNDER_LOAD] = await kilobytesEach();
  return figures;
}
