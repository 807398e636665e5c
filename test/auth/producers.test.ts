import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { newProducer, parseProducers } from '../../src/auth/producers.ts';
import { canaryBytes } from '../fixtures/canary.ts';

const HASH = 'ab'.repeat(32);
const nightly = { name: 'nightly', keySha256: HASH, projects: ['houlak/*'] };
const ci = { name: 'ci', email: 'ci@my-project.iam.gserviceaccount.com', projects: ['acme/shop'] };

function parse(...entries: unknown[]) {
  return parseProducers(JSON.stringify({ producers: entries }));
}

function producers(...entries: unknown[]) {
  const parsed = parse(...entries);
  if (parsed.kind === 'invalid') expect.fail(parsed.problems.join());
  return parsed.value;
}

function problemsOf(...entries: unknown[]): readonly string[] {
  const parsed = parse(...entries);
  return parsed.kind === 'invalid' ? parsed.problems : [];
}

describe('a producer', () => {
  test('is found by its key and by nothing else', () => {
    const { key, entry } = newProducer('nightly', ['houlak/*'], canaryBytes);
    const other = newProducer('other', ['acme/*'], canaryBytes);
    const found = producers(other.entry, entry, ci);
    expect(found.findByKey(key)?.name).toBe('nightly');
    expect(found.findByKey(other.key)?.name).toBe('other');
    for (const text of ['', entry.keySha256, `${key}x`, 'nightly', ci.email]) {
      expect(found.findByKey(text), text).toBeUndefined();
    }
  });

  test('has a key whose hash may be written in capitals', () => {
    const { key, entry } = newProducer('nightly', ['houlak/*'], canaryBytes);
    const keySha256 = entry.keySha256.toUpperCase();
    expect(producers({ ...entry, keySha256 }).findByKey(key)?.name).toBe('nightly');
  });

  test('may have several keys while one takes the place of another', () => {
    const old = newProducer('nightly', ['houlak/*'], canaryBytes);
    const next = newProducer('nightly', ['houlak/*'], canaryBytes);
    const hashes = [old.entry.keySha256, next.entry.keySha256];
    const found = producers({ ...nightly, keySha256: hashes });
    expect(found.findByKey(old.key)?.name).toBe('nightly');
    expect(found.findByKey(next.key)?.name).toBe('nightly');
    expect(
      producers({ ...nightly, keySha256: hashes.slice(1) }).findByKey(old.key),
    ).toBeUndefined();
    const other = { ...nightly, name: 'other', keySha256: hashes[1] };
    expect(problemsOf({ ...nightly, keySha256: hashes }, other)).toEqual([
      'producers[1].keySha256: repeats that of producers[0]',
    ]);
    expect(problemsOf({ ...nightly, keySha256: [] })).toHaveLength(1);
  });

  test('is found by its address, without case, and by nothing else', () => {
    const found = producers(nightly, { ...ci, email: 'CI@My-Project.iam.gserviceaccount.com' });
    expect(found.findByIdentity(`google:${ci.email}`)?.name).toBe('ci');
    for (const text of [ci.email, 'google:', 'google:eve@example.com', `google-sub:${ci.email}`]) {
      expect(found.findByIdentity(text), text).toBeUndefined();
    }
  });

  test('may write where one of its patterns matches', () => {
    const found = producers({ ...ci, projects: ['acme/shop', 'houlak/**'] });
    const producer = found.findByIdentity(`google:${ci.email}`)!;
    expect(
      ['acme/shop', 'houlak/a', 'houlak/a/b', 'acme/other', 'Acme/shop'].map(producer.mayWrite),
    ).toEqual([true, true, true, false, false]);
    expect(producer.mayWriteAll).toBe(false);
  });

  test('may write everywhere where one pattern matches everything', () => {
    const found = producers({ ...ci, projects: ['acme/shop', '**'] });
    expect(found.findByIdentity(`google:${ci.email}`)).toMatchObject({ mayWriteAll: true });
  });

  test('may be one of the example in config/, whose key nobody has', async () => {
    const text = await readFile(new URL('../../config/producers.json', import.meta.url));
    const parsed = parseProducers(text);
    expect(parsed.kind).toBe('valid');
    expect(String(text)).toContain(`"keySha256": "${'0'.repeat(64)}"`);
  });

  test('is nobody in an empty list', () => {
    expect(producers().findByKey('ttk_x')).toBeUndefined();
  });
});

describe('a new producer', () => {
  test('is a line that the file takes as it is', () => {
    const { key, entry } = newProducer('ci', ['a/*', '**'], canaryBytes);
    const line = JSON.stringify(entry);
    expect(JSON.parse(line)).toEqual({
      name: 'ci',
      keySha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      projects: ['a/*', '**'],
    });
    expect(line).not.toContain(key);
    const parsed = parseProducers(`{"producers":[${line}]}`);
    expect(parsed.kind === 'valid' && parsed.value.findByKey(key)?.name).toBe('ci');
  });
});

