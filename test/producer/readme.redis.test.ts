import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { useRedis } from '../fixtures/redis.ts';

const redis = useRedis();
const readme = readFileSync(new URL('../../packages/producer/README.md', import.meta.url), 'utf8');
const snippets = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = '']) => code);

test.for([
  [0, 5, ''],
  [1, 1, /^\d+-\d+\n$/],
  [2, 20_000, ''],
] as const)(
  'snippet %i runs as written, and appends %i events',
  async ([index, events, output]) => {
    const code = snippets[index]?.replace('redis://127.0.0.1:6379', redis.url) ?? '';
    const flags = ['--conditions=tasktrail-source', '--input-type=module-typescript', '--eval'];
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [...flags, code]);
    expect(stdout).toMatch(output);
    expect(stderr).toBe('');
    expect(await redis.connect().xlen('task-events:v1')).toBe(events);
  },
);
