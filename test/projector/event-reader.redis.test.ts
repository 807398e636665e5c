import { MAX_ENTRY_BYTES, STREAM_START } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { readEventsAfter } from '../../src/projector/event-reader.ts';
import { idOf } from '../fixtures/events.ts';
import { useRedis } from '../fixtures/redis.ts';

const STREAM = 'events';
const server = useRedis();
let redis: Redis;

beforeEach(() => {
  redis = server.connect();
});

const append = (id: string, ...pairs: (string | Buffer)[]) =>
  redis.call('XADD', [STREAM, id, ...pairs]);

describe('the events after an id', () => {
  test('come in stream order, and no more than were asked for', async () => {
    for (const id of ['1-9', '1-10', '2-0', '10-0']) await append(id, 'n', id, 'n', '');
    const entries = await readEventsAfter(redis, STREAM, idOf('1-9'), 2);
    expect(entries).toEqual([
      { id: '1-10', pairs: ['n', '1-10', 'n', ''], flaw: undefined },
      { id: '2-0', pairs: ['n', '2-0', 'n', ''], flaw: undefined },
    ]);
    expect(await readEventsAfter(redis, STREAM, idOf('10-0'), 2)).toEqual([]);
  });

  test('come from more than one step of the script', async () => {
    for (let n = 1; n <= 150; n += 1) await append(`${n}-0`, 'n', String(n));
    const entries = await readEventsAfter(redis, STREAM, STREAM_START, 140);
    expect(entries.map(({ id }) => id)).toEqual(
      Array.from({ length: 140 }, (_, n) => `${n + 1}-0`),
    );
  });

  test('are none where there is no stream', async () => {
    expect(await readEventsAfter(redis, STREAM, STREAM_START, 10)).toEqual([]);
  });

  test('tell bytes that are no UTF-8 from the replacement character itself', async () => {
    await append('1-0', 'text', 'a\ufffdb');
    await append('2-0', 'text', Buffer.from([0x61, 0xff]));
    await append('3-0', Buffer.from([0xc3, 0x28]), 'x');
    await append('4-0', '😀', 'läuft');
    const entries = await readEventsAfter(redis, STREAM, STREAM_START, 10);
    expect(entries.map(({ flaw }) => flaw)).toEqual([undefined, 'not_utf8', 'not_utf8', undefined]);
  });

  test('are not fetched where they are over the size of an entry, counted in bytes', async () => {
    const fitting = 'é'.repeat((MAX_ENTRY_BYTES - 2) / 2);
    await append('1-0', 'xy', fitting);
    await append('2-0', 'xyz', fitting);
    const [fits, tooLarge] = await readEventsAfter(redis, STREAM, STREAM_START, 10);
    expect(fits).toMatchObject({ flaw: undefined, pairs: ['xy', fitting] });
    expect(tooLarge).toEqual({ id: '2-0', pairs: [], flaw: 'too_large' });
  });

  test('INV6: are bounded by their bytes, and the rest comes with the next read', async () => {
    const large = 'x'.repeat(60 * 1024);
    for (let n = 1; n <= 200; n += 1) await append(`${n}-0`, 'n', large);
    const entries = await readEventsAfter(redis, STREAM, STREAM_START, 200);
    expect(entries.length).toBeGreaterThan(60);
    expect(entries.length).toBeLessThan(80);
    const last = entries.at(-1)?.id ?? STREAM_START;
    const [next] = await readEventsAfter(redis, STREAM, last, 1);
    expect(next?.id).toBe(`${entries.length + 1}-0`);
  });
});
