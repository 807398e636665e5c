import { randomBytes } from 'node:crypto';
import { rm, writeFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { ForbiddenError } from '../../src/auth/auth.ts';
import { newProducer } from '../../src/auth/producers.ts';
import { eventually } from '../fixtures/facts.ts';
import { serviceAccount, useGoogle } from '../fixtures/google.ts';
import { makeFile, openFor } from './opened.ts';

const google = useGoogle();

const CI = 'ci@my-project.iam.gserviceaccount.com';
const ANA = 'google:ana@example.com';
const ci = { name: 'ci', email: CI, projects: ['acme/shop'] };
const nightly = newProducer('nightly', ['houlak/*'], randomBytes);

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
    const next = newProducer('nightly-2', ['houlak/*'], randomBytes);
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
