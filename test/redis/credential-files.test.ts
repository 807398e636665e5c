import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CredentialFiles } from '../../src/redis/credential-files.ts';
import { openRedisAddress } from '../../src/redis/redis-address.ts';
import { SettingsFileError } from '../../src/runtime/settings-file.ts';
import { Authority } from '../fixtures/authority.ts';
import { temporaryDirectory, writeCertificate } from '../fixtures/tls-redis.ts';

async function passwordFile(text: string): Promise<string> {
  const path = join(await temporaryDirectory(), 'password');
  await writeFile(path, text);
  return path;
}

describe('files that sign in', () => {
  test('are read again when they are asked to be, however they were replaced', async () => {
    const path = await passwordFile('one\n');
    const files = await CredentialFiles.open({ passwordFile: path });
    expect(files.current.password).toBe('one');
    await writeFile(path, 'two\n');
    expect(files.current.password).toBe('one');
    await files.refresh();
    expect(files.current.password).toBe('two');
    await writeFile(`${path}.new`, 'three\n');
    await rename(`${path}.new`, path);
    await Promise.all([files.refresh(), files.refresh()]);
    expect(files.current.password).toBe('three');
  });

  test('leave in force what they held while they cannot be used', async () => {
    const path = await passwordFile('one\n');
    const files = await CredentialFiles.open({ passwordFile: path });
    await writeFile(path, '');
    await expect(files.refresh()).rejects.toThrow(/password file .*\n {2}it is empty/);
    await rm(path);
    await expect(files.refresh()).rejects.toThrow(SettingsFileError);
    expect(files.current.password).toBe('one');
    await writeFile(path, 'two\n');
    await files.refresh();
    expect(files.current.password).toBe('two');
  });

  test('are a certificate and its key together: half of a replacement changes nothing', async () => {
    const authority = await Authority.create('Ours');
    const directory = await temporaryDirectory();
    const { cert, key } = await writeCertificate(directory, await authority.issue(['one']));
    const files = await CredentialFiles.open({ certFile: cert, keyFile: key });
    const before = files.current.secureContext;
    const next = await authority.issue(['two']);
    await writeFile(cert, next.cert);
    await expect(files.refresh()).rejects.toThrow(`key file ${key}`);
    expect(files.current.secureContext).toBe(before);
    await writeFile(key, next.key);
    await files.refresh();
    expect(files.current.secureContext).not.toBe(before);
    // Unless something changed there is nothing to be made anew.
    const { secureContext } = files.current;
    await files.refresh();
    expect(files.current.secureContext).toBe(secureContext);
  });

  test('that are not there at start are a fault of the settings', async () => {
    const settings = { url: 'redis://ana@localhost', passwordFile: '/nowhere/password' };
    await expect(openRedisAddress(settings)).rejects.toThrow(SettingsFileError);
    await expect(openRedisAddress(settings)).rejects.toThrow(
      'correct the Redis password file /nowhere/password:\n  it cannot be read: ENOENT',
    );
  });

  test('need not be there where the URL says everything', async () => {
    expect(await openRedisAddress({ url: 'redis://localhost', passwordFile: undefined })).toEqual({
      url: 'redis://localhost',
    });
  });
});
