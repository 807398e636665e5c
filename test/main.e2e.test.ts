import { describe, expect, test } from 'vitest';
import { SETTINGS } from '../config/settings.ts';
import { VERSION } from '../src/version.ts';
import { useGoogle } from './fixtures/google.ts';
import { dashboardEnvironment, usePrograms } from './fixtures/program.ts';
import { useRedis } from './fixtures/redis.ts';

const redis = useRedis();
const google = useGoogle();
const programs = usePrograms(google);

const COMMANDS = ['projector', 'serve', 'all', 'emit', 'tail', 'demo'] as const;

describe('usage', () => {
  test('every command explains itself and tells its version', async () => {
    const [overview, ...helps] = await Promise.all([
      programs.run(['--help']),
      ...COMMANDS.map((command) => programs.run([command, '--help'])),
    ]);
    expect(overview).toMatchObject({ code: 0, stderr: '' });
    for (const [index, command] of COMMANDS.entries()) {
      expect(overview.stdout).toContain(`  ${command} [options]`);
      expect(helps[index]).toMatchObject({ code: 0, stderr: '' });
      expect(helps[index]?.stdout).toContain(`Usage: tasktrail ${command} [options]`);
    }
    const versions = [['--version'], ['serve', '--version']].map((args) => programs.run(args));
    for (const version of await Promise.all(versions)) {
      expect(version).toMatchObject({ code: 0, stdout: `${VERSION}\n`, stderr: '' });
    }
  });

  test('the help of a command that serves names every setting with its default', async () => {
    const { stdout } = await programs.run(['serve', '--help']);
    for (const [name, { description, fallback }] of Object.entries(SETTINGS)) {
      const lines = stdout
        .slice(stdout.indexOf(`  ${name}\n`))
        .split('\n')
        .slice(0, 2);
      expect(lines.join('\n')).toContain(description);
      if (fallback) expect(lines.join('\n')).toContain(`(default: ${fallback}`);
    }
  });

  test('what is wrong on the command line is said on standard error, with exit code 2', async () => {
    const wrong: [args: string[], problem: string][] = [
      [[], 'Usage: tasktrail'],
      [['serv'], "unknown command 'serv'"],
      [['serve', '--port', '80'], "unknown option '--port'"],
      [['projector', 'now'], 'too many arguments'],
      [['tail', '--since', 'yesterday'], 'It must be a position or a stream id such as'],
      [['emit', '--status', 'done'], 'Allowed choices are queued, in_progress'],
      [['demo', '--duration', '0'], 'It must be a number of seconds above 0'],
      [['demo', '--port', '65536'], 'It must be a port from 0 to 65535'],
    ];
    const runs = await Promise.all(wrong.map(([args]) => programs.run(args)));
    for (const [index, [, problem]] of wrong.entries()) {
      expect(runs[index]).toMatchObject({ code: 2, stdout: '' });
      expect(runs[index]?.stderr).toContain(problem);
    }
  });
});

describe('settings', () => {
  test('everything that is missing or wrong is told at once, by name, with exit code 2', async () => {
    const [missing, wrong, command] = await Promise.all([
      programs.run(['serve']),
      programs.run(['all'], {
        TASK_TRACKING_REDIS_URL: 'http://redis',
        TASK_DASHBOARD_PORT: '80a',
        TASK_DASHBOARD_SNAPSHOT_DEFAULT_LIMIT: '500',
        LOG_LEVEL: 'loud',
      }),
      programs.run(['tail']),
    ]);
    expect(missing).toMatchObject({ code: 2, stdout: '' });
    expect(missing.stderr).toMatch(/^ {2}TASK_TRACKING_REDIS_URL is required$/m);
    expect(missing.stderr).toMatch(/^ {2}TASK_DASHBOARD_GOOGLE_CLIENT_IDS is required$/m);
    expect(wrong).toMatchObject({ code: 2, stdout: '' });
    expect(wrong.stderr.match(/^ {2}\w+/gm)).toEqual([
      '  TASK_TRACKING_REDIS_URL',
      '  TASK_DASHBOARD_GOOGLE_CLIENT_IDS',
      '  TASK_DASHBOARD_PORT',
      '  LOG_LEVEL',
      '  TASK_DASHBOARD_SNAPSHOT_DEFAULT_LIMIT',
    ]);
    expect(command).toMatchObject({ code: 2, stdout: '' });
  });

  test('a port that is taken ends it with exit code 1 and the setting to change', async () => {
    const { port } = new URL(redis.url);
    const env = dashboardEnvironment(redis, google);
    const [serve, admin] = await Promise.all([
      programs.run(['serve'], { ...env, TASK_DASHBOARD_PORT: port }),
      programs.run(['projector'], { ...env, TASK_TRACKING_ADMIN_PORT: port }),
    ]);
    expect(serve).toMatchObject({ code: 1, stderr: sayingOnOneLine(port, 'TASK_DASHBOARD_PORT') });
    expect(admin).toMatchObject({
      code: 1,
      stderr: sayingOnOneLine(port, 'TASK_TRACKING_ADMIN_PORT'),
    });
  });

  test('a database that Redis does not have is said, and no other one is used instead', async () => {
    const env = dashboardEnvironment({ url: `${redis.url}/99` }, google);
    const projector = programs.start(['projector'], env);
    const tail = programs.start(['tail'], env);
    const emit = programs.start(['emit', '--execution-id', 'run-1'], env);
    const problem = 'DB index is out of range';
    await Promise.all([projector, tail, emit].map((program) => program.whenWritten(problem)));
    await projector.whenReadyz(503);
    expect(await redis.connect().dbsize()).toBe(0);
  });

  test('Redis may come later: both processes live, are not ready, and then are', async () => {
    await redis.server.kill();
    const env = dashboardEnvironment(redis, google);
    const started = ['projector', 'serve'].map((command) => programs.start([command], env));
    for (const program of started) {
      await program.whenReadyz(503);
      expect((await fetch(`${await program.adminUrl()}/healthz`)).status).toBe(200);
    }
    const url = await started[1]?.url();
    const headers = { Authorization: `Bearer ${programs.signIn()}` };
    const refused = await fetch(`${url}/dashboard/tasks`, { headers });
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(await refused.json()).toMatchObject({ error: 'unavailable' });

    await redis.server.restart();
    for (const program of started) await program.whenReadyz(200);
    const answered = await fetch(`${url}/dashboard/tasks`, { headers });
    expect(await answered.json()).toMatchObject({ items: [], nextCursor: null });
  });
});

function sayingOnOneLine(port: string, setting: string) {
  return expect.stringMatching(new RegExp(`^tasktrail: cannot listen .*${port}.*${setting}.*\n$`));
}
