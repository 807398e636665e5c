import { describe, expect, test } from 'vitest';
import { MAX_BATCH_LINES } from '../../../src/cli/emit/batch.ts';
import { KEYS } from '../../../src/redis/keys.ts';
import { startLosingProxy } from '../../fixtures/losing-proxy.ts';
import { useRedis } from '../../fixtures/redis.ts';
import { type EmitGiven, emit, eventLines, messages } from './emitting.ts';

/** What was appended survives it, as events must. */
const redis = useRedis({ appendOnly: 'always' });

const run = (given: EmitGiven) => emit(redis, given);
const numbered = (count: number) => Array.from({ length: count }, (_, n) => `${n}`);
const fileOf = (count: number) => ({ 'events.ndjson': eventLines(count).join('\n') });

describe('running the same again', () => {
  test('appends nothing, and gives the ids of the first time', async () => {
    const first = await run({ files: fileOf(1200) });
    const second = await run({ files: fileOf(1200) });
    expect(second.code).toBe(0);
    expect(second.out.map((text) => JSON.parse(text))).toEqual(
      first.out.map((text) => ({ ...JSON.parse(text), repeated: true })),
    );
    expect(await messages(redis)).toEqual(numbered(1200));
  });

  test('appends what was added or edited meanwhile', async () => {
    await run({ files: { 'events.ndjson': eventLines(2).join('\n') } });
    const [, ...rest] = eventLines(3);
    const edited = eventLines(1)[0]?.replace('queued', 'success');
    const { out } = await run({ files: { 'events.ndjson': [edited, ...rest].join('\n') } });
    expect(out.map((text) => JSON.parse(text).repeated === true)).toEqual([false, true, false]);
    expect(await messages(redis)).toEqual(['0', '1', '0', '2']);
  });

  test('under another name appends all of it once more', async () => {
    await run({ lines: eventLines(2) });
    await run({ lines: eventLines(2), flags: { name: 'once more' } });
    await run({ lines: eventLines(2), flags: { name: 'once more' } });
    expect(await messages(redis)).toEqual(['0', '1', '0', '1']);
  });

  test('is remembered for 24 h', async () => {
    await run({ lines: eventLines(1) });
    const client = redis.connect();
    const [record = ''] = await client.keys(KEYS.intake.record('*'));
    expect(await client.ttl(record)).toBeGreaterThan(86_390);
    expect(await client.ttl(record)).toBeLessThanOrEqual(86_400);
  });
});

describe('a run that was cut in the middle', () => {
  test('by Redis dying, and is run again, gives exactly the events of one run', async () => {
    const files = fileOf(5000);
    let told = 0;
    const first = await run({
      files,
      giveUpMs: 1000,
      onLine: async () => {
        told += 1;
        if (told === 1200) await redis.server.kill();
      },
    });
    expect(first.code).toBe(1);
    expect(first.out.length).toBeLessThan(5000);
    const lastLine = JSON.parse(first.out.at(-1) ?? '').line;
    expect(first.err.at(-1)).toContain(
      `Everything up to line ${lastLine} is done (${first.out.length} appended, 0 already there`,
    );
    await redis.server.restart();
    const second = await run({ files });
    expect(second.code).toBe(0);
    expect(second.out.slice(0, first.out.length).map((text) => JSON.parse(text))).toEqual(
      first.out.map((text) => ({ ...JSON.parse(text), repeated: true })),
    );
    expect(await messages(redis)).toEqual(numbered(5000));
  });

  test('before it was told of anything, and is run again, doubles nothing', async () => {
    const files = fileOf(1200);
    await using network = await startLosingProxy(redis.url, { loseEvery: 1 });
    const first = await run({ files, redis: network, giveUpMs: 1000 });
    expect(first).toMatchObject({ code: 1, out: [] });
    expect(first.err.at(-1)).toContain('No line is done');
    expect((await messages(redis)).length).toBeGreaterThan(0);
    expect((await run({ files })).code).toBe(0);
    expect(await messages(redis)).toEqual(numbered(1200));
  });

  test('by a signal, finishes what is on its way, says where it stopped, and goes on there', async () => {
    const files = fileOf(5000);
    const stop = new AbortController();
    let told = 0;
    const onLine = async () => {
      told += 1;
      if (told > 1) return;
      await redis.server.pause();
      // Once the next batch was sent.
      setImmediate(() => {
        stop.abort();
        void redis.server.resume();
      });
    };
    const first = await run({ files, signal: stop.signal, onLine });
    const appended = await messages(redis);
    expect(first.code).toBe(1);
    expect(first.out).toHaveLength(appended.length);
    expect(appended.length).toBeGreaterThan(1);
    expect(appended.length).toBeLessThanOrEqual(2 * MAX_BATCH_LINES);
    expect(first.err).toEqual([
      `stopped after line ${appended.length}; run the same again to go on`,
    ]);
    const second = await run({ files });
    expect(second.code).toBe(0);
    expect(await messages(redis)).toEqual(numbered(5000));
  });
});

test('answers that are lost on their way double nothing and keep the order', async () => {
  await using network = await startLosingProxy(redis.url, { loseEvery: 3 });
  const { code, out, err } = await run({ files: fileOf(5000), redis: network });
  expect(network.lost).toBeGreaterThan(2);
  expect({ code, told: out.length }).toEqual({ code: 0, told: 5000 });
  expect(err).toContainEqual(expect.stringContaining('cannot append now'));
  expect(await messages(redis)).toEqual(numbered(5000));
});

test('two that emit the same file at once double nothing', async () => {
  const [one, other] = await Promise.all([
    run({ files: fileOf(5000) }),
    run({ files: fileOf(5000) }),
  ]);
  expect([one.code, other.code]).toEqual([0, 0]);
  const isRepeat = (text: string) => JSON.parse(text).repeated === true;
  expect(one.out.filter(isRepeat).length + other.out.filter(isRepeat).length).toBe(5000);
  expect(await messages(redis)).toEqual(numbered(5000));
});

test('50,000 lines are appended in order', async () => {
  const { code, out } = await run({ files: fileOf(50_000) });
  expect({ code, told: out.length }).toEqual({ code: 0, told: 50_000 });
  expect(out.map((text) => JSON.parse(text).line)).toEqual(
    Array.from({ length: 50_000 }, (_, n) => n + 1),
  );
  expect(await messages(redis)).toEqual(numbered(50_000));
});
