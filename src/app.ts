import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import type { Config, ServeConfig } from '../config/config.ts';
import { assembleIntake, closedDoors } from './app-intake.ts';
import { createObservers, type Observers } from './app-observers.ts';
import { assembleProjector, collectStreamMetrics } from './app-projector.ts';
import { openAuthenticator } from './auth/authenticator.ts';
import { admitsAnyGoogleAccount } from './auth/token-claims.ts';
import { bearerToken } from './auth/token-source.ts';
import { createAdminApp } from './http/admin.ts';
import { ConnectionGuard } from './http/connection-guard.ts';
import { createDashboardApp } from './http/dashboard-app.ts';
import { type HttpServer, listen } from './http/server.ts';
import { SnapshotGate } from './http/snapshot-gate.ts';
import { StreamRegistry } from './http/sse/stream-registry.ts';
import { createStreamHandler } from './http/sse/stream-route.ts';
import { ChangeHub } from './hub/change-hub.ts';
import { configuredProjects } from './projects/configured-projects.ts';
import { PageCache } from './read-model/page-cache.ts';
import { Snapshot } from './read-model/snapshot.ts';
import { type ConnectionOptions, connectForCommands } from './redis/connections.ts';
import { createEpoch } from './redis/epoch.ts';
import { KEYS } from './redis/keys.ts';
import { needsOf, type ProcessRoles } from './redis/permissions.ts';
import { openRedisAddress } from './redis/redis-address.ts';
import { RequirementsService } from './redis/requirements-service.ts';
import { MACHINE_CLOCK } from './runtime/clock.ts';
import { withDeadline } from './runtime/deadline.ts';
import { collectProcessMetrics, createMetrics, type Metrics } from './runtime/metrics.ts';
import type { HealthCheck, Service } from './runtime/service.ts';
import { runServices } from './runtime/supervisor.ts';
import { FeedReader } from './tailer/feed-reader.ts';
import { TailerService } from './tailer/tailer-service.ts';

/** The composition root: every stage, wired in the order in which data flows through them. */
export interface AppOptions {
  readonly config: Config;
  /** Whether this process applies events. Whether it serves is said by `config.serve`. */
  readonly applies: boolean;
  readonly version: string;
  readonly logger: Logger;
}

export interface App {
  /** Where dashboards reach it; undefined when it does not serve. */
  readonly url: string | undefined;
  /** Where the admin port is; undefined when there is none. */
  readonly adminUrl: string | undefined;
  /** Whether every part does its work now. */
  isReady(): boolean;
  /**
   * Works until the signal aborts, then stops: not ready first, then the streams, then requests,
   * then the loops. Rejects when a part fails for good; everything is released either way.
   */
  run(signal: AbortSignal): Promise<void>;
}

/** A process while it is put together. */
interface Assembly extends AppOptions {
  readonly redis: Redis;
  readonly connect: (name: string) => ConnectionOptions;
  readonly metrics: Metrics;
  readonly observers: Observers;
  readonly services: Service[];
  readonly checks: HealthCheck[];
  /** What a stop does before the loops end, in order. */
  readonly farewells: (() => Promise<void>)[];
  readonly resources: AsyncDisposableStack;
  isDraining: boolean;
}

/** How long a start waits for Redis before it goes on without. */
const FIRST_CONNECTION_MS = 1000;
/** How long requests that run may take to end when the process stops. */
const CLOSE_DEADLINE_MS = 3000;

/**
 * Puts the process together and opens its ports. Redis being away is no error: the process runs,
 * not ready, and tries again.
 *
 * @throws ListenError or SettingsFileError: settings whose faults only show in use
 */
export async function createApp(options: AppOptions): Promise<App> {
  await using resources = new AsyncDisposableStack();
  const assembly = await assemble(options, resources);
  if (options.applies) addProjector(assembly);
  const server = options.config.serve && (await addServing(assembly, options.config.serve));
  const admin = await addAdmin(assembly);
  const owned = resources.move();
  return {
    url: server?.url,
    adminUrl: admin?.url,
    isReady: () => assembly.checks.every((check) => check.health().ready),
    run: async (signal) => {
      await using _ = owned;
      await runServices(assembly.services, signal, async () => {
        assembly.isDraining = true;
        for (const farewell of assembly.farewells) await farewell();
      });
    },
  };
}

async function assemble(options: AppOptions, resources: AsyncDisposableStack): Promise<Assembly> {
  const { config, logger } = options;
  const metrics = createMetrics();
  collectProcessMetrics(metrics.registry);
  const observers = createObservers(metrics, logger);
  const address = await openRedisAddress(config.redis);
  const connect = (name: string): ConnectionOptions => ({
    ...address,
    name,
    onError: (error) => observers.onConnectionError(name, error),
    onSignedInAgain: () => observers.onSignedInAgain(name),
  });
  const redis = connectForCommands(connect('commands'));
  resources.defer(() => redis.disconnect());
  collectStreamMetrics(metrics, redis);
  // The loops begin with a connection where there is one, and wait for it where there is none.
  await withDeadline(redis.connect(), FIRST_CONNECTION_MS, 'Redis').catch(() => undefined);
  const requirements = new RequirementsService({
    redis,
    needs: needsOf(rolesOf(options), KEYS),
    logger,
  });
  await requirements.lookAtStart();
  const health: HealthCheck = {
    name: 'redis',
    health: () => ({ ready: redis.status === 'ready', details: { connection: redis.status } }),
  };
  return {
    ...options,
    redis,
    connect,
    metrics,
    observers,
    services: [requirements],
    checks: [health, requirements],
    farewells: [],
    resources,
    isDraining: false,
  };
}

