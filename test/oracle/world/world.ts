import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newProducer } from '../../../src/auth/producers.ts';
import { type GoogleStandIn, startGoogleStandIn } from '../../../src/demo/google-stand-in.ts';
import { IDENTITIES } from '../plan/people.ts';
import type { RoundPlan } from '../plan/round-plan.ts';
import { FaultProxy } from './fault-proxy.ts';
import { Runner } from './runner.ts';
import { startSentinelStore } from './sentinel-store.ts';
import { SingleStore, type Store } from './store.ts';
import { Tally } from './tally.ts';
import { Timeline } from './timeline.ts';

/** Everything that a round runs in: real processes, each with a network of its own to a real Redis. */
export interface World extends AsyncDisposable {
  readonly plan: RoundPlan;
  readonly store: Store;
  readonly projectors: readonly Runner[];
  readonly servers: readonly Runner[];
  /** By the name of the process; none under sentinels, which name addresses by themselves. */
  readonly networks: ReadonlyMap<string, FaultProxy>;
  /** Where bots of the producer package reach Redis. */
  readonly botUrl: string;
  readonly google: GoogleStandIn;
  /** An API key that may emit everything. */
  readonly apiKey: string;
  readonly timeline: Timeline;
  readonly tally: Tally;
  /** Every token that was ever used, valid or not: none of them may be in a log. */
  readonly secrets: Set<string>;
  signIn(email: string, lifetimeSeconds?: number): string;
}

export async function startWorld(plan: RoundPlan): Promise<World> {
  await using resources = new AsyncDisposableStack();
  const timeline = new Timeline();
  const tally = new Tally();
  const google = resources.use(await startGoogleStandIn({ now: Date.now }));
  const directory = await mkdtemp(join(tmpdir(), 'tasktrail-oracle-'));
  resources.defer(() => rm(directory, { recursive: true, force: true }));
  const { key, entry } = newProducer('oracle', ['**'], randomBytes);
  await writeFile(join(directory, 'producers.json'), JSON.stringify({ producers: [entry] }));
  await writeFile(join(directory, 'identities.json'), JSON.stringify(IDENTITIES));
  const store: Store = resources.use(await startStore(plan));
  const networks = new Map<string, FaultProxy>();
  const urlFor = async (name: string): Promise<string> => {
    if (store.kind === 'sentinel') return store.url;
    const proxy = resources.use(await FaultProxy.open(store.url, tally));
    networks.set(name, proxy);
    return proxy.url;
  };
  const startRunner = async (name: string, command: Runner['command']): Promise<Runner> => {
    const env = {
      ...plan.settings,
      TASK_TRACKING_REDIS_URL: await urlFor(name),
      TASK_DASHBOARD_GOOGLE_CLIENT_IDS: google.clientId,
      TASK_DASHBOARD_GOOGLE_CERTS_URL: google.certsUrl,
      TASK_DASHBOARD_ALLOWED_DOMAINS: 'example.com',
      TASK_DASHBOARD_IDENTITIES: join(directory, 'identities.json'),
      TASK_INTAKE_PRODUCERS: join(directory, 'producers.json'),
      NODE_COMPILE_CACHE: join(tmpdir(), 'tasktrail-oracle-compiled'),
    };
    const runner = await Runner.create(name, command, env);
    resources.defer(() => runner.kill());
    await runner.start();
    return runner;
  };
  const runners = (count: number, name: string, command: Runner['command']) =>
    Promise.all(
      Array.from({ length: count }, (_, index) => startRunner(`${name}-${index + 1}`, command)),
    );
  const [projectors, servers, botUrl] = await Promise.all([
    runners(plan.projectors, 'projector', 'projector'),
    runners(plan.servers, 'server', 'serve'),
    urlFor('bots'),
  ]);
  const secrets = new Set([key]);
  const owned = resources.move();
  return {
    ...{ plan, store, projectors, servers, networks, botUrl, google, apiKey: key },
    ...{ timeline, tally, secrets },
    signIn: (email, lifetimeSeconds = 3600) => {
      const exp = Math.ceil(Date.now() / 1000) + lifetimeSeconds;
      const token = google.sign({ email, exp });
      secrets.add(token);
      return token;
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function startStore({ store, faults }: RoundPlan): Promise<Store> {
  if (store === 'sentinel') return startSentinelStore();
  return SingleStore.start(
    store,
    faults.some(({ name }) => name === 'loading-redis'),
  );
}
