import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseIdentities, readIdentities } from '../../src/auth/identities.ts';
import { SettingsFileError } from '../../src/runtime/settings-file.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tasktrail-identities-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function read(content: unknown) {
  const path = join(directory, 'identities.json');
  await writeFile(path, JSON.stringify(content));
  return await readIdentities(path);
}

describe('the principals of an identity', () => {
  test('are itself and its aliases, each once', async () => {
    const identities = await read({
      'google:ana@example.com': ['slack:U1', 'github:ana', 'slack:U1', 'google:ana@example.com'],
    });
    expect([...identities.principalsOf('google:ana@example.com')]).toEqual([
      'google:ana@example.com',
      'slack:U1',
      'github:ana',
    ]);
  });

  test('are itself alone where the file does not name it, and without a file', async () => {
    const identities = await read({ 'google:ana@example.com': ['slack:U1'] });
    expect([...identities.principalsOf('google:ben@example.com')]).toEqual([
      'google:ben@example.com',
    ]);
    const none = await readIdentities(undefined);
    expect([...none.principalsOf('google:ana@example.com')]).toEqual(['google:ana@example.com']);
  });

  test('compare without case where they are of Google, and with it elsewhere', async () => {
    const identities = await read({
      'google:Ana@Example.com': ['google:ANA@Home.example', 'slack:U1'],
    });
    expect([...identities.principalsOf('google:ana@example.com')]).toEqual([
      'google:ana@example.com',
      'google:ana@home.example',
      'slack:U1',
    ]);
  });

  test('are found for an account without a verified address', async () => {
    const identities = await read({ 'google-sub:123': ['slack:U1'] });
    expect(identities.principalsOf('google-sub:123')).toContain('slack:U1');
  });

  test('of the example in config/ can be read', async () => {
    const text = await readFile(new URL('../../config/identities.json', import.meta.url), 'utf8');
    expect(parseIdentities(text).kind).toBe('valid');
  });
});

describe('who may have a principal', () => {
  test('are those whose alias it is, and who signs in as it', async () => {
    const identities = await read({
      'google:ana@example.com': ['slack:U1', 'slack:U1', 'google:ana@home.example'],
      'google-sub:7': ['slack:U1'],
    });
    const holdersOf = (principal: string) => [...identities.holdersOf(principal)];
    expect(holdersOf('slack:U1')).toEqual(['google:ana@example.com', 'google-sub:7']);
    expect(holdersOf('google-sub:7')).toEqual(['google-sub:7']);
    expect(holdersOf('google:ana@home.example')).toEqual([
      'google:ana@home.example',
      'google:ana@example.com',
    ]);
    expect(holdersOf('google:nobody@example.com')).toEqual(['google:nobody@example.com']);
    expect(holdersOf('slack:U2')).toEqual([]);
    expect(holdersOf('googled:ana')).toEqual([]);
  });

  test('are exactly the identities that have it', () => {
    const identity = fc.constantFrom('google:a@x', 'google:b@x', 'google-sub:1');
    const principal = fc.oneof(identity, fc.constantFrom('slack:U1', 'github:ana'));
    fc.assert(
      fc.property(
        fc.dictionary(identity, fc.array(principal)),
        identity,
        principal,
        (document, who, what) => {
          const parsed = parseIdentities(JSON.stringify(document));
          if (parsed.kind === 'invalid') expect.fail(parsed.problems.join());
          const has = parsed.value.principalsOf(who).has(what);
          expect(parsed.value.holdersOf(what).has(who)).toBe(has);
        },
      ),
    );
  });
});

describe('faults of the file', () => {
  test('are all named at once, each with its key', () => {
    const text = JSON.stringify({
      'google:ana@example.com': ['slack:U1', 'nobody', 7],
      'google:ben@example.com': 'slack:U2',
      'google:eva@example.com': [],
    });
    expect(parseIdentities(text)).toEqual({
      kind: 'invalid',
      problems: [
        '"google:ana@example.com"[1]: must be a principal, <provider>:<id>',
        expect.stringMatching(/^"google:ana@example.com"\[2\]: .*expected string/),
        expect.stringMatching(/^"google:ben@example.com": .*expected array/),
      ],
    });
  });

  test.each(['slack:U1', 'ana@example.com', '', 'google:', 'googled:ana'])(
    'are keys that nobody signs in as: "%s"',
    (key) => {
      expect(parseIdentities(JSON.stringify({ [key]: ['slack:U1'] }))).toEqual({
        kind: 'invalid',
        problems: [expect.stringContaining(`"${key}" must be google:<e-mail>`)],
      });
    },
  );

  test('are two spellings of one person', () => {
    const text = JSON.stringify({ 'google:ana@example.com': [], 'google:Ana@example.com': [] });
    expect(parseIdentities(text)).toEqual({
      kind: 'invalid',
      problems: [expect.stringContaining('"google:Ana@example.com" is there twice')],
    });
  });

  test.each(['null', '[]', '"text"'])('are contents of another kind: %s', (text) => {
    expect(parseIdentities(text)).toEqual({
      kind: 'invalid',
      problems: ['it must be a JSON object from a principal to its aliases'],
    });
  });

  test.each([
    ['', 'it must be JSON'],
    ['{\n"google:ana@example.com": [],\n}', 'it must be JSON, which ends at line 3 column 1'],
    [Buffer.from([0xff]), 'it must be UTF-8'],
  ])('are what is no JSON: %o', (contents, problem) => {
    expect(parseIdentities(contents)).toEqual({ kind: 'invalid', problems: [problem] });
  });

  test('are all that comes of any other document', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.uint8Array()), (contents) => {
        const parsed = parseIdentities(contents);
        if (parsed.kind === 'invalid') expect(parsed.problems.length).toBeGreaterThan(0);
      }),
    );
  });

  test('come with the name of the file', async () => {
    await expect(read({ ana: [] })).rejects.toThrow(SettingsFileError);
    await expect(read({ ana: [] })).rejects.toThrow(join(directory, 'identities.json'));
    const missing = join(directory, 'missing.json');
    await expect(readIdentities(missing)).rejects.toMatchObject({
      name: 'SettingsFileError',
      path: missing,
      message: `correct the identities file ${missing}:\n  it cannot be read: ENOENT`,
      cause: { code: 'ENOENT' },
    });
  });
});
