import type { TaskPage } from '@tasktrail/contract';
import { beforeEach, expect, test } from 'vitest';
import { PageCache } from '../../src/read-model/page-cache.ts';
import type { EncodedPage, Enter, PageQuery } from '../../src/read-model/read-model.ts';
import { EVERYTHING, NO_FILTER, ownSight } from './walking.ts';

/** A read model in a state that the test sets, which answers when the test says so. */
class Source {
  state = 'a';
  versionReads = 0;
  pageReads = 0;
  /** Of reads that have begun; undefined: they end at once. */
  held: (() => void)[] | undefined;

  async version(): Promise<string> {
    this.versionReads += 1;
    const { state } = this;
    await this.#turn();
    return state;
  }

  async versionedPage({ limit }: PageQuery) {
    this.pageReads += 1;
    await this.#turn();
    const items = [this.state.repeat(limit)];
    return { page: { items } as unknown as TaskPage, version: this.state };
  }

  release(): void {
    for (const end of this.held?.splice(0) ?? []) end();
  }

  #turn(): Promise<void> | undefined {
    const { held } = this;
    return held && new Promise((resolve) => held.push(resolve));
  }
}

const FREE: Disposable = { [Symbol.dispose]: () => {} };
const free = async () => FREE;
const query: PageQuery = { filter: NO_FILTER, sight: EVERYTHING, limit: 1, cursor: undefined };
let source: Source;
let cache: PageCache;

beforeEach(() => {
  source = new Source();
  cache = new PageCache(source, { programVersion: '1', maxBytes: 9_000 });
});

async function get(asked: Partial<PageQuery> = {}, enter: Enter = free): Promise<EncodedPage> {
  const ask = { ...query, ...asked };
  const tag = await cache.tagOf(ask);
  return cache.held(tag) ?? (await cache.read(ask, tag, enter));
}

async function turns(count = 5): Promise<void> {
  for (let n = 0; n < count; n += 1) await new Promise(setImmediate);
}

test('a thousand who ask at once cost one look and one reading', async () => {
  const pages = await Promise.all(Array.from({ length: 1000 }, () => get()));
  expect(new Set(pages.map(({ body }) => body)).size).toBe(1);
  expect([source.versionReads, source.pageReads]).toEqual([1, 1]);
});

test('a page is kept for as long as the state is the same, and not longer', async () => {
  const first = await get();
  expect(await get()).toBe(first);
  source.state = 'b';
  const second = await get();
  expect([`${first.body}`, `${second.body}`]).toEqual(['{"items":["a"]}', '{"items":["b"]}']);
  expect(second.tag).not.toBe(first.tag);
  expect(source.pageReads).toBe(2);
});

test('nobody is given what was looked up before they asked', async () => {
  source.held = [];
  const before = get();
  await turns();
  source.state = 'b';
  const after = cache.tagOf(query);
  await turns();
  expect(source.versionReads).toBe(2);
  source.release();
  const [tagAfter] = await Promise.all([after]);
  await turns();
  source.release();
  await before;
  source.held = undefined;
  expect(tagAfter).toBe(await cache.tagOf(query));
});

test('where whoever reads is refused or leaves, another takes over', async () => {
  let refusals = 0;
  const refuse = async () => {
    await turns();
    refusals += 1;
    throw new Error('gone');
  };
  const tag = await cache.tagOf(query);
  const leader = cache.read(query, tag, refuse);
  const others = Array.from({ length: 20 }, () => cache.read(query, tag, free));
  await expect(leader).rejects.toThrow('gone');
  await Promise.all(others);
  expect([refusals, source.pageReads]).toEqual([1, 1]);
});

test('what cannot be read is told to all who wait for it, and tried anew afterwards', async () => {
  const [version, page] = [source.version, source.versionedPage];
  source.versionedPage = () => Promise.reject(new Error('away'));
  const failing = await Promise.allSettled([get(), get()]);
  expect(failing.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  source.versionedPage = page;
  source.version = () => Promise.reject(new Error('away'));
  await expect(get()).rejects.toThrow('away');
  source.version = version;
  await get();
});

test('places are given back, and none is taken for what is kept', async () => {
  let held = 0;
  let taken = 0;
  const enter = async () => {
    taken += 1;
    held += 1;
    const giveBack = () => {
      held -= 1;
    };
    return { [Symbol.dispose]: giveBack };
  };
  await get({}, enter);
  expect([taken, held]).toEqual([1, 0]);
  await get({}, enter);
  expect([taken, held]).toEqual([1, 0]);
});

test('what is kept is bounded in bytes: what was used last stays', async () => {
  const old = await get({ limit: 2000 });
  const used = await get({ limit: 3000 });
  expect(await get({ limit: 2000 })).toBe(old);
  await get({ limit: 3100 });
  expect(await get({ limit: 2000 })).toBe(old);
  const reads = source.pageReads;
  expect(await get({ limit: 3000 })).not.toBe(used);
  await get({ limit: 20000 });
  await get({ limit: 20000 });
  expect(source.pageReads).toBe(reads + 3);
});

test('empty pages are bounded too: each counts with what it takes to keep it', async () => {
  const askOf = (n: number) => get({ filter: { project: `a/${n}`, statuses: [] }, limit: 1 });
  for (let n = 0; n < 100; n += 1) await askOf(n);
  const reads = source.pageReads;
  for (let n = 99; n >= 0; n -= 1) await askOf(n);
  // No more than 9,000 / 512 were there.
  expect(source.pageReads - reads).toBeGreaterThanOrEqual(83);
});

test('whoever joins somebody without a place asks for one too, and reads for both', async () => {
  const tag = await cache.tagOf(query);
  let withdrawn = 0;
  const late: Enter = async (unneeded) => {
    await unneeded;
    withdrawn += 1;
    return undefined;
  };
  const pages = [cache.read(query, tag, late), cache.read(query, tag, late)];
  const own = await cache.read(query, tag, free);
  expect(await Promise.all(pages)).toEqual([own, own]);
  expect(source.pageReads).toBe(1);
  expect(withdrawn).toBeGreaterThan(0);
});

test('whatever may tell two pages apart is in their tags', async () => {
  const principals = ['google:ana@example.com', 'slack:U1'] as const;
  const asked: Partial<PageQuery>[] = [
    {},
    { limit: 2 },
    { cursor: 'p1.x.y' },
    { filter: { project: 'owner/repo', statuses: [] } },
    { filter: { project: undefined, statuses: ['queued'] } },
    { sight: ownSight() },
    { sight: ownSight(principals[0]) },
    { sight: ownSight(...principals) },
    { sight: ownSight(principals.join(',')) },
  ];
  const tagsOf = (pages: PageCache) =>
    Promise.all(asked.map((one) => pages.tagOf({ ...query, ...one })));
  const tags = await tagsOf(cache);
  const ofOtherProgram = await tagsOf(new PageCache(source, { programVersion: '2' }));
  expect(new Set([...tags, ...ofOtherProgram]).size).toBe(2 * asked.length);
  const turned = { ...query, sight: ownSight(...principals.toReversed()) };
  expect(await cache.tagOf(turned)).toBe(tags[7]);
});
