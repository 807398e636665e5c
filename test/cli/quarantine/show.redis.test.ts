import type { Redis } from 'ioredis';
import { beforeEach, expect, test } from 'vitest';
import { KEYS } from '../../../src/redis/keys.ts';
import { anEntry } from '../../fixtures/events.ts';
import { useRedis } from '../../fixtures/redis.ts';
import { append, everything, idsInQuarantine, json, project, quarantine } from './commands.ts';

const server = useRedis();
let redis: Redis;

beforeEach(() => {
  redis = server.connect();
});

const show = (...argv: string[]) => quarantine(server.url, ['show', ...argv]);

test('an entry is shown with its pairs as they came, and what a replay would do', async () => {
  const pairs = ['flow', 'a', 'flow', 'b\u001b[2J\nc', ...anEntry({ status: 'running' })];
  const source = await append(redis, ...pairs);
  await project(redis, server.url);
  const before = await everything(redis);
  const [id] = await idsInQuarantine(redis);
  const { code, out, err } = await show(`${id}`);
  expect({ code, err }).toEqual({ code: 0, err: [] });
  expect(out).toEqual([
    expect.stringMatching(new RegExp(`^${id} {2}\\d{4}-.*Z$`)),
    `  event ${source}`,
    expect.stringMatching(/^ {2}invalid_value {2}\w+ {2}\S/),
    '    flow = a',
    '    flow = b\\x1b[2J\\nc',
    '    executionId = run-1',
    '    occurredAt = 2026-11-20T12:00:00.000Z',
    '    project = owner/repo',
    '    status = running',
    expect.stringMatching(/^ {2}replayed now: still invalid: \w+: /),
  ]);
  expect(await everything(redis)).toEqual(before);
});

test('as JSON it is whole, with bytes that are no UTF-8 as base64', async () => {
  const bytes = Buffer.from([0x61, 0xff, 0x00]);
  const source = await append(redis, ...anEntry(), bytes, 'x', 'message', bytes);
  await project(redis, server.url);
  const [id] = await idsInQuarantine(redis);
  const [shown] = json((await show('--json', `${id}`)).out);
  const base64 = bytes.toString('base64');
  expect(shown).toMatchObject({ id, sourceId: source, reason: 'not_utf8', executionId: 'run-1' });
  expect(shown.pairs.slice(-2)).toEqual([
    [{ base64 }, 'x'],
    ['message', { base64 }],
  ]);
  expect(shown.forecast).toMatchObject({ kind: 'invalid', fault: { reason: 'not_utf8' } });
  expect((await show(`${id}`)).out).toContain('    message = a\\xff\\x00');
});

test('also one of megabytes is whole', async () => {
  const note = 'a'.repeat(3_000_000);
  await append(redis, ...anEntry(), 'note', note);
  await project(redis, server.url);
  const [id] = await idsInQuarantine(redis);
  const [shown] = json((await show('--json', `${id}`)).out);
  expect(shown.pairs.at(-1)).toEqual(['note', note]);
});

test('each of several is judged for itself', async () => {
  const tooEarly = { status: undefined, project: undefined };
  await append(redis, ...anEntry({ attempt: '0' }));
  await append(redis, ...anEntry(tooEarly));
  await project(redis, server.url);
  await redis.xadd(KEYS.events, '*', ...anEntry());
  await project(redis, server.url);
  const ids = await idsInQuarantine(redis);
  const { out } = await show(...ids, ...ids);
  const forecasts = out.filter((line) => line.includes('replayed now'));
  expect(forecasts).toEqual([
    '  replayed now: still invalid: attempt: must be a whole number of at least 1 (invalid_value)',
    '  replayed now: status stays queued',
  ]);
});

test('an id that is not there is a failure, and the others are shown', async () => {
  await append(redis, ...anEntry({ attempt: '0' }));
  await project(redis, server.url);
  const [id] = await idsInQuarantine(redis);
  const { code, out, err } = await show('1-0', `${id}`);
  expect(code).toBe(1);
  expect(err).toEqual([expect.stringMatching(/^1-0 is not in the quarantine/)]);
  expect(out.length).toBeGreaterThan(5);
});

test.for([[[]], [['soon']], [['1-0', '2']]])(
  'a wrong call exits with 2: %j',
  async ([argv = []]) => {
    expect(await show(...argv)).toMatchObject({ code: 2, out: [] });
  },
);
