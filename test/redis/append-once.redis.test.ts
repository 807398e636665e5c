import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  type AppendedEntry,
  type AppendRecord,
  appendOnce,
  appendRequestOnce,
  type EntryOnce,
  type RequestOutcome,
} from '../../src/redis/append-once.ts';
import { KEYS } from '../../src/redis/keys.ts';
import { useRedis } from '../fixtures/redis.ts';

const server = useRedis();
let redis: Redis;

beforeEach(() => {
  redis = server.connect();
});

const DAY = 86_400;

function record(name: string, keepSeconds = DAY): AppendRecord {
  return { key: KEYS.intake.record(name), keepSeconds };
}

function entry(text: string, records: readonly AppendRecord[], more: Partial<EntryOnce> = {}) {
  return { stream: 'events', pairs: ['text', text], records, ...more } as const;
}

function request(fingerprint: string) {
  return { ...record('request'), fingerprint };
}

/** What every key holds, and until when. */
async function contents(): Promise<Record<string, unknown>> {
  const held: Record<string, unknown> = {};
  for (const key of (await redis.keys('*')).sort()) {
    held[key] = [await redis.dump(key), await redis.expiretime(key)];
  }
  return held;
}

async function textsOf(stream: string): Promise<string[]> {
  return (await redis.xrange(stream, '-', '+')).map(([, pairs]) => pairs[1] as string);
}

function entriesOf(outcome: readonly AppendedEntry[] | RequestOutcome) {
  if (!('kind' in outcome)) return outcome;
  if (outcome.kind !== 'appended') throw new Error('nothing was appended');
  return outcome.entries;
}

describe('entries', () => {
  test('are appended in order, each to its stream, and answered with their ids', async () => {
    const outcome = await appendOnce(redis, KEYS, [
      entry('a', [record('a')]),
      entry('b', [record('b')], { stream: 'quarantine' }),
      entry('c', [record('c')]),
    ]);
    expect(entriesOf(outcome).map(({ isRepeat }) => isRepeat)).toEqual([false, false, false]);
    const [a, b, c] = entriesOf(outcome).map(({ id }) => id);
    expect(await redis.xrange(KEYS.events, '-', '+')).toEqual([
      [a, ['text', 'a']],
      [c, ['text', 'c']],
    ]);
    expect(await redis.xrange(KEYS.quarantine, '-', '+')).toEqual([[b, ['text', 'b']]]);
  });

  test('that were appended before give their first ids, and the others are appended', async () => {
    const first = await appendOnce(redis, KEYS, [entry('a', [record('a')])]);
    const again = await appendOnce(redis, KEYS, [
      entry('b', [record('b')]),
      entry('a', [record('a')]),
    ]);
    expect(entriesOf(again)).toMatchObject([
      { isRepeat: false },
      { id: entriesOf(first)[0]?.id, isRepeat: true },
    ]);
    expect(await textsOf(KEYS.events)).toEqual(['a', 'b']);
  });

  test('are known by any one of their records, and kept in all of them from then on', async () => {
    const [first] = entriesOf(await appendOnce(redis, KEYS, [entry('a', [record('1')])]));
    for (const names of [['1', '2'], ['2', '3'], ['3']]) {
      const records = names.map((name) => record(name));
      const [again] = entriesOf(await appendOnce(redis, KEYS, [entry('a', records)]));
      expect(again).toEqual({ id: first?.id, isRepeat: true });
    }
    expect(await textsOf(KEYS.events)).toEqual(['a']);
  });

  test('with the same record in one call are the same entry', async () => {
    const twice = [entry('a', [record('a')]), entry('b', [record('b'), record('a')])];
    const [a, b] = entriesOf(await appendOnce(redis, KEYS, twice));
    expect(b).toEqual({ id: a?.id, isRepeat: true });
    expect(await textsOf(KEYS.events)).toEqual(['a']);
  });

  test('without a record are appended each time', async () => {
    await appendOnce(redis, KEYS, [entry('a', [])]);
    await appendOnce(redis, KEYS, [entry('a', [])]);
    expect(await textsOf(KEYS.events)).toEqual(['a', 'a']);
  });

  test('may hold any text', async () => {
    const odd = ['', '\u0000', '1', 'ä漢😀', '\r\n$5\r\n', '-'];
    const pairs = [...odd, ...odd.toReversed()];
    await appendOnce(redis, KEYS, [{ ...entry('', [record('odd')]), pairs }]);
    expect((await redis.xrange(KEYS.events, '-', '+'))[0]?.[1]).toEqual(pairs);
  });

  test('may be a thousand of fifteen pairs, of which some were appended before', async () => {
    const many = Array.from({ length: 1000 }, (_, i) => ({
      ...entry('', [record(`a${i}`), record(`b${i}`)]),
      pairs: Array.from({ length: 30 }, (_, part) => `${i}.${part}`),
    }));
    await appendOnce(redis, KEYS, many.slice(0, 400));
    const outcome = entriesOf(await appendOnce(redis, KEYS, many));
    expect(outcome.filter(({ isRepeat }) => isRepeat)).toHaveLength(400);
    const stored = await redis.xrange(KEYS.events, '-', '+');
    expect(stored).toEqual(outcome.map(({ id }, i) => [id, many[i]?.pairs]));
  });

  test('that come at once over many connections are appended once', async () => {
    const replicas = Array.from({ length: 8 }, () => server.connect());
    const entries = ['a', 'b', 'c'].map((text) => entry(text, [record(text)]));
    const outcomes = await Promise.all(
      replicas.flatMap((replica) => [
        appendRequestOnce(replica, KEYS, request('same'), entries),
        appendOnce(replica, KEYS, entries.toReversed()),
      ]),
    );
    expect((await textsOf(KEYS.events)).sort()).toEqual(['a', 'b', 'c']);
    const all = outcomes.flatMap((outcome) => entriesOf(outcome));
    expect(new Set(all.map(({ id }) => id)).size).toBe(3);
    expect(all.filter(({ isRepeat }) => !isRepeat)).toHaveLength(3);
  });

  test('are appended where the server does not hold the script any more', async () => {
    await appendOnce(redis, KEYS, [entry('a', [record('a')])]);
    await redis.script('FLUSH');
    await appendOnce(redis, KEYS, [entry('b', [record('b')])]);
    expect(await textsOf(KEYS.events)).toEqual(['a', 'b']);
  });
});

