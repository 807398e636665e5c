import { rm, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { ForbiddenError } from '../../src/auth/auth.ts';
import { newProducer } from '../../src/auth/producers.ts';
import { canaryBytes } from '../fixtures/canary.ts';
import { eventually } from '../fixtures/facts.ts';
import { serviceAccount, useGoogle } from '../fixtures/google.ts';
import { makeFile, openFor } from './opened.ts';

const google = useGoogle();

const CI = 'ci@my-project.iam.gserviceaccount.com';
const ANA = 'google:ana@example.com';
const ci = { name: 'ci', email: CI, projects: ['acme/shop'] };
const nightly = newProducer('nightly', ['houlak/*'], canaryBytes);

async function openProducers(...entries: unknown[]) {
  const file = await makeFile({ producers: entries });
  const opened = await openFor(google, { producersPath: file.path });
  return {
    ...opened,
    path: file.path,
    replace: (...next: unknown[]) => file.replace({ producers: next }),
    withKey: (key = nightly.key) => opened.authenticator.authenticateProducer(key),
    withToken: () =>
      opened.authenticator.authenticateProducer(google.standIn.sign(serviceAccount(CI))),
  };
}

describe('a change of the producers file takes effect without a restart', () => {
  test('for a key that is taken out: the next request with it is refused', async () => {
    const { replace, withKey, withToken, told } = await openProducers(nightly.entry, ci);
    await expect(withKey()).resolves.toMatchObject({ name: 'nightly' });
    await replace(ci);
    await eventually(() =>
      expect(withKey()).rejects.toMatchObject({ kind: 'unauthorized', reason: 'unknown_api_key' }),
    );
    await expect(withToken()).resolves.toMatchObject({ name: 'ci' });
    expect(told).toEqual(['producers changed']);
  });

  test('for an account that is taken out', async () => {
    const { replace, withToken } = await openProducers(ci);
    await expect(withToken()).resolves.toMatchObject({ name: 'ci' });
    await replace();
    await eventually(() => expect(withToken()).rejects.toMatchObject({ kind: 'forbidden' }));
  });

  test('for a key that is added, beside the one that it replaces', async () => {
    const next = newProducer('nightly-2', ['houlak/*'], canaryBytes);
    const { replace, withKey } = await openProducers(nightly.entry);
    await expect(withKey(next.key)).rejects.toMatchObject({ kind: 'unauthorized' });
    await replace(nightly.entry, next.entry);
    await eventually(() => expect(withKey(next.key)).resolves.toMatchObject({ name: 'nightly-2' }));
    await expect(withKey()).resolves.toMatchObject({ name: 'nightly' });
  });

  test('for projects that are taken away', async () => {
    const { replace, withKey } = await openProducers(nightly.entry);
    expect((await withKey()).mayWrite('houlak/a')).toBe(true);
    await replace({ ...nightly.entry, projects: ['houlak/b'] });
    await eventually(async () => expect((await withKey()).mayWrite('houlak/a')).toBe(false));
  });

  test('for a viewer that becomes a producer', async () => {
    const { replace, authenticator } = await openProducers();
    const token = google.standIn.sign(serviceAccount(CI));
    await expect(authenticator.authenticate(token)).resolves.toMatchObject({ sight: {} });
    await replace(ci);
    await eventually(() =>
      expect(authenticator.authenticate(token)).rejects.toBeInstanceOf(ForbiddenError),
    );
  });
});

describe('while the producers file is broken', () => {
  test('its last good contents stay in force, and its faults are logged', async () => {
    const { path, replace, withKey, told, broken, logged, authenticator } = await openProducers(
      nightly.entry,
    );
    await writeFile(path, JSON.stringify({ producers: [{ ...nightly.entry, projects: ['*'] }] }));
    await eventually(() => expect(broken.get('producers')).toBe(true));
    await expect(withKey()).resolves.toMatchObject({ name: 'nightly' });
    expect(authenticator.files.map((file) => [file.name, file.health().ready])).toEqual([
      ['producers', true],
    ]);
    await rm(path);
    await eventually(() => expect(logged()).toContain('it cannot be read: ENOENT'));
    expect(logged()).toContain('producers[0].projects[0]: must be ** to mean every project');
    await expect(withKey()).resolves.toMatchObject({ name: 'nightly' });
    await replace(ci);
    await eventually(() => expect(broken.get('producers')).toBe(false));
    await expect(withKey()).rejects.toMatchObject({ kind: 'unauthorized' });
    expect(told.at(-1)).toBe('producers changed');
  });
});

describe('a change of the identities file', () => {
  test('gives and takes principals with the next request', async () => {
    const file = await makeFile({ [ANA]: ['slack:U1'] });
    const { authenticator, told, broken } = await openFor(google, {
      identitiesPath: file.path,
      enforceVisibility: true,
      admins: ['slack:ROOT'],
    });
    const sight = async () => (await authenticator.authenticate(google.standIn.sign())).sight;
    const own = (...aliases: string[]) => ({
      kind: 'own',
      principals: new Set([ANA, ...aliases]),
    });
    expect(await sight()).toEqual(own('slack:U1'));
    await file.replace({ [ANA]: ['slack:U2'] });
    await eventually(async () => expect(await sight()).toEqual(own('slack:U2')));
    await file.replace({ [ANA]: ['slack:ROOT'] });
    await eventually(async () => expect(await sight()).toEqual({ kind: 'everything' }));
    await file.replace({ [ANA]: ['nobody'] });
    await eventually(() => expect(broken.get('identities')).toBe(true));
    expect(await sight()).toEqual({ kind: 'everything' });
    await file.replace({});
    await eventually(async () => expect(await sight()).toEqual(own()));
    expect(told).toEqual([
      'identities changed',
      'identities changed',
      'identities failed',
      'identities changed',
    ]);
  });
});

describe('a change of the members file', () => {
  /** What a request with this token is answered, with the lists of now. */
  async function openMembers(content: object, options: Parameters<typeof openFor>[1] = {}) {
    const file = await makeFile(content);
    const opened = await openFor(google, { membersPath: file.path, ...options });
    const token = google.standIn.sign();
    const answer = () =>
      opened.authenticator.authenticate(token).then(
        ({ sight }) => sight.kind,
        ({ name }: Error) => name,
      );
    return { ...opened, file, answer };
  }
  const REFUSED = 'ForbiddenError';

  test.each([
    ['address', { emails: ['Ana@Example.com'] }, { emails: ['ben@example.com'] }],
    ['domain', { domains: ['EXAMPLE.com'] }, { domains: ['team.example.com', 'com'] }],
  ])('shuts out whose %s is taken out, and lets in whose is put back', async (_, before, after) => {
    const { file, answer, told, broken } = await openMembers(before);
    expect(await answer()).toBe('everything');
    await file.replace(after);
    await eventually(async () => expect(await answer()).toBe(REFUSED));
    await file.replace(before);
    await eventually(async () => expect(await answer()).toBe('everything'));
    await file.replace({});
    await eventually(async () => expect(await answer()).toBe(REFUSED));
    await file.replace({ ...before, email: [] });
    await eventually(() => expect(broken.get('members')).toBe(true));
    expect(await answer()).toBe(REFUSED);
    expect(told.at(-1)).toBe('members failed');
  });

  test('makes an administrator and takes that back, of those who may sign in alone', async () => {
    const { file, answer } = await openMembers(
      { domains: ['example.com'] },
      { enforceVisibility: true },
    );
    expect(await answer()).toBe('own');
    await file.replace({ domains: ['example.com'], admins: ['google:ANA@example.com'] });
    await eventually(async () => expect(await answer()).toBe('everything'));
    await file.replace({ admins: [ANA] });
    await eventually(async () => expect(await answer()).toBe(REFUSED));
    await file.replace({ domains: ['example.com'] });
    await eventually(async () => expect(await answer()).toBe('own'));
  });

  test('takes nothing from whom the variables admit', async () => {
    const { file, answer, told } = await openMembers(
      { emails: ['ana@example.com'] },
      { allowedEmails: ['ana@example.com'] },
    );
    await file.replace({});
    await eventually(() => expect(told).toEqual(['members changed']));
    expect(await answer()).toBe('everything');
  });
});

describe('what open streams are told', () => {
  test('is what a new request would get, after every change and no failure', async () => {
    const identities = await makeFile({ [ANA]: ['slack:U1'] });
    const producers = await makeFile({ producers: [ci] });
    const { authenticator, broken } = await openFor(google, {
      identitiesPath: identities.path,
      producersPath: producers.path,
      enforceVisibility: true,
      admins: ['slack:ROOT'],
    });
    const sights: unknown[] = [];
    authenticator.onChange(() => {
      const sight = authenticator.sightOf({ identity: ANA });
      sights.push(sight?.kind === 'own' ? [...sight.principals] : sight?.kind);
    });
    const whenTold = (count: number) => eventually(() => expect(sights).toHaveLength(count));
    expect(authenticator.sightOf({ identity: `google:${CI}` })).toBeUndefined();
    await identities.replace({ [ANA]: ['slack:U2'] });
    await whenTold(1);
    await identities.replace({ [ANA]: ['nobody'] });
    await eventually(() => expect(broken.get('identities')).toBe(true));
    await identities.replace({ [ANA]: ['slack:ROOT'] });
    await whenTold(2);
    await producers.replace({ producers: [{ ...ci, email: 'Ana@example.com' }] });
    await whenTold(3);
    await expect(authenticator.authenticate(google.standIn.sign())).rejects.toBeInstanceOf(
      ForbiddenError,
    );
    await producers.replace({ producers: [] });
    await whenTold(4);
    expect(sights).toEqual([[ANA, 'slack:U2'], 'everything', undefined, 'everything']);
    await expect(authenticator.authenticate(google.standIn.sign())).resolves.toMatchObject({
      sight: authenticator.sightOf({ identity: ANA }),
    });
  });
});

describe('a start', () => {
  test('fails with every fault of the producers file', async () => {
    const { path } = await makeFile({ producers: [{ ...ci, projects: ['*'], more: 1 }] });
    await expect(openFor(google, { producersPath: path })).rejects.toMatchObject({
      name: 'SettingsFileError',
      path,
      problems: [
        'producers[0].projects[0]: must be ** to mean every project',
        'producers[0]: Unrecognized key: "more"',
      ],
    });
  });

  test('fails with every fault of the members file, and names no other', async () => {
    const content = { domains: ['@example.com'], emails: ['ana'], admins: ['ana'], owners: [] };
    const { path } = await makeFile(content);
    await expect(openFor(google, { membersPath: path })).rejects.toMatchObject({
      name: 'SettingsFileError',
      problems: [
        'domains[0]: must be a domain, such as example.com',
        'emails[0]: must be an e-mail address',
        'admins[0]: must be a principal, <provider>:<id>',
        'document: Unrecognized key: "owners"',
      ],
    });
  });

  test('fails where the identities file is missing', async () => {
    await expect(openFor(google, { identitiesPath: '/nowhere/identities.json' })).rejects.toThrow(
      'correct the identities file /nowhere/identities.json',
    );
  });

  test('watches only the files that are configured', async () => {
    const identities = await makeFile({});
    const producers = await makeFile({ producers: [] });
    const none = await openFor(google, {});
    expect(none.authenticator.files).toEqual([]);
    const both = await openFor(google, {
      identitiesPath: identities.path,
      producersPath: producers.path,
    });
    expect(both.authenticator.files.map(({ name }) => name)).toEqual(['identities', 'producers']);
    expect([...both.broken]).toEqual([
      ['identities', false],
      ['producers', false],
    ]);
  });
});
