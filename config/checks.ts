import { parseRedisUrl } from '../src/redis/redis-url.ts';
import type { SettingName, SettingValues } from './settings.ts';

/** One fault of the configuration, by the name of its variable. */
export interface ConfigProblem {
  readonly name: SettingName;
  readonly problem: string;
}

/** What no single setting can know: rules between settings. */
export function checkAcrossSettings(values: Partial<SettingValues>): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const {
    TASK_DASHBOARD_SNAPSHOT_DEFAULT_LIMIT: defaultLimit,
    TASK_DASHBOARD_SNAPSHOT_MAX_LIMIT: maxLimit,
    TASK_TRACKING_FEED_MAX_LENGTH: feedLength,
    TASK_DASHBOARD_REPLAY_LIMIT: replayLimit,
    TASK_PROJECTS_CONFIG: projects,
    TASK_PROJECTS_CONFIG_FALLBACK: fallback,
  } = values;
  if (defaultLimit !== undefined && maxLimit !== undefined && defaultLimit > maxLimit) {
    problems.push({
      name: 'TASK_DASHBOARD_SNAPSHOT_DEFAULT_LIMIT',
      problem: `is ${defaultLimit}, more than TASK_DASHBOARD_SNAPSHOT_MAX_LIMIT (${maxLimit})`,
    });
  }
  if (feedLength !== undefined && replayLimit !== undefined && feedLength < replayLimit) {
    problems.push({
      name: 'TASK_TRACKING_FEED_MAX_LENGTH',
      problem: `is ${feedLength}, less than TASK_DASHBOARD_REPLAY_LIMIT (${replayLimit})`,
    });
  }
  if (fallback !== undefined && !projects?.startsWith('s3://')) {
    problems.push({
      name: 'TASK_PROJECTS_CONFIG_FALLBACK',
      problem: 'is set, but TASK_PROJECTS_CONFIG is no s3:// address that it could stand in for',
    });
  }
  if (projects?.startsWith('s3://') && !/^s3:\/\/[^/]+\/.+$/.test(projects)) {
    problems.push({ name: 'TASK_PROJECTS_CONFIG', problem: 'must be s3://bucket/key or a file' });
  }
  problems.push(...checkRedis(values));
  return problems;
}

/** The URL has been found valid where it is there. */
function checkRedis(values: Partial<SettingValues>): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const { TASK_TRACKING_REDIS_URL: url, TASK_TRACKING_REDIS_PASSWORD_FILE: passwordFile } = values;
  const address = url === undefined ? undefined : parseRedisUrl(url);
  if (passwordFile !== undefined && address?.password !== undefined) {
    problems.push({
      name: 'TASK_TRACKING_REDIS_PASSWORD_FILE',
      problem: 'is set, but TASK_TRACKING_REDIS_URL holds a password, too: leave one of them out',
    });
  }
  for (const name of TLS_FILES) {
    if (values[name] === undefined) continue;
    // Who sets it takes the connection for encrypted.
    if (address !== undefined && address.tls === undefined) {
      const problem =
        'is set, but TASK_TRACKING_REDIS_URL is neither rediss:// nor rediss+sentinel://';
      problems.push({ name, problem });
    }
  }
  if ((values[CERT] === undefined) !== (values[KEY] === undefined)) {
    const name = values[CERT] === undefined ? KEY : CERT;
    problems.push({ name, problem: `is set alone: set ${CERT} and ${KEY} together` });
  }
  return problems;
}

const CERT = 'TASK_TRACKING_REDIS_CERT';
const KEY = 'TASK_TRACKING_REDIS_KEY';
const TLS_FILES = ['TASK_TRACKING_REDIS_CA', CERT, KEY] as const;
