import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EmitInputError, fileInput, untilAborted } from '../../../src/cli/emit/input.ts';
import { eventually } from '../../fixtures/facts.ts';

let directory = '';

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'emit-input-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function contentsOf(source: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

test('a file has a size, and is opened when it is asked for', async () => {
  const path = join(directory, 'a.ndjson');
  await writeFile(path, 'one');
  const { sizeBytes, open } = await fileInput(path);
  expect(sizeBytes).toBe(3);
  await writeFile(path, 'other');
  expect(await contentsOf(open())).toBe('other');
});

test('what is no file, as a device or a pipe, has none', async () => {
  expect(await fileInput('/dev/null')).toMatchObject({ sizeBytes: undefined });
});

test('what cannot be read is told by its path', async () => {
  await mkdir(join(directory, 'sub'));
  for (const [name, problem] of [
    ['missing', 'ENOENT'],
    ['sub', 'it is a directory'],
  ]) {
    const path = join(directory, name ?? '');
    const reading = fileInput(path);
    await expect(reading).rejects.toThrow(EmitInputError);
    await expect(reading).rejects.toThrow(`cannot read ${path}: ${problem}`);
  }
});

test.runIf(process.platform === 'linux')(
  'a file that is not read to its end is closed',
  async () => {
    const path = join(directory, 'long.ndjson');
    await writeFile(path, 'x'.repeat(1_000_000));
    const files = async () => (await readdir('/proc/self/fd')).length;
    const before = await files();
    const stop = new AbortController();
    const { open } = await fileInput(path);
    for await (const _ of untilAborted(open(), stop.signal)) stop.abort();
    await eventually(async () => expect(await files()).toBeLessThanOrEqual(before));
  },
);
