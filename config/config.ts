import type { RedisSettings } from '../src/redis/redis-address.ts';
import { type ConfigProblem, checkAcrossSettings } from './checks.ts';
import { SETTINGS, type Setting, type SettingName, type SettingValues } from './settings.ts';

/**
 * Configuration, read once from the environment and passed down in slices. Nothing else reads the
 * environment.
 */

/** Every fault at once, so that a deployment is corrected in one go. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    const lines = problems.map(({ name, problem }) => `  ${name} ${problem}`);
    super(`the configuration has ${problems.length} fault(s):\n${lines.join('\n')}`);
    this.problems = problems;
  }
}

export interface ProjectorConfig {
  readonly feedMaxLength: number;
  /** How long an applied event is kept, in milliseconds; undefined: for ever. */
  readonly retentionMs: number | undefined;
  readonly batchSize: number;
}

export interface AuthConfig {
  readonly clientIds: readonly string[];
  readonly certsUrl: string;
  readonly allowedDomains: readonly string[];
  readonly allowedEmails: readonly string[];
  readonly admins: readonly string[];
  readonly enforceVisibility: boolean;
  /** Undefined: only the lists above say who may sign in. */
  readonly membersPath: string | undefined;
  readonly identitiesPath: string | undefined;
  /** Undefined: nobody emits with a key or a service account, and every account may read. */
  readonly producersPath: string | undefined;
}

export interface SnapshotConfig {
  readonly defaultLimit: number;
  readonly maxLimit: number;
  /** Pages that are worked on at once. */
  readonly places: number;
  /** Requests that wait for a place. */
  readonly maxWaiting: number;
  readonly maxWaitMs: number;
}

export interface StreamConfig {
  readonly heartbeatMs: number;
  readonly maxLifetimeMs: number;
  readonly maxStreams: number;
  readonly maxStreamsPerViewer: number;
  readonly maxStreamsPerIp: number;
}

export interface HttpConfig {
  readonly host: string;
  readonly port: number;
  readonly corsOrigins: readonly string[];
  readonly trustedProxies: readonly string[];
  readonly maxConnections: number;
  readonly maxConnectionsPerIp: number;
}

export interface IntakeConfig {
  readonly githubSecrets: readonly string[];
  readonly giteaSecrets: readonly string[];
  readonly requestsPerProducer: number;
  readonly requestsPerAddress: number;
}

export interface AdminConfig {
  readonly host: string;
  /** Undefined: no admin port is opened. */
  readonly port: number | undefined;
}

export interface ProjectsConfig {
  readonly source: string | undefined;
  readonly fallbackPath: string | undefined;
  readonly refreshMs: number;
  readonly s3Endpoint: string | undefined;
}

export interface ServeConfig {
  readonly auth: AuthConfig;
  readonly http: HttpConfig;
  readonly snapshot: SnapshotConfig;
  readonly stream: StreamConfig;
  readonly replayLimit: number;
  readonly projects: ProjectsConfig;
  /** Undefined: nothing is taken over HTTP. */
  readonly intake: IntakeConfig | undefined;
}

