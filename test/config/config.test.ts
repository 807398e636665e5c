import { describe, expect, test } from 'vitest';
import { ConfigError, loadConfig, readSettings } from '../../config/config.ts';
import { SETTINGS, type SettingName } from '../../config/settings.ts';

const REDIS = { TASK_TRACKING_REDIS_URL: 'redis://localhost' };
const SERVING = { ...REDIS, TASK_DASHBOARD_GOOGLE_CLIENT_IDS: 'one.apps.googleusercontent.com' };

type Environment = Partial<Record<SettingName, string>>;

/** Which variables are at fault, with the problem of each. */
function faultsOf(env: Environment, serves = true): Record<string, string> {
  try {
    loadConfig(env, serves);
    return {};
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return Object.fromEntries(error.problems.map(({ name, problem }) => [name, problem]));
  }
}

describe('the configuration', () => {
  test('of a server needs Redis and a client id, all else has a default', () => {
    expect(loadConfig(SERVING, true)).toEqual({
      redis: { url: 'redis://localhost' },
      admin: { host: '0.0.0.0', port: undefined },
      logLevel: 'info',
      projector: { feedMaxLength: 10_000, batchSize: 1000 },
      serve: {
        auth: {
          clientIds: ['one.apps.googleusercontent.com'],
          certsUrl: 'https://www.googleapis.com/oauth2/v1/certs',
          allowedDomains: [],
          allowedEmails: [],
          admins: [],
          enforceVisibility: false,
          identitiesPath: undefined,
          producersPath: undefined,
        },
        http: {
          host: '0.0.0.0',
          port: 8080,
          corsOrigins: [],
          trustedProxies: [],
          maxConnections: 25_000,
          maxConnectionsPerIp: 6000,
        },
        snapshot: {
          defaultLimit: 50,
          maxLimit: 200,
          places: 8,
          maxWaiting: 500,
          maxWaitMs: 2000,
        },
        stream: {
          heartbeatMs: 15_000,
          maxLifetimeMs: 3_600_000,
          maxStreams: 20_000,
          maxStreamsPerViewer: 100,
          maxStreamsPerIp: 5000,
        },
        replayLimit: 200,
        projects: {
          source: undefined,
          fallbackPath: undefined,
          refreshMs: 60_000,
          s3Endpoint: undefined,
        },
        intake: {
          githubSecrets: [],
          giteaSecrets: [],
          requestsPerProducer: 30_000,
          requestsPerAddress: 30_000,
        },
      },
    });
  });

  test('of a server has room for other connections beside all of its streams, or what is set', () => {
    const streams = { TASK_DASHBOARD_MAX_STREAMS: '300', TASK_DASHBOARD_MAX_STREAMS_PER_IP: '20' };
    expect(loadConfig({ ...SERVING, ...streams }, true).serve?.http).toMatchObject({
      maxConnections: 5300,
      maxConnectionsPerIp: 1020,
    });
    const connections = {
      TASK_DASHBOARD_MAX_CONNECTIONS: '7',
      TASK_DASHBOARD_MAX_CONNECTIONS_PER_IP: '5',
    };
    expect(loadConfig({ ...SERVING, ...streams, ...connections }, true).serve?.http).toMatchObject({
      maxConnections: 7,
      maxConnectionsPerIp: 5,
    });
  });

  test('of a server whose intake is switched off have no part for it', () => {
    const env = { ...SERVING, TASK_INTAKE_ENABLED: 'false' };
    expect(loadConfig(env, true).serve?.intake).toBeUndefined();
  });

  test('of a projector needs Redis only, and has no part for serving', () => {
    const config = loadConfig(REDIS, false);
    expect(config.serve).toBeUndefined();
    expect(config.projector).toEqual({ feedMaxLength: 10_000, batchSize: 1000 });
  });

  test('takes what the environment says', () => {
    const config = loadConfig(
      {
        ...SERVING,
        TASK_TRACKING_ADMIN_PORT: '0',
        TASK_TRACKING_FEED_MAX_LENGTH: '5000',
        TASK_TRACKING_BATCH_SIZE: '7',
        TASK_TRACKING_EVENTS_RETENTION_DAYS: '30',
        TASK_DASHBOARD_GOOGLE_CLIENT_IDS: ' a , b ,',
        TASK_DASHBOARD_ENFORCE_VISIBILITY: 'true',
        TASK_DASHBOARD_ADMINS: 'google:Ana@example.com,slack:U1',
        TASK_DASHBOARD_CORS_ORIGINS: 'https://a.example,http://localhost:3000',
        TASK_DASHBOARD_IDENTITIES: '/etc/identities.json',
        TASK_DASHBOARD_REPLAY_LIMIT: '5000',
        TASK_INTAKE_PRODUCERS: '/etc/producers.json',
        TASK_INTAKE_GITHUB_SECRETS: 'the old, the new',
        TASK_INTAKE_GITEA_SECRETS: 'another',
        TASK_INTAKE_REQUESTS_PER_PRODUCER: '11',
        TASK_INTAKE_REQUESTS_PER_ADDRESS: '12',
        TASK_PROJECTS_CONFIG: 's3://bucket/a/key.json',
        TASK_PROJECTS_CONFIG_FALLBACK: 'projects.json',
        AWS_ENDPOINT_URL_S3: 'http://localhost:9000',
        LOG_LEVEL: 'debug',
      },
      true,
    );
    expect(config).toMatchObject({
      admin: { port: 0 },
      logLevel: 'debug',
      projector: { feedMaxLength: 5000, batchSize: 7, retentionMs: 30 * 86_400_000 },
      serve: {
        auth: {
          clientIds: ['a', 'b'],
          enforceVisibility: true,
          admins: ['google:ana@example.com', 'slack:U1'],
          identitiesPath: '/etc/identities.json',
          producersPath: '/etc/producers.json',
        },
        intake: {
          githubSecrets: ['the old', 'the new'],
          giteaSecrets: ['another'],
          requestsPerProducer: 11,
          requestsPerAddress: 12,
        },
        http: { corsOrigins: ['https://a.example', 'http://localhost:3000'] },
        replayLimit: 5000,
        projects: {
          source: 's3://bucket/a/key.json',
          fallbackPath: 'projects.json',
          s3Endpoint: 'http://localhost:9000',
        },
      },
    });
  });

  test('takes a variable that is set to nothing as not set', () => {
    const empty = Object.fromEntries(Object.keys(SETTINGS).map((name) => [name, '']));
    expect(loadConfig({ ...empty, ...SERVING }, true)).toEqual(loadConfig(SERVING, true));
  });
});