describe('faults of the file', () => {
  test('are all named at once, each with its place', () => {
    expect(
      problemsOf(
        { name: 'a b', keySha256: 'AB', email: 'x', projects: [], pojects: 1 },
        { ...nightly, projects: ['*', 'acme', 'acme/*', 7] },
        { name: 'nightly', projects: ['a/b'] },
        7,
        { ...nightly, name: 'second', keySha256: HASH.toUpperCase() },
        ci,
        { ...ci, name: 'third', email: ci.email.toUpperCase() },
        { name: 8, projects: 'a/b' },
      ),
    ).toEqual([
      'producers[0].name: must be 1 to 100 printable characters, no spaces',
      expect.stringMatching(/^producers\[0\]\.keySha256: must be 64 hexadecimal digits/),
      'producers[0].email: must be an e-mail address',
      'producers[0].projects: must have a pattern, such as houlak/*',
      'producers[0]: Unrecognized key: "pojects"',
      'producers[0]: must have one of keySha256 and email, and not both',
      'producers[1].projects[0]: must be ** to mean every project',
      expect.stringMatching(/^producers\[1\]\.projects\[1\]: can match no project/),
      expect.stringMatching(/^producers\[1\]\.projects\[3\]: .*expected string/),
      'producers[2]: must have one of keySha256 and email, and not both',
      expect.stringMatching(/^producers\[3\]: .*expected object/),
      expect.stringMatching(/^producers\[7\]\.name: .*expected string/),
      expect.stringMatching(/^producers\[7\]\.projects: .*expected array/),
      'producers[7]: must have one of keySha256 and email, and not both',
      'producers[2].name: repeats that of producers[1]',
      'producers[4].keySha256: repeats that of producers[1]',
      'producers[6].email: repeats that of producers[5]',
    ]);
  });

  test.each([
    ['projects', undefined],
    ['projects', 'houlak/*'],
    ['projects', null],
    ['name', undefined],
    ['name', ''],
    ['name', 'x'.repeat(101)],
    ['name', 'github'],
    ['name', 'a\u200bb'],
    ['keySha256', null],
    ['keySha256', `${HASH}0`],
    ['keySha256', 'g'.repeat(64)],
    ['keySha256', ` ${HASH.slice(1)}`],
  ])('are a wrong %s: %j', (property, value) => {
    expect(problemsOf({ ...nightly, [property]: value })).toEqual([
      expect.stringMatching(`^producers\\[0\\].${property}: `),
    ]);
  });

  test.each(['', 'ci', '@', 'ci@', '@x', 'c i@x', 'ci@x\n', 'a@b@c', 7])(
    'are what is no address: %j',
    (email) => {
      expect(problemsOf({ ...ci, email })).toEqual([
        expect.stringMatching(/^producers\[0\]\.email: /),
      ]);
    },
  );

  test.each(['Projects', 'project', 'keysha256', 'comment', '__proto__', 'admin'])(
    'are properties that mean nothing: %s',
    (property) => {
      const entry = JSON.stringify(nightly).replace('{', `{"${property}":["**"],`);
      expect(parseProducers(`{"producers":[${entry}]}`)).toEqual({
        kind: 'invalid',
        problems: [`producers[0]: Unrecognized key: "${property}"`],
      });
    },
  );

  test.each(['null', '[]', '"text"', '{}', '{"producers":{}}', '{"producers":[],"more":1}'])(
    'are contents of another kind: %s',
    (text) => {
      expect(parseProducers(text)).toEqual({
        kind: 'invalid',
        problems: [expect.stringMatching(/^(document|producers): /)],
      });
    },
  );

  test.each([
    ['', 'document: must be JSON'],
    [
      '{"producers":[\n  {"name":"a",}\n]}',
      'document: must be JSON, which ends at line 2 column 15',
    ],
    [Buffer.from([0xff]), 'document: must be UTF-8'],
  ])('are what is no JSON: %o', (contents, problem) => {
    expect(parseProducers(contents)).toEqual({ kind: 'invalid', problems: [problem] });
  });

  test('never quote a key that was put there by mistake', () => {
    const { key } = newProducer('ci', ['a/*'], canaryBytes);
    for (const property of ['name', 'keySha256', 'email', 'projects', 'key'] as const) {
      for (const value of [key, [key], { key }, ` ${key}`]) {
        const parsed = parse({ ...nightly, [property]: value }, nightly);
        expect(parsed.kind).toBe('invalid');
        expect(JSON.stringify(parsed)).not.toContain(key);
      }
    }
  });

  test('are all that comes of any other document', () => {
    const property = fc.constantFrom('producers', 'name', 'keySha256', 'email', 'projects');
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small' },
        fc.jsonValue(),
        fc.dictionary(property, tie('tree')),
        fc.array(tie('tree')),
      ),
    }));
    fc.assert(
      fc.property(
        fc.oneof(
          tree,
          tree.map((value) => ({ producers: [value] })),
        ),
        (document) => {
          const parsed = parseProducers(JSON.stringify(document));
          if (parsed.kind === 'invalid') expect(parsed.problems.length).toBeGreaterThan(0);
        },
      ),
    );
    fc.assert(fc.property(fc.uint8Array(), (bytes) => void parseProducers(bytes)));
  });
});