export interface Config {
  readonly redis: RedisSettings;
  readonly admin: AdminConfig;
  readonly logLevel: string;
  readonly projector: ProjectorConfig;
  /** Undefined when the process does not serve. */
  readonly serve: ServeConfig | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * @param serves whether the process serves dashboards, and so needs the settings of serving
 * @throws ConfigError naming every fault
 */
export function loadConfig(env: Environment, serves: boolean): Config {
  const required: SettingName[] = ['TASK_TRACKING_REDIS_URL'];
  if (serves) required.push('TASK_DASHBOARD_GOOGLE_CLIENT_IDS');
  const values = readSettings(env, required);
  return {
    redis: redisSettings(values),
    admin: { host: values.TASK_TRACKING_ADMIN_HOST, port: values.TASK_TRACKING_ADMIN_PORT },
    logLevel: values.LOG_LEVEL,
    projector: {
      feedMaxLength: values.TASK_TRACKING_FEED_MAX_LENGTH,
      retentionMs: retentionMs(values),
      batchSize: values.TASK_TRACKING_BATCH_SIZE,
    },
    serve: serves ? serveConfig(values) : undefined,
  };
}

/**
 * The settings of a command that only needs some of them, such as `emit`.
 *
 * @throws ConfigError naming every fault
 */
export function readSettings(env: Environment, required: readonly SettingName[]): SettingValues {
  const values: Partial<Record<SettingName, unknown>> = {};
  const problems: ConfigProblem[] = [];
  for (const [name, setting] of Object.entries(SETTINGS) as [SettingName, Setting][]) {
    // A variable that is set to nothing is how deployments spell "not set".
    const text = env[name] || setting.fallback;
    if (text === undefined) {
      if (required.includes(name)) problems.push({ name, problem: 'is required' });
      continue;
    }
    const parsed = setting.schema.safeParse(text);
    if (parsed.success) values[name] = parsed.data;
    else problems.push({ name, problem: parsed.error.issues[0]?.message ?? 'is invalid' });
  }
  problems.push(...checkAcrossSettings(values as Partial<SettingValues>));
  if (problems.length > 0) throw new ConfigError(problems);
  return values as SettingValues;
}

/**
 * How Redis is reached, for every command alike.
 *
 * @param values read with the URL as required
 */
export function redisSettings(values: SettingValues): RedisSettings {
  return {
    url: values.TASK_TRACKING_REDIS_URL ?? '',
    passwordFile: values.TASK_TRACKING_REDIS_PASSWORD_FILE,
    caFile: values.TASK_TRACKING_REDIS_CA,
    certFile: values.TASK_TRACKING_REDIS_CERT,
    keyFile: values.TASK_TRACKING_REDIS_KEY,
  };
}

/** Connections besides those of streams: pages, probes and what is idle between two requests. */
const SPARE = 5000;
const SPARE_PER_IP = 1000;

function serveConfig(values: SettingValues): ServeConfig {
  return {
    auth: {
      clientIds: values.TASK_DASHBOARD_GOOGLE_CLIENT_IDS ?? [],
      certsUrl: values.TASK_DASHBOARD_GOOGLE_CERTS_URL,
      allowedDomains: values.TASK_DASHBOARD_ALLOWED_DOMAINS,
      allowedEmails: values.TASK_DASHBOARD_ALLOWED_EMAILS,
      admins: values.TASK_DASHBOARD_ADMINS,
      enforceVisibility: values.TASK_DASHBOARD_ENFORCE_VISIBILITY,
      membersPath: values.TASK_DASHBOARD_MEMBERS,
      identitiesPath: values.TASK_DASHBOARD_IDENTITIES,
      producersPath: values.TASK_INTAKE_PRODUCERS,
    },
    http: {
      host: values.TASK_DASHBOARD_HOST,
      port: values.TASK_DASHBOARD_PORT,
      corsOrigins: values.TASK_DASHBOARD_CORS_ORIGINS,
      trustedProxies: values.TASK_DASHBOARD_TRUSTED_PROXIES,
      maxConnections:
        values.TASK_DASHBOARD_MAX_CONNECTIONS ?? values.TASK_DASHBOARD_MAX_STREAMS + SPARE,
      maxConnectionsPerIp:
        values.TASK_DASHBOARD_MAX_CONNECTIONS_PER_IP ??
        values.TASK_DASHBOARD_MAX_STREAMS_PER_IP + SPARE_PER_IP,
    },
    snapshot: {
      defaultLimit: values.TASK_DASHBOARD_SNAPSHOT_DEFAULT_LIMIT,
      maxLimit: values.TASK_DASHBOARD_SNAPSHOT_MAX_LIMIT,
      places: values.TASK_DASHBOARD_SNAPSHOT_CONCURRENCY,
      maxWaiting: values.TASK_DASHBOARD_SNAPSHOT_QUEUE,
      maxWaitMs: values.TASK_DASHBOARD_SNAPSHOT_QUEUE_MS,
    },
    stream: {
      heartbeatMs: values.TASK_DASHBOARD_HEARTBEAT_MS,
      maxLifetimeMs: values.TASK_DASHBOARD_STREAM_MAX_LIFETIME_MS,
      maxStreams: values.TASK_DASHBOARD_MAX_STREAMS,
      maxStreamsPerViewer: values.TASK_DASHBOARD_MAX_STREAMS_PER_VIEWER,
      maxStreamsPerIp: values.TASK_DASHBOARD_MAX_STREAMS_PER_IP,
    },
    replayLimit: values.TASK_DASHBOARD_REPLAY_LIMIT,
    projects: {
      source: values.TASK_PROJECTS_CONFIG,
      fallbackPath: values.TASK_PROJECTS_CONFIG_FALLBACK,
      refreshMs: values.TASK_PROJECTS_CONFIG_REFRESH_MS,
      s3Endpoint: values.AWS_ENDPOINT_URL_S3,
    },
    intake: values.TASK_INTAKE_ENABLED ? intakeConfig(values) : undefined,
  };
}

const DAY_MS = 86_400_000;

function retentionMs({
  TASK_TRACKING_EVENTS_RETENTION_DAYS: days,
}: SettingValues): number | undefined {
  return days === undefined ? undefined : days * DAY_MS;
}

function intakeConfig(values: SettingValues): IntakeConfig {
  return {
    githubSecrets: values.TASK_INTAKE_GITHUB_SECRETS,
    giteaSecrets: values.TASK_INTAKE_GITEA_SECRETS,
    requestsPerProducer: values.TASK_INTAKE_REQUESTS_PER_PRODUCER,
    requestsPerAddress: values.TASK_INTAKE_REQUESTS_PER_ADDRESS,
  };
}