describe('what is kept', () => {
  test('is kept for as long as it says', async () => {
    const notes = [
      { kind: 'set', key: 'note', value: 'x', keepSeconds: 300 },
      { kind: 'add', key: 'notes', value: 'x', keepSeconds: 400 },
    ] as const;
    const records = [record('short', 60), record('long', 200)];
    await appendRequestOnce(redis, KEYS, request('f'), [entry('a', records, { notes })]);
    const keys = [records[0]?.key, records[1]?.key, 'note', 'notes', request('f').key];
    const ttls = await Promise.all(keys.map((key) => redis.ttl(key ?? '')));
    const late = ttls.map((ttl, i) => ([60, 200, 300, 400, DAY][i] as number) - ttl);
    for (const seconds of late) expect(seconds).toBeOneOf([0, 1, 2]);
  });

  test('is not kept longer for being asked for again', async () => {
    await appendRequestOnce(redis, KEYS, request('f'), [entry('a', [record('a')])]);
    for (const { key } of [record('a'), request('f')]) await redis.expire(key, 10);
    await appendRequestOnce(redis, KEYS, request('f'), [entry('a', [record('a'), record('b')])]);
    for (const { key } of [record('a'), request('f')])
      expect(await redis.ttl(key)).toBeLessThan(11);
    expect(await redis.ttl(record('b').key)).toBeGreaterThan(10);
  });
});

describe('a request', () => {
  test('of other contents under the same name appends and keeps nothing', async () => {
    await appendRequestOnce(redis, KEYS, request('one'), [entry('a', [record('a')])]);
    const before = await contents();
    const note = { kind: 'set', key: 'note', value: 'x', keepSeconds: 9 } as const;
    const other = [entry('a', [record('a')]), entry('b', [record('b')], { notes: [note] })];
    const outcome = await appendRequestOnce(redis, KEYS, request('another'), other);
    expect(outcome).toEqual({ kind: 'other_request' });
    expect(await contents()).toEqual(before);
  });

  test('with the same contents appends what is missing', async () => {
    await appendRequestOnce(redis, KEYS, request('one'), [entry('a', [record('a')])]);
    const both = [entry('a', [record('a')]), entry('b', [record('b')])];
    const outcome = entriesOf(await appendRequestOnce(redis, KEYS, request('one'), both));
    expect(outcome.map(({ isRepeat }) => isRepeat)).toEqual([true, false]);
  });

  test('is kept where it appends nothing', async () => {
    expect(entriesOf(await appendRequestOnce(redis, KEYS, request('one'), []))).toEqual([]);
    const outcome = await appendRequestOnce(redis, KEYS, request('another'), []);
    expect(outcome.kind).toBe('other_request');
  });
});

