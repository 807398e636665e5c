import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { decodeEntry, parseStreamId } from '@tasktrail/contract';
import { expect, test } from 'vitest';
import { KEYS } from '../../src/redis/keys.ts';
import { useRedis } from '../fixtures/redis.ts';

/** What the README tells a bot's author is run as written, but for the address of Redis. */
const redis = useRedis();
const root = fileURLToPath(new URL('../..', import.meta.url));

const section = readFileSync(join(root, 'README.md'), 'utf8')
  .split(/^## /m)
  .find((text) => text.startsWith("A bot's first"));
const snippets = [...(section ?? '').matchAll(/```(sh|ts)\n([\s\S]*?)```/g)].map(
  ([, language, code = '']) => ({ language, code }),
);
const run = promisify(execFile);

/** The events that are in the stream, all of which must be valid. */
async function appended() {
  const entries = await redis.connect().xrange(KEYS.events, '-', '+');
  return entries.map(([id, pairs]) => {
    const decoded = decodeEntry(parseStreamId(id)!, pairs);
    if (decoded.kind === 'invalid') throw new Error(decoded.problem.detail);
    return decoded.event;
  });
}

test('redis-cli appends a valid event as the README says', async () => {
  const code = snippets[0]!.code.replace('redis-cli', `redis-cli -u ${redis.url}`);
  await run('sh', ['-c', code], { cwd: root });
  expect(await appended()).toMatchObject([{ executionId: 'nightly-1', status: 'in_progress' }]);
});

test('emit appends valid events as the README says', async () => {
  const code = snippets[1]!.code.replace('redis://127.0.0.1:6379', redis.url);
  await run('sh', ['-e', '-c', code], { cwd: root });
  expect(await appended()).toMatchObject([
    { executionId: 'nightly-1', status: 'success' },
    { executionId: 'nightly-2', status: 'queued' },
  ]);
});

test("the producer's snippet runs as the README says", async () => {
  const code = snippets[2]!.code.replace('redis://127.0.0.1:6379', redis.url);
  const flags = ['--conditions=tasktrail-source', '--input-type=module-typescript', '--eval'];
  await run(join(root, 'node_modules/.bin/node'), [...flags, code], { cwd: root });
  expect(await appended()).toMatchObject([
    { executionId: 'nightly-3', status: 'in_progress' },
    { executionId: 'nightly-3', message: 'Reading orders' },
    { executionId: 'nightly-3', status: 'success', message: '1,204 orders' },
  ]);
});