function rolesOf({ applies, config: { serve } }: AppOptions): ProcessRoles {
  return { applies, serves: serve !== undefined, takes: serve?.intake !== undefined };
}

function addProjector(assembly: Assembly): void {
  const { projector, trimming } = assembleProjector(assembly.config.projector, assembly);
  assembly.services.push(projector, trimming);
  assembly.checks.push(projector);
}

async function addServing(assembly: Assembly, serve: ServeConfig): Promise<HttpServer> {
  const { redis, connect, metrics, observers, logger, version } = assembly;
  const hub = new ChangeHub(serve.replayLimit, observers.hub);
  const tailer = new TailerService({
    reader: new FeedReader(redis, KEYS),
    connection: connect('doorbell'),
    keys: KEYS,
    sink: hub,
    replayLimit: serve.replayLimit,
    createEpoch,
    observer: observers.tailer,
    logger,
  });
  const projects = configuredProjects(serve.projects, { logger, metrics: observers.projects });
  const authenticator = await openAuthenticator(serve.auth, {
    now: Date.now,
    logger,
    files: observers.files,
  });
  const streams = new StreamRegistry(serve.stream, observers.streams);
  authenticator.onChange(() => streams.reapply(authenticator));
  const { certificates, files } = authenticator;
  assembly.services.push(tailer, projects, streams, ...files);
  assembly.checks.push(tailer, hub, projects, certificates, ...files);
  const readModel = new Snapshot(redis, KEYS);
  const app = createDashboardApp({
    http: serve.http,
    snapshot: serve.snapshot,
    authenticator,
    findToken: bearerToken,
    readModel,
    pages: new PageCache(readModel, { programVersion: version }),
    snapshotGate: new SnapshotGate({
      ...serve.snapshot,
      random: Math.random,
      observer: observers.snapshotGate,
    }),
    projects,
    stream: createStreamHandler({
      hub,
      registry: streams,
      observer: observers.streams,
      heartbeatMs: serve.stream.heartbeatMs,
      maxLifetimeMs: serve.stream.maxLifetimeMs,
      clock: MACHINE_CLOCK,
      random: Math.random,
    }),
    intake:
      serve.intake &&
      assembleIntake(serve.intake, {
        redis,
        producers: authenticator,
        observer: observers.intake,
        metrics: metrics.intake,
      }),
    probes: probesOf(assembly),
    onAnswerCut: (limit) => metrics.limits.answersCut.inc({ limit }),
    logger,
    metrics: metrics.http,
    version,
  });
  tellOfDoors(serve, logger);
  const server = await listen({
    handler: app.callback(),
    ...serve.http,
    guard: new ConnectionGuard(serve.http, observers.connections),
    onBadRequest: (status) => metrics.limits.badRequests.inc({ status }),
    settings: { host: 'TASK_DASHBOARD_HOST', port: 'TASK_DASHBOARD_PORT' },
    logger,
  });
  assembly.resources.defer(() => server.close(0));
  assembly.farewells.push(
    () => streams.drain(),
    () => server.close(CLOSE_DEADLINE_MS),
  );
  logger.info({ url: server.url }, `serving dashboards on ${server.url}`);
  return server;
}

async function addAdmin(assembly: Assembly): Promise<HttpServer | undefined> {
  const { config, metrics, logger } = assembly;
  const { host, port } = config.admin;
  if (port === undefined) return undefined;
  const { registry } = metrics;
  const app = createAdminApp({ probes: probesOf(assembly), registry, logger });
  const admin = await listen({
    handler: app.callback(),
    host,
    port,
    settings: { host: 'TASK_TRACKING_ADMIN_HOST', port: 'TASK_TRACKING_ADMIN_PORT' },
    logger,
  });
  assembly.resources.defer(() => admin.close(0));
  logger.info({ url: admin.url }, `metrics and probes on ${admin.url}`);
  return admin;
}

function probesOf(assembly: Assembly) {
  return { checks: assembly.checks, isDraining: () => assembly.isDraining };
}

/** What admits everybody, and what refuses everybody: whoever sets it up should not have to guess. */
function tellOfDoors(serve: ServeConfig, logger: Logger): void {
  if (admitsAnyGoogleAccount(serve.auth)) {
    logger.warn(
      'anybody with a Google account can sign in: client ids are public; set ' +
        'TASK_DASHBOARD_ALLOWED_DOMAINS, TASK_DASHBOARD_ALLOWED_EMAILS or TASK_DASHBOARD_MEMBERS',
    );
  }
  for (const line of closedDoors(serve)) logger.info(line);
}
