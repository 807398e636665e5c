import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { SnapshotGate, type SnapshotGateOptions } from '../../src/http/snapshot-gate.ts';
import { PageCache } from '../../src/read-model/page-cache.ts';
import type { Enter } from '../../src/read-model/read-model.ts';
import { eventually } from '../fixtures/facts.ts';
import { EVERYTHING, NO_FILTER } from '../read-model/walking.ts';
import { PAGE } from './running-dashboard.ts';

/** A cache behind a gate. Its pages are told apart by their limits, and read when the test says so. */
class GatedPages {
  readonly load = { inWork: 0, waiting: 0 };
  readonly refused: string[] = [];
  /** Of each page that was ever read, in order. */
  readonly reads: { readonly limit: number; readonly finish: () => void }[] = [];
  readonly #response = new PassThrough().setMaxListeners(0);
  readonly #gate: SnapshotGate;
  readonly #cache = new PageCache(
    {
      version: async () => 'a',
      versionedPage: async ({ limit }) => {
        await new Promise<void>((resolve) => this.reads.push({ limit, finish: resolve }));
        return { page: PAGE, version: 'a' };
      },
    },
    { programVersion: '1' },
  );

  constructor(limits: Pick<SnapshotGateOptions, 'places' | 'maxWaiting' | 'maxWaitMs'>) {
    const observer = {
      onLoad: (inWork: number, waiting: number) => Object.assign(this.load, { inWork, waiting }),
      onRefused: (reason: string) => this.refused.push(reason),
    };
    this.#gate = new SnapshotGate({ ...limits, random: () => 0, observer });
  }

  async get(viewer: string, limit: number) {
    const query = { filter: NO_FILTER, sight: EVERYTHING, cursor: undefined, limit };
    const tag = await this.#cache.tagOf(query);
    const enter: Enter = (unneeded) =>
      this.#gate.enter(viewer, this.#response, { page: tag, unneeded });
    return await this.#cache.read(query, tag, enter);
  }

  /** Until so many are in work and so many wait. */
  async whenLoad(inWork: number, waiting: number): Promise<void> {
    await eventually(() => expect(this.load).toEqual({ inWork, waiting }));
  }

  finish(limit: number): void {
    for (const read of this.reads) if (read.limit === limit) read.finish();
  }
}

const FOR_LONG = 600_000;

test('who wants what somebody with many other pages wants too does not wait for those', async () => {
  const pages = new GatedPages({ places: 4, maxWaiting: 10, maxWaitMs: FOR_LONG });
  const ofAna = [1, 2, 3, 4, 5].map((limit) => pages.get('ana', limit));
  await pages.whenLoad(2, 3);
  const ofBen = pages.get('ben', 5);
  // While nothing of Ana's has finished; and she need not wait for it either.
  await pages.whenLoad(3, 2);
  pages.finish(5);
  expect(await ofBen).toBe(await ofAna[4]);
  await pages.whenLoad(2, 2);
  for (const limit of [1, 2, 3, 4]) {
    await eventually(() => expect(pages.reads.map((read) => read.limit)).toContain(limit));
    pages.finish(limit);
  }
  await Promise.all(ofAna);
  expect(pages.reads.map((read) => read.limit)).toEqual([1, 2, 5, 3, 4]);
  await pages.whenLoad(0, 0);
});

test('a crowd larger than the queue costs one reading, and nobody of it is refused', async () => {
  const pages = new GatedPages({ places: 2, maxWaiting: 3, maxWaitMs: FOR_LONG });
  const others = [pages.get('ana', 1), pages.get('ben', 2)];
  await pages.whenLoad(2, 0);
  const crowd = Array.from({ length: 40 }, (_, n) => pages.get(`viewer-${n % 30}`, 3));
  // All of them wait in their own names, and there is room for others still.
  await pages.whenLoad(2, 40);
  const late = [pages.get('cleo', 4), pages.get('dora', 5)];
  await pages.whenLoad(2, 42);
  pages.finish(1);
  await eventually(() => expect(pages.reads).toHaveLength(3));
  // Whoever waited for what is read now has left the queue.
  await pages.whenLoad(2, 2);
  pages.finish(3);
  expect(new Set(await Promise.all(crowd)).size).toBe(1);
  for (const limit of [2, 4, 5]) {
    await eventually(() => expect(pages.reads.map((read) => read.limit)).toContain(limit));
    pages.finish(limit);
  }
  await Promise.all([...others, ...late]);
  expect(pages.reads).toHaveLength(5);
  expect(pages.refused).toEqual([]);
  await pages.whenLoad(0, 0);
});

test('a crowd that gets no place in time is refused, each of it, as if alone', async () => {
  const pages = new GatedPages({ places: 1, maxWaiting: 1, maxWaitMs: 30 });
  const other = pages.get('ana', 1);
  await pages.whenLoad(1, 0);
  const crowd = await Promise.allSettled(Array.from({ length: 5 }, () => pages.get('ben', 2)));
  expect(crowd.map(({ status }) => status)).toEqual(Array(5).fill('rejected'));
  expect(pages.refused).toEqual(Array(5).fill('queue_timeout'));
  pages.finish(1);
  await other;
  await pages.whenLoad(0, 0);
});
