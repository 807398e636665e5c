import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import {
  mkdir,
  readdir,
  readlink,
  rename,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { SettingsFileError } from '../../src/runtime/settings-file.ts';
import { MAX_SETTINGS_BYTES } from '../../src/runtime/watched-file.ts';
import { eventually } from '../fixtures/facts.ts';
import { makeDirectory, replaceFile } from '../projects/directory.ts';
import { watch } from './watched.ts';

const run = promisify(execFile);

async function makeFile(text = '[1]'): Promise<string> {
  const path = join(await makeDirectory(), 'numbers.json');
  await writeFile(path, text);
  return path;
}

/** Resolves once so many further looks have ended. */
async function furtherLooks({ observed }: Awaited<ReturnType<typeof watch>>, count = 3) {
  const start = observed.looks;
  await eventually(() => expect(observed.looks).toBeGreaterThanOrEqual(start + count));
}

describe('a file of settings is read again', () => {
  test('when it was written in place, replaced, or touched, and only then', async () => {
    const path = await makeFile();
    const watched = await watch(path);
    const { file, observed } = watched;
    expect(file.current).toEqual([1]);
    await furtherLooks(watched);
    expect(observed.outcomes).toEqual([]);
    await writeFile(path, '[1, 2]');
    await eventually(() => expect(file.current).toEqual([1, 2]));
    await replaceFile(path, '[3]');
    await eventually(() => expect(file.current).toEqual([3]));
    const reloads = observed.outcomes.filter((outcome) => outcome === 'changed').length;
    await utimes(path, 1, 1);
    await eventually(() => {
      const changes = observed.outcomes.filter((outcome) => outcome === 'changed');
      expect(changes.length).toBe(reloads + 1);
    });
  });

  test('when a symbolic link above it is swapped, as mounted configuration is replaced', async () => {
    const directory = await makeDirectory();
    for (const [name, text] of [
      ['..2026_11_20', '[1]'],
      ['..2026_11_21', '[2]'],
    ] as const) {
      await mkdir(join(directory, name));
      await writeFile(join(directory, name, 'numbers.json'), text);
    }
    await symlink('..2026_11_20', join(directory, '..data'));
    const path = join(directory, 'numbers.json');
    await symlink(join('..data', 'numbers.json'), path);
    const { file } = await watch(path);
    await symlink('..2026_11_21', join(directory, '..new'));
    await rename(join(directory, '..new'), join(directory, '..data'));
    await eventually(() => expect(file.current).toEqual([2]));
  });

  test('after a wait that chance makes longer or shorter, so that replicas spread', async () => {
    const watched = await watch(await makeFile());
    await furtherLooks(watched);
    expect(watched.random.mock.calls.length).toBeGreaterThanOrEqual(3);
  });

  test('says when, and that the process is ready', async () => {
    const path = await makeFile();
    const { file, clock, log } = await watch(path);
    expect(file.name).toBe('numbers');
    expect(file.health()).toEqual({
      ready: true,
      details: { loadedAt: '2026-11-20T12:00:00.000Z', brokenSince: null, problem: null },
    });
    clock.ms += 60_000;
    await replaceFile(path, '[2]');
    await eventually(() => expect(file.current).toEqual([2]));
    expect(file.health().details.loadedAt).toBe('2026-11-20T12:01:00.000Z');
    expect(log).toMatchObject([
      { level: 'info', file: 'numbers', path, msg: 'a settings file was read again' },
    ]);
  });
});

describe('the last good contents stay in force', () => {
  const breakages: [string, (path: string) => Promise<unknown>, string][] = [
    ['is gone', (path) => rm(path), 'cannot be read: ENOENT'],
    ['is no JSON', (path) => replaceFile(path, '{'), 'has 1 fault(s)'],
    ['is cut off', (path) => truncate(path, 0), 'has 1 fault(s)'],
    ['has faults', (path) => replaceFile(path, '["a", 1, "b"]'), 'has 2 fault(s)'],
    ['is too large', (path) => truncate(path, MAX_SETTINGS_BYTES + 1), 'is larger than'],
    [
      'is a directory',
      async (path) => {
        await rm(path);
        await mkdir(path);
      },
      'is not a regular file',
    ],
    [
      'is a named pipe',
      async (path) => {
        await rm(path);
        await run('mkfifo', [path]);
      },
      'is not a regular file',
    ],
  ];

  test.each(breakages)('while the file %s, until it is good again', async (_, destroy, problem) => {
    const path = await makeFile();
    const watched = await watch(path);
    const { file, observed, clock } = watched;
    clock.ms += 1500;
    await destroy(path);
    await eventually(() => expect(observed.isBroken).toBe(true));
    await furtherLooks(watched);
    expect(file.current).toEqual([1]);
    expect(file.health()).toEqual({
      ready: true,
      details: {
        loadedAt: '2026-11-20T12:00:00.000Z',
        brokenSince: '2026-11-20T12:00:01.500Z',
        problem: expect.stringContaining(problem),
      },
    });
    await rm(path, { recursive: true, force: true });
    await replaceFile(path, '[2]');
    await eventually(() => expect(file.current).toEqual([2]));
    expect(observed.isBroken).toBe(false);
    expect(file.health().details).toMatchObject({ brokenSince: null, problem: null });
  });

  test('and each reason is told once, in the log with every fault', async () => {
    const path = await makeFile();
    const watched = await watch(path);
    const { observed, log } = watched;
    await replaceFile(path, '["s3cret", "b"]');
    await eventually(() => expect(observed.outcomes).toEqual(['failed']));
    await furtherLooks(watched);
    await rm(path);
    await eventually(() => expect(observed.outcomes).toEqual(['failed', 'failed']));
    await furtherLooks(watched);
    await replaceFile(path, '[2]');
    await eventually(() => expect(observed.outcomes).toEqual(['failed', 'failed', 'changed']));
    const broken = 'a settings file cannot be used; its last good contents stay in force';
    expect(log).toMatchObject([
      {
        level: 'error',
        msg: broken,
        problems: ['[0]: s3cret is no number', '[1]: b is no number'],
        faults: 2,
      },
      { level: 'error', msg: broken, problems: ['it cannot be read: ENOENT'], faults: 1 },
      { level: 'info', msg: 'a settings file can be used again' },
      { level: 'info', msg: 'a settings file was read again' },
    ]);
  });

  test('and readiness, which anybody may ask for, quotes nothing of the file', async () => {
    const path = await makeFile();
    const { file, observed } = await watch(path);
    await replaceFile(path, '["s3cret"]');
    await eventually(() => expect(observed.isBroken).toBe(true));
    expect(JSON.stringify(file.health())).not.toContain('s3cret');
  });

  test('and a log line names twenty faults and counts the rest', async () => {
    const path = await makeFile();
    const { log } = await watch(path);
    await replaceFile(path, JSON.stringify(Array(50).fill('x')));
    await eventually(() => expect(log).toMatchObject([{ faults: 50 }]));
    expect(log[0]?.problems).toHaveLength(20);
  });

  test('without being read again when the file only comes back', async () => {
    const path = await makeFile();
    const { file, observed, log } = await watch(path);
    const { current } = file;
    await rename(path, `${path}.away`);
    await eventually(() => expect(observed.isBroken).toBe(true));
    await rename(`${path}.away`, path);
    await eventually(() => expect(observed.isBroken).toBe(false));
    expect(file.current).toBe(current);
    expect(observed.outcomes).toEqual(['failed']);
    expect(log.map(({ level }) => level)).toEqual(['error', 'info']);
  });
});

describe('a start', () => {
  test('fails with every fault of the file', async () => {
    const path = await makeFile('["a", 1, "b"]');
    await expect(watch(path)).rejects.toThrow(SettingsFileError);
    await expect(watch(path)).rejects.toMatchObject({
      path,
      problems: ['[0]: a is no number', '[2]: b is no number'],
    });
  });

  test.each([
    ['is missing', (path: string) => rm(path), 'it cannot be read: ENOENT'],
    [
      'is too large',
      (path: string) => truncate(path, MAX_SETTINGS_BYTES + 1),
      `it is larger than ${MAX_SETTINGS_BYTES} bytes; keep nothing else there`,
    ],
  ])('fails when the file %s', async (_, destroy, problem) => {
    const path = await makeFile();
    await destroy(path);
    await expect(watch(path)).rejects.toMatchObject({
      message: `correct the numbers file ${path}:\n  ${problem}`,
      cause: expect.any(Error),
    });
  });

  test('says that the file is not broken', async () => {
    const { observed } = await watch(await makeFile());
    expect(observed.isBroken).toBe(false);
  });
});

/** Where Linux lists the files that this process has open. */
const OPEN_FILES = '/proc/self/fd';

test.runIf(existsSync(OPEN_FILES))('no look leaves its file open', async () => {
  const path = await makeFile();
  const watched = await watch(path);
  await furtherLooks(watched);
  await replaceFile(path, '[2]');
  await eventually(() => expect(watched.file.current).toEqual([2]));
  await watched.stop();
  // A look that was under way when it stopped closes its file when it ends.
  await eventually(async () => {
    const open = await Promise.all(
      (await readdir(OPEN_FILES)).map((fd) => readlink(join(OPEN_FILES, fd)).catch(() => '')),
    );
    expect(open.filter((name) => name.startsWith(path))).toEqual([]);
  });
});

test('a stop ends it at once, and what it had stays', async () => {
  const { file, stop } = await watch(await makeFile(), 86_400_000);
  await stop();
  expect(file.current).toEqual([1]);
});