describe('faults', () => {
  test('are reported all at once, by name', () => {
    const faults = faultsOf({
      TASK_TRACKING_REDIS_URL: 'http://localhost',
      TASK_DASHBOARD_PORT: '80a',
      TASK_DASHBOARD_HEARTBEAT_MS: '0',
      TASK_DASHBOARD_ENFORCE_VISIBILITY: 'yes',
      TASK_DASHBOARD_SNAPSHOT_DEFAULT_LIMIT: '300',
      LOG_LEVEL: 'loud',
    });
    expect(Object.keys(faults).sort()).toEqual([
      'LOG_LEVEL',
      'TASK_DASHBOARD_ENFORCE_VISIBILITY',
      'TASK_DASHBOARD_GOOGLE_CLIENT_IDS',
      'TASK_DASHBOARD_HEARTBEAT_MS',
      'TASK_DASHBOARD_PORT',
      'TASK_DASHBOARD_SNAPSHOT_DEFAULT_LIMIT',
      'TASK_TRACKING_REDIS_URL',
    ]);
  });

  test('stand in the message too, each with what is wrong', () => {
    const load = () => loadConfig({ TASK_DASHBOARD_PORT: '80a' }, true);
    expect(load).toThrow('3 fault(s)');
    expect(load).toThrow('\n  TASK_TRACKING_REDIS_URL is required');
    expect(load).toThrow('\n  TASK_DASHBOARD_PORT must be a whole number from 0 to 65535');
  });

  test('never show the value, which may be a secret', () => {
    const url = 'redis://ana:hunter2@host/zero';
    expect(() => loadConfig({ TASK_TRACKING_REDIS_URL: url }, false)).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('hunter2') }),
    );
  });

  test('of serving do not keep a projector from running without a client id', () => {
    expect(faultsOf(REDIS, false)).toEqual({});
    expect(faultsOf(REDIS, true)).toEqual({ TASK_DASHBOARD_GOOGLE_CLIENT_IDS: 'is required' });
  });

  test.for<readonly [SettingName, readonly string[], readonly string[]]>([
    ['TASK_TRACKING_REDIS_URL', ['unix:///run/redis.sock'], ['localhost', 'redis://:100%@h', ' ']],
    ['TASK_TRACKING_FEED_MAX_LENGTH', ['200', '10000000'], ['199', '10000001', '1e4', '-1']],
    ['TASK_TRACKING_BATCH_SIZE', ['1', '1000'], ['0', '1001', '1.5', ' 7']],
    ['TASK_TRACKING_ADMIN_PORT', ['0', '65535'], ['65536', '-1', '0x50', 'http']],
    ['TASK_DASHBOARD_GOOGLE_CLIENT_IDS', ['a', 'a,b'], [',', ' , ']],
    [
      'TASK_DASHBOARD_GOOGLE_CERTS_URL',
      ['https://certs.example/', 'http://localhost:1/', 'http://127.0.0.1/', 'http://[::1]/x'],
      ['http://certs.example/', 'http://localhost.example/', 'file:///certs', 'certs', 'ftp://h/'],
    ],
    ['TASK_DASHBOARD_PORT', ['0', '8080'], ['65536', 'http']],
    [
      'TASK_DASHBOARD_CORS_ORIGINS',
      ['*', 'https://a.example', 'http://localhost:3000,https://b.example:8443'],
      ['a.example', 'https://a.example/', 'https://a.example/path', 'https://*.example', 'null'],
    ],
    ['TASK_DASHBOARD_ALLOWED_DOMAINS', ['example.com', 'a.b.example'], ['@example.com', 'a b.com']],
    ['TASK_DASHBOARD_ALLOWED_EMAILS', ['ana@example.com'], ['example.com', 'ana@', '@x', 'a b@c']],
    ['TASK_DASHBOARD_ENFORCE_VISIBILITY', ['true', 'false'], ['1', 'yes', 'TRUE']],
    ['TASK_DASHBOARD_ADMINS', ['google:a@b.c,slack:U1'], ['ana@example.com', 'google:', ':a']],
    ['TASK_DASHBOARD_HEARTBEAT_MS', ['100', '86400000'], ['99', '86400001', '15s']],
    ['TASK_DASHBOARD_REPLAY_LIMIT', ['1', '10000'], ['0', '1000001']],
    ['TASK_DASHBOARD_SNAPSHOT_DEFAULT_LIMIT', ['1', '200'], ['0', '1001']],
    ['TASK_DASHBOARD_SNAPSHOT_MAX_LIMIT', ['50', '1000'], ['0', '1001']],
    ['TASK_DASHBOARD_MAX_STREAMS', ['1'], ['0', 'many']],
    ['TASK_DASHBOARD_MAX_STREAMS_PER_VIEWER', ['1'], ['0']],
    ['TASK_DASHBOARD_MAX_STREAMS_PER_IP', ['1'], ['0']],
    ['TASK_DASHBOARD_STREAM_MAX_LIFETIME_MS', ['1000'], ['999', '2592000001']],
    ['TASK_DASHBOARD_TRUSTED_PROXIES', ['10.0.0.0/8,loopback'], ['proxy.example', '10.0.0.0/33']],
    ['TASK_INTAKE_ENABLED', ['true', 'false'], ['no', '1']],
    ['TASK_INTAKE_GITHUB_SECRETS', ['secret', 'one two,three four'], ['Tr0ub4dor,3', 'a']],
    ['TASK_INTAKE_REQUESTS_PER_PRODUCER', ['1'], ['0', '10/s']],
    ['TASK_INTAKE_REQUESTS_PER_ADDRESS', ['1'], ['0']],
    ['TASK_PROJECTS_CONFIG', ['projects.json', 's3://b/k'], ['s3://b', 's3://b/', 's3:///k']],
    ['TASK_PROJECTS_CONFIG_REFRESH_MS', ['100'], ['99']],
    ['AWS_ENDPOINT_URL_S3', ['https://s3.example', 'http://h:9000/'], ['localhost:9000', 's3']],
    ['LOG_LEVEL', ['trace', 'silent'], ['verbose', 'INFO']],
  ])('of %s', ([name, valid, invalid]) => {
    for (const text of valid) expect(faultsOf({ ...SERVING, [name]: text }), text).toEqual({});
    for (const text of invalid) {
      expect(Object.keys(faultsOf({ ...SERVING, [name]: text })), text).toEqual([name]);
    }
  });
});

