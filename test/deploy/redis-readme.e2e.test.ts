import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { portToTry } from '../../src/demo/redis-settings.ts';
import { connectForCommands } from '../../src/redis/connections.ts';
import { openRedisAddress } from '../../src/redis/redis-address.ts';
import { Authority } from '../fixtures/authority.ts';
import { startConfigured } from '../fixtures/configured-redis.ts';
import { eventually } from '../fixtures/facts.ts';
import { usePrograms } from '../fixtures/program.ts';
import { temporaryDirectory, writeCertificate } from '../fixtures/tls-redis.ts';

const programs = usePrograms();
const SHIPPED = fileURLToPath(new URL('../../deploy/redis/', import.meta.url));

test('Redis set up as deploy/redis says lets in who has a password and TLS, and nobody else', async () => {
  const directory = await temporaryDirectory();
  await cp(SHIPPED, directory, { recursive: true });
  const [, passwords = ''] =
    /```sh\n([\s\S]*?)```/.exec(await readFile(`${SHIPPED}README.md`, 'utf8')) ?? [];
  const made = await programs.shell(`cd ${directory} && ${passwords}`);
  expect(made).toMatchObject({ code: 0, stderr: '' });

  const authority = await Authority.create('Ours');
  await writeCertificate(directory, await authority.issue(['127.0.0.1']), 'redis');
  const ca = join(directory, 'ca.crt');
  await writeFile(ca, authority.cert);
  const port = portToTry(Math.random());
  const shipped = await readFile(join(directory, 'redis.conf'), 'utf8');
  const conf = shipped
    .replaceAll('/etc/redis/tls/', `${directory}/`)
    .replaceAll('/etc/redis/', `${directory}/`)
    .replace('tls-port 6379', `tls-port ${port}\nbind 127.0.0.1`);
  await writeFile(join(directory, 'redis.conf'), conf);
  const server = await startConfigured(join(directory, 'redis.conf'));
  onTestFinished(() => server[Symbol.asyncDispose]());

  const connect = async (user: string, passwordFile: string) => {
    const url = `rediss://${user}@127.0.0.1:${port}`;
    const address = await openRedisAddress({ url, passwordFile, caFile: ca });
    const redis = connectForCommands({ ...address, name: user, onError: () => {} });
    onTestFinished(() => redis.disconnect());
    return redis;
  };
  const passwordOf = (user: string) => join(directory, `${user}.password`);
  const admin = await connect('admin', passwordOf('admin'));
  await admin.connect().catch(() => {});
  await eventually(async () => expect(await admin.acl('WHOAMI')).toBe('admin'));
  expect(await admin.config('GET', 'appendonly', 'maxmemory-policy')).toEqual(
    expect.arrayContaining(['appendonly', 'yes', 'maxmemory-policy', 'noeviction']),
  );
  for (const process of ['projector', 'server', 'all', 'emit', 'operator']) {
    const user = `tasktrail-${process}`;
    const redis = await connect(user, passwordOf(user));
    await redis.connect();
    const stranger = await connect(user, passwordOf('tasktrail-producer'));
    await expect(stranger.connect()).rejects.toThrow('WRONGPASS');
    stranger.disconnect();
  }
  const nobody = new Redis({
    host: '127.0.0.1',
    port,
    tls: { ca: authority.cert },
    lazyConnect: true,
  });
  nobody.on('error', () => {});
  onTestFinished(() => nobody.disconnect());
  await nobody.connect().catch(() => {});
  await expect(nobody.ping()).rejects.toThrow(/NOAUTH|Connection is closed/);
});
