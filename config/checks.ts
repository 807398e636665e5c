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
  return problems;
}
