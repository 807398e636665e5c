import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startGoogleStandIn } from '../../src/demo/google-stand-in.ts';
import { Runner } from '../../test/oracle/world/runner.ts';
import { LOAD_CORE, pin, SERVER_CORE } from '../harness/processes.ts';
import { requestOf } from './load.ts';
import { BUSY_PRINCIPAL, PERSON } from './tasks.ts';

/** A real server before a filled Redis. */
export interface Serving extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
  readonly url: string;
  /** What a dashboard of another origin sends with each request. */
  readonly headers: Readonly<Record<string, string>>;
  request(path: string, headers?: Readonly<Record<string, string>>): string;
}

interface ServingOptions {
  readonly redisUrl: string;
  /** Whether the viewer sees their own tasks alone. */
  readonly isEnforced?: boolean;
  /** Whether a projector runs beside it. */
  readonly applies?: boolean;
}

const ORIGIN = 'https://dashboard.example.com';
const START_MS = 60_000;

export async function startServing(options: ServingOptions): Promise<Serving> {
  await using resources = new AsyncDisposableStack();
  const google = resources.use(await startGoogleStandIn({ now: Date.now }));
  const directory = await mkdtemp(join(tmpdir(), 'tasktrail-bench-'));
  resources.defer(() => rm(directory, { recursive: true }));
  const identities = join(directory, 'identities.json');
  await writeFile(identities, JSON.stringify({ [PERSON]: [BUSY_PRINCIPAL] }));

  const start = async (command: Runner['command'], core: number) => {
    const runner = await Runner.create(command, command, {
      LOG_LEVEL: 'warn',
      NODE_COMPILE_CACHE: join(tmpdir(), 'tasktrail-rig-compiled'),
      TASK_TRACKING_REDIS_URL: options.redisUrl,
      TASK_DASHBOARD_GOOGLE_CLIENT_IDS: google.clientId,
      TASK_DASHBOARD_GOOGLE_CERTS_URL: google.certsUrl,
      TASK_DASHBOARD_ALLOWED_DOMAINS: 'example.com',
      TASK_DASHBOARD_CORS_ORIGINS: ORIGIN,
      TASK_DASHBOARD_IDENTITIES: identities,
      TASK_DASHBOARD_ENFORCE_VISIBILITY: String(options.isEnforced ?? false),
    });
    resources.defer(() => runner.kill());
    await runner.start();
    await pin(runner.pid, core);
    await whenReady(runner);
    return runner;
  };
  const server = await start('serve', SERVER_CORE);
  if (options.applies) await start('projector', LOAD_CORE);
  const token = google.sign({ email: PERSON.slice('google:'.length) });
  const headers = { Authorization: `Bearer ${token}`, Origin: ORIGIN };
  const owned = resources.move();
  return {
    ...{ pid: server.pid, port: Number(new URL(server.url).port), url: server.url, headers },
    request: (path, more = {}) => requestOf(path, { ...headers, ...more }),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function whenReady(runner: Runner): Promise<void> {
  const deadline = performance.now() + START_MS;
  while ((await runner.probe('readyz')) !== 200) {
    if (performance.now() > deadline) throw new Error(`${runner.name} does not become ready`);
    await delay(20);
  }
}
