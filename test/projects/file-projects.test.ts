import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readlink, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { ProjectsUnavailableError } from '../../src/projects/projects.ts';
import { MAX_LIST_BYTES } from '../../src/projects/projects-source.ts';
import { jitteredMs } from '../../src/runtime/jitter.ts';
import { makeDirectory, replaceFile } from './directory.ts';
import { documentOf, runProjects } from './running-projects.ts';

const run = promisify(execFile);

async function makeFile(text?: string): Promise<string> {
  const path = join(await makeDirectory(), 'projects.json');
  if (text !== undefined) await writeFile(path, text);
  return path;
}

describe('a list in a file', () => {
  test('is served once it was looked at, and not before', async () => {
    const { projects, slugs, looks } = runProjects({ source: await makeFile(documentOf('a')) });
    expect(slugs).toThrow(ProjectsUnavailableError);
    await projects.firstLook;
    expect(slugs()).toEqual(['a']);
    expect(looks.outcomes).toEqual(['changed']);
  });

  test('is read again only when it changed: replaced, rewritten or touched', async () => {
    const path = await makeFile(documentOf('a'));
    const { looks, whenListed } = runProjects({ source: path });
    await looks.next('unchanged', 2);
    expect(looks.outcomes.slice(0, 3)).toEqual(['changed', 'unchanged', 'unchanged']);
    await replaceFile(path, documentOf('b'));
    await whenListed('b');
    await writeFile(path, documentOf('a', 'rewritten'));
    await whenListed('a', 'rewritten');
    const touched = looks.next('changed');
    await utimes(path, 1, 1);
    await touched;
  });

  test('stays in force while its file is gone, and is followed when it is back', async () => {
    const path = await makeFile(documentOf('a'));
    const { slugs, looks, projects, log, whenListed } = runProjects({ source: path });
    await projects.firstLook;
    await rm(path);
    await looks.next('failed', 3);
    expect(slugs()).toEqual(['a']);
    expect(projects.health()).toEqual({
      ready: true,
      details: {
        source: 'file',
        loadedAt: expect.any(String),
        brokenSince: expect.any(String),
        problem: 'cannot be read: ENOENT',
      },
    });
    await replaceFile(path, documentOf('b'));
    await whenListed('b');
    expect(projects.health().details).toMatchObject({ brokenSince: null, problem: null });
    expect(log.map(({ level, msg }) => `${level}: ${msg}`)).toEqual([
      'info: list of projects loaded',
      'warn: the source of projects is broken',
      'info: the source of projects is whole again',
      'info: list of projects loaded',
    ]);
  });

  test('stays in force while its file is no list, and is followed when it is one', async () => {
    const path = await makeFile(documentOf('a'));
    const { slugs, looks, projects, whenListed } = runProjects({ source: path });
    await projects.firstLook;
    await replaceFile(path, documentOf('b', 'b'));
    await looks.next('failed', 3);
    expect(slugs()).toEqual(['a']);
    expect(projects.health().details.problem).toBe(
      'is no list of projects: projects[1].project: repeats projects[0]',
    );
    await replaceFile(path, documentOf('b'));
    await whenListed('b');
  });

  test.each([
    ['too large', (path: string) => writeFile(path, ' '.repeat(MAX_LIST_BYTES + 1)), 'larger than'],
    ['a directory', (path: string) => mkdir(path), 'not a regular file'],
    ['a named pipe', (path: string) => run('mkfifo', [path]), 'not a regular file'],
  ])('is refused when it is %s', async (_, make, problem) => {
    const path = await makeFile();
    await make(path);
    const { projects, slugs } = runProjects({ source: path });
    await projects.firstLook;
    expect(projects.health().details.problem).toContain(problem);
    expect(slugs).toThrow(problem);
  });
});

/** Where Linux lists the files that this process has open. */
const OPEN_FILES = '/proc/self/fd';

test.runIf(existsSync(OPEN_FILES))('no look leaves its file open', async () => {
  const path = await makeFile(documentOf('a'));
  const { looks, stop } = runProjects({ source: path });
  await looks.next('unchanged', 3);
  await stop();
  const open = await Promise.all(
    (await readdir(OPEN_FILES)).map((fd) => readlink(join(OPEN_FILES, fd)).catch(() => '')),
  );
  expect(open).not.toContain(path);
});

describe('the list of projects', () => {
  test('is empty where none is configured', async () => {
    const { projects, slugs, stop } = runProjects({ source: undefined });
    await projects.firstLook;
    expect(slugs()).toEqual([]);
    expect(projects.health()).toEqual({
      ready: true,
      details: { source: null, loadedAt: null, brokenSince: null, problem: null },
    });
    await stop();
  });

  test('never makes the process unready, also where it never had one', async () => {
    const { projects, slugs, log } = runProjects({ source: await makeFile() });
    expect(projects.health().ready).toBe(true);
    await projects.firstLook;
    expect(projects.health()).toMatchObject({ ready: true, details: { source: null } });
    expect(slugs).toThrow(ProjectsUnavailableError);
    expect(log).toMatchObject([{ level: 'error', problem: 'cannot be read: ENOENT' }]);
  });

  test('tells for how long its source has been broken', async () => {
    let nowMs = Date.parse('2026-11-20T12:00:00Z');
    const path = await makeFile();
    const { projects, looks, whenListed } = runProjects({ source: path }, { now: () => nowMs });
    await projects.firstLook;
    expect(looks.brokenSeconds).toBe(0);
    nowMs += 1500;
    await looks.next('failed', 2);
    expect(looks.brokenSeconds).toBe(1.5);
    expect(projects.health().details.brokenSince).toBe('2026-11-20T12:00:00.000Z');
    await replaceFile(path, documentOf('a'));
    await whenListed('a');
    expect(looks.brokenSeconds).toBe(0);
    expect(projects.health().details.loadedAt).toBe('2026-11-20T12:00:01.500Z');
  });

  test('stops at once, and what it had stays', async () => {
    const source = await makeFile(documentOf('a'));
    const { projects, slugs, stop } = runProjects({ source, refreshMs: 86_400_000 });
    await projects.firstLook;
    await stop();
    expect(slugs()).toEqual(['a']);
  });

  test('is looked at up to a tenth earlier or later than the interval', () => {
    expect([0, 0.5, 1].map((random) => jitteredMs(1000, random))).toEqual([900, 1000, 1100]);
  });

  test('takes no S3 client into a process that reads a file', async () => {
    const { stdout } = await run(process.execPath, [
      '--conditions=tasktrail-source',
      new URL('loaded-modules.ts', import.meta.url).pathname,
      await makeFile(documentOf('a')),
    ]);
    const loaded = stdout.split('\n');
    expect(loaded).toContainEqual(expect.stringContaining('/src/projects/s3-source.ts'));
    expect(loaded.filter((url) => url.includes('/@aws-sdk/'))).toEqual([]);
  });
});
