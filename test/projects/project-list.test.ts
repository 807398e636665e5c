import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseProjectList } from '../../src/projects/project-list.ts';

function parse(document: unknown) {
  const text = typeof document === 'string' ? document : JSON.stringify(document);
  return parseProjectList(Buffer.from(text));
}

const RUKIPAY = {
  project: 'rukipay',
  displayName: 'Rukipay',
  applications: [{ app: 'rukipay-backend', repo: 'houlak/rukipay-backend' }],
};

describe('a document', () => {
  test('gives its projects, in its order', () => {
    const other = { project: 'other', displayName: 'Other', applications: [] };
    const projects = [RUKIPAY, other];
    expect(parse({ projects })).toEqual({ kind: 'valid', projects });
  });

  test('may hold no project', () => {
    expect(parse({ projects: [] })).toEqual({ kind: 'valid', projects: [] });
  });

  test('may begin with a byte order mark', () => {
    expect(parse('\ufeff{"projects":[]}')).toEqual({ kind: 'valid', projects: [] });
  });

  test('loses unknown keys, at every level', () => {
    const [application] = RUKIPAY.applications;
    const noted = { ...RUKIPAY, note: 1, applications: [{ ...application, note: 1 }] };
    const document = { $schema: 'x', projects: [noted] };
    expect(parse(document)).toEqual({ kind: 'valid', projects: [RUKIPAY] });
  });

  test('that ships as the example is valid', () => {
    const example = readFileSync(new URL('../../config/projects.json', import.meta.url));
    const parsed = parseProjectList(example);
    expect(parsed).toMatchObject({ kind: 'valid', projects: [RUKIPAY, {}] });
  });
});

describe('a fault', () => {
  test('is named with its path, and every fault is', () => {
    const projects = [
      { ...RUKIPAY, project: '', applications: [{ app: 'x', repo: 'no-owner' }] },
      RUKIPAY,
      { displayName: 7, applications: {} },
      { ...RUKIPAY, applications: [{ app: 'x', repo: 'a/b' }, { repo: 'a//b' }] },
    ];
    const parsed = parse({ projects });
    expect(parsed.kind === 'invalid' && parsed.faults.map((fault) => fault.split(':')[0])).toEqual([
      'projects[0].project',
      'projects[0].applications[0].repo',
      'projects[2].project',
      'projects[2].displayName',
      'projects[2].applications',
      'projects[3].applications[1].app',
      'projects[3].applications[1].repo',
      'projects[3].project',
    ]);
  });

  test('is a slug that was there before, also beside other faults', () => {
    const projects = [RUKIPAY, { project: 'x' }, RUKIPAY, { ...RUKIPAY, displayName: 'Again' }];
    const parsed = parse({ projects });
    expect(parsed).toMatchObject({
      kind: 'invalid',
      faults: expect.arrayContaining([
        'projects[2].project: repeats projects[0]',
        'projects[3].project: repeats projects[0]',
      ]),
    });
    expect(parse({ projects: [RUKIPAY, RUKIPAY] })).toEqual({
      kind: 'invalid',
      faults: ['projects[1].project: repeats projects[0]'],
    });
  });

  test.each([
    ['nothing', '', 'document: must be JSON'],
    ['a text', 'hello secret', 'document: must be JSON'],
    ['JSON that breaks off', '{"projects":[', 'document: must be JSON'],
    ['a bare list', '[]', 'document: Invalid input: expected object, received array'],
    ['null', 'null', 'document: Invalid input: expected object, received null'],
    ['no projects', '{}', 'projects: Invalid input: expected array, received undefined'],
  ])('is %s', (_, text, fault) => {
    const parsed = parse(text);
    expect(parsed.kind === 'invalid' && parsed.faults).toEqual([expect.stringContaining(fault)]);
  });

  test('is a text that is not UTF-8', () => {
    const faults = ['document: must be UTF-8'];
    expect(parseProjectList(Uint8Array.of(0xff, 0xfe))).toEqual({ kind: 'invalid', faults });
  });

  test('quotes nothing of the document', () => {
    const secret = 'hunter2';
    const wrong = { ...RUKIPAY, project: secret, applications: [{ app: 'x', repo: secret }] };
    for (const document of [secret, `{"projects": ${secret}`, { projects: [wrong, wrong] }]) {
      expect(JSON.stringify(parse(document))).not.toContain(secret);
    }
  });
});
