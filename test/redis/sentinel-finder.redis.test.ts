import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { portToTry } from '../../src/demo/redis-settings.ts';
import { connectForBlocking, connectForCommands } from '../../src/redis/connections.ts';
import { startConfigured } from '../fixtures/configured-redis.ts';
import { eventually } from '../fixtures/facts.ts';
import { useRedis } from '../fixtures/redis.ts';
import { temporaryDirectory } from '../fixtures/tls-redis.ts';

const server = useRedis();
const NOBODY = '127.0.0.1:1';

/** A sentinel of the server, which it calls `main`, until the test ends; resolves with its address. */
async function startSentinel(...lines: readonly string[]): Promise<string> {
  const port = portToTry(Math.random());
  const path = join(await temporaryDirectory(), 'sentinel.conf');
  const monitor = `sentinel monitor main 127.0.0.1 ${new URL(server.url).port} 1`;
  await writeFile(path, [`port ${port}`, 'bind 127.0.0.1', monitor, ...lines, ''].join('\n'));
  const sentinel = await startConfigured(path, '--sentinel');
  onTestFinished(() => sentinel[Symbol.asyncDispose]());
  return `127.0.0.1:${port}`;
}

/** A connection as the program has it, until the test ends, and what it told. */
function open(sentinels: readonly string[], name = 'main', connect = connectForCommands) {
  const url = `redis+sentinel://${sentinels.join(',')}/${name}`;
  const errors: string[] = [];
  const onError = ({ message }: Error) => void errors.push(message);
  const redis = connect({ url, name: 'found', onError });
  onTestFinished(() => redis.disconnect());
  return { redis, errors, connected: redis.connect().catch(() => undefined) };
}

test.for([
  ['commands', connectForCommands],
  ['blocking reads', connectForBlocking],
] as const)(
  'a sentinel leads to the primary, for %s, past one that is gone',
  async ([, connect]) => {
    const { redis } = open([NOBODY, await startSentinel()], 'main', connect);
    await eventually(() => expect(redis.status).toBe('ready'));
    expect(await redis.info('server')).toContain(`tcp_port:${new URL(server.url).port}`);
  },
);

describe('where no sentinel names the primary', () => {
  test('it is said of each why not, with the remedy, in the same words each time', async () => {
    const sentinel = await startSentinel();
    const { errors } = open([NOBODY, sentinel], 'other');
    const said =
      `no sentinel names the primary: ${NOBODY} fails (connect ECONNREFUSED ${NOBODY}); ` +
      `${sentinel} fails (ERR No such master with that name): correct the name at the end of ` +
      'TASK_TRACKING_REDIS_URL';
    // It may have been asked before it was there.
    await eventually(() => expect(errors.slice(-3)).toEqual([said, said, said]));
  });

  test('because they ask for a password, that is said', async () => {
    const { errors } = open([await startSentinel('requirepass secret')]);
    await eventually(() => expect(errors.at(-1)).toContain('fails (NOAUTH'));
    expect(errors.at(-1)).toContain('sentinels must answer without a password');
  });

  test('a connection that is left stops asking', async () => {
    const { redis, errors, connected } = open([NOBODY]);
    await eventually(() => expect(errors.length).toBeGreaterThan(1));
    redis.disconnect();
    await connected;
    const told = errors.length;
    const leftAt = performance.now();
    await eventually(() => expect(performance.now() - leftAt).toBeGreaterThan(1500));
    expect(errors.length).toBe(told);
  });
});
