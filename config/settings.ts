import { PrincipalSchema } from '@tasktrail/contract';
import { z } from 'zod';
import { parseRedisUrl, RedisUrlError } from '../src/redis/redis-url.ts';
import { findTrustedProxyFault } from './trusted-proxies.ts';

/**
 * Every environment variable: its schema, default, unit and meaning, in one table. The help texts
 * and the README's table are checked against it.
 */

/** One variable. A setting without a default is optional, unless `required` says otherwise. */
export interface Setting<T = unknown> {
  readonly schema: z.ZodType<T, string>;
  readonly fallback: string | undefined;
  readonly unit?:
    | 'ms'
    | 'days'
    | 'bytes'
    | 'entries'
    | 'streams'
    | 'connections'
    | 'requests'
    | 'tasks'
    | 'a minute';
  readonly description: string;
}

function setting<T, const F extends string | undefined>(
  schema: z.ZodType<T, string>,
  fallback: F,
  description: string,
  unit?: Setting['unit'],
): Setting<F extends string ? T : T | undefined> {
  const value = { schema, fallback, description, ...(unit === undefined ? {} : { unit }) };
  return value as Setting<F extends string ? T : T | undefined>;
}

const text = z.string();

const MIN_SECRET_LENGTH = 6;

function integer(min: number, max: number) {
  return z
    .string()
    .regex(/^\d{1,15}$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .refine((n) => n >= min && n <= max, `must be a whole number from ${min} to ${max}`);
}

const flag = z
  .enum(['true', 'false'], { error: 'must be true or false' })
  .transform((value) => value === 'true');

const list = z.string().transform((value) =>
  value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== ''),
);

/** A comma within a secret would make two of it, and a short one can be guessed. */
const secrets = list.refine(
  (values) => values.every((value) => value.length >= MIN_SECRET_LENGTH),
  'must be secrets of at least 6 characters, without commas',
);

/** Entries that would never match are faults: each of them locks somebody out without a word. */
const domains = list.refine(
  (values) => values.every((value) => /^[^@\s]+$/.test(value)),
  'must be domains such as example.com',
);

const emails = list.refine(
  (values) => values.every((value) => /^[^@\s]+@[^@\s]+$/.test(value)),
  'must be e-mail addresses such as ana@example.com',
);

const principals = list.transform((values, context) => {
  const parsed = z.array(PrincipalSchema).safeParse(values);
  if (parsed.success) return parsed.data;
  context.addIssue('must be principals such as google:ana@example.com');
  return z.NEVER;
});

const origins = list.refine(
  (values) => values.every((value) => value === '*' || isOrigin(value)),
  'must be origins such as https://dashboard.example.com, or *',
);

const trustedProxies = list.superRefine((values, context) => {
  const fault = findTrustedProxyFault(values);
  if (fault !== undefined) context.addIssue(fault);
});

const httpUrl = z
  .string()
  .refine((value) => /^https?:/.test(value) && URL.canParse(value), 'must be an http or https URL');

const googleCertsUrl = z
  .string()
  .refine(isHttpsOrLoopback, 'must be an https URL (http only on loopback)');

const redisUrl = z.string().superRefine((value, context) => {
  try {
    parseRedisUrl(value);
  } catch (error) {
    if (!(error instanceof RedisUrlError)) throw error;
    context.addIssue(error.message);
  }
});

const DAY_MS = 86_400_000;