describe('settings that contradict each other', () => {
  test.for<readonly [what: string, at: SettingName, env: Environment, mended: Environment]>([
    [
      'a default page larger than the largest',
      'TASK_DASHBOARD_SNAPSHOT_DEFAULT_LIMIT',
      { TASK_DASHBOARD_SNAPSHOT_MAX_LIMIT: '49' },
      { TASK_DASHBOARD_SNAPSHOT_DEFAULT_LIMIT: '49' },
    ],
    [
      'a feed shorter than the replay window',
      'TASK_TRACKING_FEED_MAX_LENGTH',
      { TASK_DASHBOARD_REPLAY_LIMIT: '10001' },
      { TASK_TRACKING_FEED_MAX_LENGTH: '10001' },
    ],
    [
      'a fallback of nothing',
      'TASK_PROJECTS_CONFIG_FALLBACK',
      { TASK_PROJECTS_CONFIG_FALLBACK: 'a.json' },
      { TASK_PROJECTS_CONFIG: 's3://bucket/key' },
    ],
    [
      'a fallback of a file',
      'TASK_PROJECTS_CONFIG_FALLBACK',
      { TASK_PROJECTS_CONFIG_FALLBACK: 'a.json', TASK_PROJECTS_CONFIG: 'b.json' },
      { TASK_PROJECTS_CONFIG: 's3://bucket/key' },
    ],
    [
      'two passwords',
      'TASK_TRACKING_REDIS_PASSWORD_FILE',
      {
        TASK_TRACKING_REDIS_URL: 'redis://ana:secret@localhost',
        TASK_TRACKING_REDIS_PASSWORD_FILE: '/run/secrets/redis',
      },
      { TASK_TRACKING_REDIS_URL: 'redis://ana@localhost' },
    ],
    [
      'an authority for a connection that is not encrypted',
      'TASK_TRACKING_REDIS_CA',
      { TASK_TRACKING_REDIS_CA: '/etc/redis/ca.crt' },
      { TASK_TRACKING_REDIS_URL: 'rediss+sentinel://localhost/main' },
    ],
    [
      'a certificate without its key',
      'TASK_TRACKING_REDIS_CERT',
      {
        TASK_TRACKING_REDIS_URL: 'rediss://localhost',
        TASK_TRACKING_REDIS_CERT: '/tls/client.crt',
      },
      { TASK_TRACKING_REDIS_KEY: '/tls/client.key' },
    ],
    [
      'a key without its certificate',
      'TASK_TRACKING_REDIS_KEY',
      { TASK_TRACKING_REDIS_URL: 'rediss://localhost', TASK_TRACKING_REDIS_KEY: '/tls/client.key' },
      { TASK_TRACKING_REDIS_CERT: '/tls/client.crt' },
    ],
  ])('are a fault: %s', ([, at, env, mended]) => {
    expect(Object.keys(faultsOf({ ...SERVING, ...env }))).toEqual([at]);
    expect(faultsOf({ ...SERVING, ...env, ...mended })).toEqual({});
  });

  test('are reported together with all others', () => {
    const env = { TASK_DASHBOARD_REPLAY_LIMIT: '20000', TASK_DASHBOARD_PORT: 'x' };
    expect(Object.keys(faultsOf({ ...SERVING, ...env })).sort()).toEqual([
      'TASK_DASHBOARD_PORT',
      'TASK_TRACKING_FEED_MAX_LENGTH',
    ]);
  });
});

describe('the settings of one command', () => {
  test('need what the command needs, and no more', () => {
    expect(readSettings({}, []).LOG_LEVEL).toBe('info');
    expect(() => readSettings({}, ['TASK_TRACKING_REDIS_URL'])).toThrow('is required');
  });
});

describe('the table of settings', () => {
  test.for(Object.entries(SETTINGS))('describes %s, and its default is valid', ([, setting]) => {
    expect(setting.description).toMatch(/^[A-Z].*\.$/);
    if (setting.fallback === undefined) return;
    expect(setting.schema.safeParse(setting.fallback).success).toBe(true);
  });

  test('names a unit wherever the name ends in one', () => {
    for (const [name, setting] of Object.entries(SETTINGS)) {
      expect('unit' in setting && setting.unit === 'ms', name).toBe(name.endsWith('_MS'));
    }
  });
});
