import type { StreamId } from '@tasktrail/contract';
import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { type Removals, readRemovals, removalsSince } from '../../src/projector/removals.ts';
import { trimStep } from '../../src/projector/trim.ts';
import { KEYS } from '../../src/redis/keys.ts';
import { isRefused } from '../../src/redis/refused.ts';
import { idOf } from '../fixtures/events.ts';
import { useRedis } from '../fixtures/redis.ts';

const server = useRedis();
let redis: Redis;

const HOLDER = 'this projector';

beforeEach(async () => {
  redis = server.connect();
  await redis.set(KEYS.lease, HOLDER);
});

/** What happens to the events of a projector, with the counts that an all-seeing one would keep. */
class World {
  readonly truth = { removed: 0, lost: 0 };
  /** Ids that are there, in order. */
  entries: StreamId[] = [];
  #added = 0;
  #read = 0;
  #checkpoint = 0;

  get isCaughtUp(): boolean {
    return this.entries.every((id) => numberOf(id) <= this.#checkpoint);
  }

  async append(count: number): Promise<void> {
    for (let n = 0; n < count; n += 1) {
      this.#added += 1;
      const id = idOf(`${this.#added}-0`);
      await redis.xadd(KEYS.events, id, 'n', '1');
      this.entries.push(id);
    }
  }

  /** As commit.lua leaves it. */
  async commit(count: number): Promise<void> {
    const batch = this.entries.filter((id) => numberOf(id) > this.#checkpoint).slice(0, count);
    const last = batch.at(-1);
    if (last === undefined) return;
    this.#checkpoint = numberOf(last);
    this.#read += batch.length;
    const entriesRead = String(this.#read);
    await redis.hset(KEYS.projector, { checkpoint: last, entriesRead, layout: '1' });
  }

  async trim(): Promise<void> {
    await trimStep(redis, KEYS, HOLDER, { feedMaxLength: 200, retentionMs: 0 }, Date.now());
    // Where nothing shows that the checkpoint is of this stream, nothing is trimmed.
    if (!this.entries.some((id) => numberOf(id) >= this.#checkpoint)) return;
    if (this.#checkpoint === 0) return;
    this.entries = this.entries.filter((id) => numberOf(id) >= this.#checkpoint);
  }

  /** A producer that appends with MAXLEN, or a person with XTRIM. */
  async trimByOther(keep: number): Promise<void> {
    await redis.xtrim(KEYS.events, 'MAXLEN', keep);
    this.#remove(this.entries.slice(0, Math.max(0, this.entries.length - keep)));
  }

  async deleteByOther(place: number): Promise<void> {
    const id = this.entries[place % Math.max(1, this.entries.length)];
    if (id === undefined) return;
    await redis.xdel(KEYS.events, id);
    this.#remove([id]);
  }

  async deleteStream(): Promise<void> {
    await redis.del(KEYS.events);
    this.#remove([...this.entries]);
  }

  #remove(gone: readonly StreamId[]): void {
    this.truth.removed += gone.length;
    this.truth.lost += gone.filter((id) => numberOf(id) > this.#checkpoint).length;
    this.entries = this.entries.filter((id) => !gone.includes(id));
  }
}

function numberOf(id: StreamId): number {
  return Number(id.split('-')[0]);
}

async function look() {
  const reading = await readRemovals(redis, KEYS, HOLDER);
  if (reading === undefined) throw new Error('not accounted at all');
  return reading;
}

type Deed = (world: World) => Promise<void>;

const few = fc.integer({ min: 1, max: 12 });
const deeds: fc.Arbitrary<readonly [string, Deed]> = fc.oneof(
  { weight: 4, arbitrary: few.map((n) => [`append ${n}`, (w: World) => w.append(n)] as const) },
  { weight: 4, arbitrary: few.map((n) => [`commit ${n}`, (w: World) => w.commit(n)] as const) },
  { weight: 2, arbitrary: fc.constant(['trim', (w: World) => w.trim()] as const) },
  few.map((n) => [`other trims to ${n}`, (w: World) => w.trimByOther(n)] as const),
  few.map((n) => [`other deletes ${n}`, (w: World) => w.deleteByOther(n)] as const),
  fc.constant([
    'other deletes all',
    async (w: World) => {
      // More than come after it: the other way round it is not seen.
      await w.append(2);
      await look();
      await w.deleteStream();
      await w.append(1);
      await look();
    },
  ] as const),
  fc.constant(['look', async () => void (await look())] as const),
);

describe('INV8: the account of all events', () => {
  test('tells exactly how many others removed and how many of them unread, once all is applied', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(deeds, { maxLength: 40, size: 'max' }), async (history) => {
        await redis.flushall();
        await redis.set(KEYS.lease, HOLDER);
        const world = new World();
        let lastLost = 0;
        for (const [, deed] of history) {
          await deed(world);
          const { total } = await look();
          expect(total.removed).toBe(world.truth.removed);
          // Never more than there are, and never less than before.
          expect(total.lost).toBeLessThanOrEqual(world.truth.lost);
          expect(total.lost).toBeGreaterThanOrEqual(lastLost);
          lastLost = total.lost;
        }
        await world.commit(Number.POSITIVE_INFINITY);
        expect(world.isCaughtUp).toBe(true);
        expect((await look()).total).toEqual(world.truth);
      }),
      { numRuns: 150 },
    );
  });

  test('tells at once of a producer that trims past the checkpoint, while others wait', async () => {
    const world = new World();
    await world.append(10);
    await world.commit(4);
    expect((await look()).total).toEqual({ removed: 0, lost: 0 });
    await world.trimByOther(3);
    expect(await look()).toMatchObject({
      total: { removed: 7, lost: 3 },
      before: { removed: 0, lost: 0 },
      isAnew: false,
      maxDeletedId: '0-0',
    });
    // The finding is in the account now, for whichever projector looks next.
    expect((await look()).before).toEqual({ removed: 7, lost: 3 });
  });

  test('goes on after the stream was deleted and begun anew, and counts what waited in it', async () => {
    const world = new World();
    await world.append(10);
    await world.commit(6);
    await look();
    await world.deleteStream();
    await world.append(2);
    await world.commit(2);
    expect(await look()).toMatchObject({ total: { removed: 10, lost: 4 }, isAnew: true });
    expect(await look()).toMatchObject({ total: { removed: 10, lost: 4 }, isAnew: false });
  });

  test('names the highest id that was deleted, as against trimmed', async () => {
    const world = new World();
    await world.append(5);
    await redis.xdel(KEYS.events, '3-0');
    expect((await look()).maxDeletedId).toBe('3-0');
  });

  test('of nothing is nothing, and is written nowhere', async () => {
    expect((await look()).total).toEqual({ removed: 0, lost: 0 });
    expect(await redis.exists(KEYS.projector)).toBe(0);
  });

  test('is kept by the holder of the lease only, and not in a read model of another layout', async () => {
    await new World().append(3);
    expect(await readRemovals(redis, KEYS, 'another')).toBeUndefined();
    await redis.hset(KEYS.projector, 'layout', '2');
    expect(await readRemovals(redis, KEYS, HOLDER)).toBeUndefined();
    expect(await redis.hgetall(KEYS.projector)).toEqual({ layout: '2' });
  });

  test('cannot be read without the right to XINFO, and says so', async () => {
    await new World().append(1);
    await redis.acl('SETUSER', 'blind', 'on', '>secret', '~*', '+@all', '-xinfo');
    const url = new URL(server.url);
    const blind = server.connect({
      username: 'blind',
      password: 'secret',
      port: Number(url.port),
    });
    const error = await readRemovals(blind, KEYS, HOLDER).catch((cause: unknown) => cause);
    expect(isRefused(error)).toBe(true);
  });
});

test('what came since is nothing where the account was lost with the tail of Redis', () => {
  const earlier: Removals = { removed: 10, lost: 4 };
  expect(removalsSince(earlier, { removed: 12, lost: 4 })).toEqual({ removed: 2, lost: 0 });
  expect(removalsSince(earlier, { removed: 0, lost: 0 })).toEqual({ removed: 0, lost: 0 });
});