export const SETTINGS = {
  TASK_TRACKING_REDIS_URL: setting(
    redisUrl,
    undefined,
    'Redis or Valkey, 7.0 or newer: redis(s)://, unix:// or redis(s)+sentinel://. Required.',
  ),
  TASK_TRACKING_REDIS_PASSWORD_FILE: setting(
    text,
    undefined,
    "File that holds the password of the URL's user; read again for every connection.",
  ),
  TASK_TRACKING_REDIS_CA: setting(
    text,
    undefined,
    "PEM file of the authorities that Redis' certificate may come from; Node's own when unset.",
  ),
  TASK_TRACKING_REDIS_CERT: setting(
    text,
    undefined,
    'PEM file of the certificate that is shown to Redis; all these files are read again.',
  ),
  TASK_TRACKING_REDIS_KEY: setting(text, undefined, 'PEM file of its private key.'),
  TASK_TRACKING_FEED_MAX_LENGTH: setting(
    integer(200, 10_000_000),
    '10000',
    'Changes kept in the change feed; at least the largest replay limit.',
    'entries',
  ),
  TASK_TRACKING_EVENTS_RETENTION_DAYS: setting(
    integer(1, 36_500),
    undefined,
    'Whole days that an applied event is kept in Redis; for ever when unset.',
    'days',
  ),
  TASK_TRACKING_BATCH_SIZE: setting(
    // A commit is sent as one text, and the largest events make one of 300 kB each.
    integer(1, 1000),
    '1000',
    'Events that the projector applies in one commit at most.',
    'entries',
  ),
  TASK_TRACKING_ADMIN_HOST: setting(text, '0.0.0.0', 'Address of the admin port.'),
  TASK_TRACKING_ADMIN_PORT: setting(
    integer(0, 65_535),
    undefined,
    'Port of /metrics, /healthz and /readyz; not opened when unset. 0 takes a free one.',
  ),
  TASK_DASHBOARD_GOOGLE_CLIENT_IDS: setting(
    list.refine((ids) => ids.length > 0, 'must name at least one client id'),
    undefined,
    'OAuth client ids whose ID tokens are accepted. Required for serving.',
  ),
  TASK_DASHBOARD_GOOGLE_CERTS_URL: setting(
    googleCertsUrl,
    'https://www.googleapis.com/oauth2/v1/certs',
    'Where signing certificates come from: a JSON object from key id to PEM.',
  ),
  TASK_DASHBOARD_HOST: setting(text, '0.0.0.0', 'Address that the server listens on.'),
  TASK_DASHBOARD_PORT: setting(
    integer(0, 65_535),
    '8080',
    'Port that the server listens on; 0 takes a free one.',
  ),
  TASK_DASHBOARD_CORS_ORIGINS: setting(
    origins,
    '',
    'Origins whose pages may read the answers, or * for all. None when unset.',
  ),
  TASK_DASHBOARD_ALLOWED_DOMAINS: setting(
    domains,
    '',
    "Google Workspace domains whose members may sign in (the token's hd claim).",
  ),
  TASK_DASHBOARD_ALLOWED_EMAILS: setting(emails, '', 'Further e-mail addresses that may sign in.'),
  TASK_DASHBOARD_ENFORCE_VISIBILITY: setting(
    flag,
    'false',
    'Whether a viewer sees only tasks of which they are creator or responsible.',
  ),
  TASK_DASHBOARD_ADMINS: setting(
    principals,
    '',
    'Principals that see every task, such as google:ana@example.com.',
  ),
  TASK_DASHBOARD_MEMBERS: setting(
    text,
    undefined,
    'JSON file of domains, emails and admins beside those above, read again by itself; nobody else may sign in then.',
  ),
  TASK_DASHBOARD_IDENTITIES: setting(
    text,
    undefined,
    'JSON file from a principal to its aliases with other providers.',
  ),
  TASK_DASHBOARD_HEARTBEAT_MS: setting(
    integer(100, DAY_MS),
    '15000',
    'A stream that had nothing to say for so long gets a keepalive.',
    'ms',
  ),
  TASK_DASHBOARD_REPLAY_LIMIT: setting(
    integer(1, 50_000),
    '200',
    'Changes that a server keeps for streams that resume.',
    'entries',
  ),
  TASK_DASHBOARD_SNAPSHOT_DEFAULT_LIMIT: setting(
    integer(1, 1000),
    '50',
    'Tasks on a snapshot page when the request names no limit.',
    'tasks',
  ),
  TASK_DASHBOARD_SNAPSHOT_MAX_LIMIT: setting(
    integer(1, 1000),
    '200',
    'Tasks on a snapshot page at most; larger limits are clamped.',
    'tasks',
  ),
  TASK_DASHBOARD_SNAPSHOT_CONCURRENCY: setting(
    integer(1, 1000),
    '8',
    'Snapshot pages that one process works on at once; half of them at most for one viewer.',
    'requests',
  ),
  TASK_DASHBOARD_SNAPSHOT_QUEUE: setting(
    integer(0, 100_000),
    '500',
    'Requests for pages that wait for their turn at most, those for the same page counted once; further ones are 503.',
    'requests',
  ),
  TASK_DASHBOARD_SNAPSHOT_QUEUE_MS: setting(
    integer(1, 60_000),
    '2000',
    'How long such a request waits for its turn before it is 503.',
    'ms',
  ),
  TASK_DASHBOARD_MAX_CONNECTIONS: setting(
    integer(1, 1_000_000),
    undefined,
    'Open connections of one process; when unset 5,000 more than streams.',
    'connections',
  ),
  TASK_DASHBOARD_MAX_CONNECTIONS_PER_IP: setting(
    integer(1, 1_000_000),
    undefined,
    'Open connections of one address that is no trusted proxy; when unset 1,000 more than streams.',
    'connections',
  ),
  TASK_DASHBOARD_MAX_STREAMS: setting(
    integer(1, 1_000_000),
    '20000',
    'Open streams of one process.',
    'streams',
  ),
  TASK_DASHBOARD_MAX_STREAMS_PER_VIEWER: setting(
    integer(1, 1_000_000),
    '100',
    'Open streams of one viewer in one process.',
    'streams',
  ),
  TASK_DASHBOARD_MAX_STREAMS_PER_IP: setting(
    integer(1, 1_000_000),
    '5000',
    'Open streams of one address in one process; an IPv6 network of 64 bits counts as one.',
    'streams',
  ),
  TASK_DASHBOARD_STREAM_MAX_LIFETIME_MS: setting(
    integer(1000, 30 * DAY_MS),
    '3600000',
    'A stream ends after so long, or up to a tenth earlier, and its client reconnects.',
    'ms',
  ),
  TASK_DASHBOARD_TRUSTED_PROXIES: setting(
    trustedProxies,
    '',
    'Addresses or networks whose X-Forwarded-For is believed, such as 10.0.0.0/8 or loopback.',
  ),
  TASK_INTAKE_ENABLED: setting(
    flag,
    'true',
    'Whether the server takes events and webhooks over HTTP.',
  ),
  TASK_INTAKE_PRODUCERS: setting(
    text,
    undefined,
    'JSON file of who may emit over HTTP, by API key or service account, and to which projects.',
  ),
  TASK_INTAKE_GITHUB_SECRETS: setting(
    secrets,
    '',
    'Secrets of GitHub webhooks; several while one is replaced by another.',
  ),
  TASK_INTAKE_GITEA_SECRETS: setting(
    secrets,
    '',
    'Secrets of Gitea and Forgejo webhooks; several while one is replaced by another.',
  ),
  TASK_INTAKE_REQUESTS_PER_PRODUCER: setting(
    integer(1, 10_000_000),
    '30000',
    'Requests of one producer or forge, over all servers, before further ones have to wait.',
    'a minute',
  ),
  TASK_INTAKE_REQUESTS_PER_ADDRESS: setting(
    integer(1, 10_000_000),
    '30000',
    'The same for one address, whoever asks, valid or not.',
    'a minute',
  ),
  TASK_PROJECTS_CONFIG: setting(
    text,
    undefined,
    'The list of projects: a file, or s3://bucket/key. None when unset.',
  ),
  TASK_PROJECTS_CONFIG_FALLBACK: setting(
    text,
    undefined,
    'File that is used until the S3 object can be read.',
  ),
  TASK_PROJECTS_CONFIG_REFRESH_MS: setting(
    integer(100, DAY_MS),
    '60000',
    'How often the list of projects is looked at again.',
    'ms',
  ),
  AWS_ENDPOINT_URL_S3: setting(
    httpUrl,
    undefined,
    'S3 endpoint other than AWS, with the bucket in the path. Region and keys: as the AWS SDK reads them.',
  ),
  LOG_LEVEL: setting(
    z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
      error: 'must be fatal, error, warn, info, debug, trace or silent',
    }),
    'info',
    'The least severe log lines that are written.',
  ),
} as const;

export type SettingName = keyof typeof SETTINGS;

type SettingValue<S> = S extends Setting<infer T> ? T : never;

/** The value of every setting; undefined only where a setting is optional. */
export type SettingValues = {
  readonly [N in SettingName]: SettingValue<(typeof SETTINGS)[N]>;
};

/** A `*` within would be taken for a part of the name, and no origin has one. */
function isOrigin(value: string): boolean {
  return !value.includes('*') && URL.canParse(value) && new URL(value).origin === value;
}

function isHttpsOrLoopback(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, hostname } = new URL(value);
  const isLoopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
  return protocol === 'https:' || (protocol === 'http:' && isLoopback);
}