describe('notes', () => {
  const set = (value: string) => ({ kind: 'set', key: 'note', value, keepSeconds: DAY }) as const;
  const claim = (value: string) => ({ ...set(value), kind: 'claim' }) as const;
  const add = (value: string, keepSeconds = DAY) =>
    ({ kind: 'add', key: 'notes', value, keepSeconds }) as const;

  test.for([
    ['set', set, ['second', 'third']],
    ['claim', claim, ['first', 'first']],
  ] as const)('that %s a key give it the last value, or the first', async ([, note, expected]) => {
    const noted = (text: string) => entry(text, [record(text)], { notes: [note(text)] });
    await appendOnce(redis, KEYS, [noted('first'), noted('second')]);
    expect(await redis.get('note')).toBe(expected[0]);
    await appendOnce(redis, KEYS, [noted('third')]);
    expect(await redis.get('note')).toBe(expected[1]);
    expect(await redis.ttl('note')).toBeGreaterThan(DAY - 3);
  });

  test('that add to a set leave the others in it, and keep all of it for longer', async () => {
    const short = [entry('a', [record('a')], { notes: [add('x', 10)] })];
    await appendOnce(redis, KEYS, short);
    await appendOnce(redis, KEYS, [entry('b', [record('b')], { notes: [add('y'), add('x')] })]);
    expect((await redis.smembers('notes')).sort()).toEqual(['x', 'y']);
    expect(await redis.ttl('notes')).toBeGreaterThan(10);
  });

  test('are not written with an entry that was appended before', async () => {
    await appendOnce(redis, KEYS, [entry('a', [record('a')])]);
    await appendOnce(redis, KEYS, [
      entry('a', [record('a')], { notes: [set('x'), claim('x'), add('x')] }),
    ]);
    expect(await redis.exists('note', 'notes')).toBe(0);
  });
});

describe('nothing is written at all', () => {
  const good = [
    entry('a', [record('a')], {
      notes: [
        { kind: 'set', key: 'note', value: 'x', keepSeconds: DAY },
        { kind: 'add', key: 'notes', value: 'x', keepSeconds: DAY },
      ],
    }),
    entry('b', [record('b')], { stream: 'quarantine' }),
  ];

  test.for([
    ['the events', KEYS.events],
    ['the quarantine', KEYS.quarantine],
    ['a record', record('b').key],
    ['a note that is set', 'note'],
    ['a note that is added to', 'notes'],
    ['the request', request('f').key],
  ] as const)('where the key of %s holds something else', async ([, key]) => {
    await redis.rpush(key, 'something else');
    const before = await contents();
    await expect(appendRequestOnce(redis, KEYS, request('f'), good)).rejects.toThrow('WRONGTYPE');
    expect(await contents()).toEqual(before);
  });

  test.for([
    ['no pair', []],
    ['half a pair', ['field']],
    ['more pairs than a script can pass on', Array.from({ length: 7002 }, () => 'x')],
  ] as const)('where an entry has %s', async ([, pairs]) => {
    const entries = [...good, { ...entry('', [record('c')]), pairs }];
    await expect(appendRequestOnce(redis, KEYS, request('f'), entries)).rejects.toThrow('BADENTRY');
    expect(await redis.dbsize()).toBe(0);
  });

  test('while memory is full', async () => {
    await redis.config('SET', 'maxmemory', '1');
    try {
      await expect(appendRequestOnce(redis, KEYS, request('f'), good)).rejects.toThrow(/^OOM/);
    } finally {
      await redis.config('SET', 'maxmemory', '0');
    }
    expect(await redis.dbsize()).toBe(0);
  });

  test('on a replica', async () => {
    await redis.replicaof('127.0.0.1', 1);
    try {
      await expect(appendOnce(redis, KEYS, good)).rejects.toThrow(/^READONLY/);
    } finally {
      await redis.replicaof('NO', 'ONE');
    }
    expect(await redis.dbsize()).toBe(0);
  });
});

test('a record that holds no stream id is told of', async () => {
  await redis.set(record('a').key, 'nonsense');
  const appending = appendOnce(redis, KEYS, [entry('a', [record('a')])]);
  await expect(appending).rejects.toThrow('no stream id');
});
