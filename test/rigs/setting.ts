import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { startGoogleStandIn } from '../../src/demo/google-stand-in.ts';
import { Runner } from '../oracle/world/runner.ts';
import { SingleStore } from '../oracle/world/store.ts';

/** Real processes for a rig, and a Redis and a Google of their own. */
export interface Setting extends AsyncDisposable {
  readonly redis: Redis;
  /** With what its processes are started. */
  readonly env: Environment;
  /** Starts a process of the program; it is killed at the end. */
  start(name: string, command: Runner['command'], env?: Environment): Promise<Runner>;
  /** Tokens of so many viewers. */
  signIn(viewers: number): string[];
}

type Environment = Readonly<Record<string, string>>;

export async function startSetting(common: Environment = {}): Promise<Setting> {
  await using resources = new AsyncDisposableStack();
  const google = resources.use(await startGoogleStandIn({ now: Date.now }));
  const store = resources.use(await SingleStore.start('everysec', false));
  const redis = store.connect('rig');
  await new Promise((resolve) => redis.once('ready', resolve));
  const owned = resources.move();
  const shared: Environment = {
    LOG_LEVEL: 'warn',
    TASK_TRACKING_REDIS_URL: store.url,
    TASK_DASHBOARD_GOOGLE_CLIENT_IDS: google.clientId,
    TASK_DASHBOARD_GOOGLE_CERTS_URL: google.certsUrl,
    TASK_DASHBOARD_ALLOWED_DOMAINS: 'example.com',
    NODE_COMPILE_CACHE: join(tmpdir(), 'tasktrail-rig-compiled'),
    ...common,
  };
  return {
    redis,
    env: shared,
    start: async (name, command, env = {}) => {
      const runner = await Runner.create(name, command, { ...shared, ...env });
      owned.defer(() => runner.kill());
      await runner.start();
      return runner;
    },
    signIn: (viewers) =>
      Array.from({ length: viewers }, (_, n) => google.sign({ email: `viewer-${n}@example.com` })),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
