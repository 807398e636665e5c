import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { KEYS } from '../../../src/redis/keys.ts';
import { anEntry } from '../../fixtures/events.ts';
import { useRedis } from '../../fixtures/redis.ts';
import { append, everything, idsInQuarantine, json, project, quarantine } from './commands.ts';

const server = useRedis();
let redis: Redis;
let ids: string[];

beforeEach(async () => {
  redis = server.connect();
  for (const status of ['a', undefined, 'b', undefined]) {
    await append(redis, ...anEntry({ executionId: `run-${status}`, status }));
  }
  await project(redis, server.url);
  ids = await idsInQuarantine(redis);
});

const drop = (...argv: string[]) => quarantine(server.url, ['drop', ...argv]);

test('a dry run lists what would be dropped, and writes nothing', async () => {
  const before = await everything(redis);
  const { code, out } = await drop('--reason', 'missing_field');
  expect(code).toBe(0);
  expect(out.map((line) => line.split('  ')[0])).toEqual([
    ...[ids[1], ids[3]],
    'dry run, nothing was deleted: 2 would be dropped; --yes does it',
  ]);
  const lines = json((await drop('--all', '--json')).out);
  expect(lines.map(({ id, dropped }) => [id, dropped])).toEqual(ids.map((id) => [id, false]));
  expect(await everything(redis)).toEqual(before);
});

test('with --yes exactly that is dropped, and the events stay', async () => {
  const events = await redis.xrange(KEYS.events, '-', '+');
  const { code, out } = await drop('--reason', 'missing_field', '--yes');
  expect({ code, last: out.at(-1) }).toEqual({ code: 0, last: '2 dropped' });
  expect(await idsInQuarantine(redis)).toEqual([ids[0], ids[2]]);
  expect(await redis.xrange(KEYS.events, '-', '+')).toEqual(events);
});

test('what is dropped is printed whole, byte for byte', async () => {
  const bytes = Buffer.from([0xff]);
  const note = 'a'.repeat(3_000_000);
  await append(redis, ...anEntry({ executionId: 'run-9' }), 'note', note, 'message', bytes);
  await project(redis, server.url);
  const { out, err } = await drop('--execution', 'run-9', '--yes', '--json');
  const [dropped] = json(out);
  expect(dropped).toMatchObject({ executionId: 'run-9', dropped: true });
  expect(dropped.pairs.slice(-2)).toEqual([
    ['note', note],
    ['message', { base64: bytes.toString('base64') }],
  ]);
  expect(err).toEqual(['1 dropped']);
  expect(await idsInQuarantine(redis)).toEqual(ids);
});

test('what is quarantined while it runs is not dropped', async () => {
  let isNew = true;
  const added = redis.duplicate();
  const adding: Promise<unknown>[] = [];
  await quarantine(server.url, ['drop', '--all', '--yes'], () => {
    if (isNew) adding.push(added.xadd(KEYS.quarantine, '*', 'executionId', 'new'));
    isNew = false;
  });
  await Promise.all(adding);
  added.disconnect();
  expect(await idsInQuarantine(redis)).toHaveLength(1);
});

test('of two at once each entry is dropped by one', async () => {
  const both = await Promise.all([drop('--all', '--yes'), drop('--all', '--yes')]);
  const counts = both.map(({ out }) => Number.parseInt(out.at(-1) ?? '', 10));
  expect(counts[0]! + counts[1]!).toBe(4);
  expect(await idsInQuarantine(redis)).toEqual([]);
});

test('only the named ones are dropped, and one that is not there is a failure', async () => {
  const { code, err } = await drop('--yes', `${ids[2]}`, '1-0');
  expect({ code, err }).toEqual({ code: 1, err: ['1-0 is not in the quarantine: see list'] });
  expect(await idsInQuarantine(redis)).toEqual([ids[0], ids[1], ids[3]]);
});

test('what nothing of Tasktrail wrote can be dropped', async () => {
  const id = await redis.xadd(KEYS.quarantine, '*', 'hello', 'world');
  await drop('--yes', `${id}`);
  expect(await idsInQuarantine(redis)).toEqual(ids);
});

describe('a wrong call exits with 2 and writes nothing:', () => {
  test.for([['--yes'], ['--yes', '--all', '1-0'], ['soon', '--yes'], ['--reason', 'x', '--yes']])(
    '%j',
    async (argv) => {
      const before = await everything(redis);
      expect(await drop(...argv)).toMatchObject({ code: 2, out: [] });
      expect(await everything(redis)).toEqual(before);
    },
  );
});
