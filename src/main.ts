import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { isatty } from 'node:tty';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { ConfigError, loadConfig, readSettings, redisSettings } from '../config/config.ts';
import { readMembers } from './auth/members.ts';
import { runEmit } from './cli/emit/emit.ts';
import { addEmitOptions } from './cli/emit/events.ts';
import { fileInput } from './cli/emit/input.ts';
import { addIdentitiesCheckOptions, runIdentitiesCheck } from './cli/identities-check.ts';
import { addKeysCreateOptions, createKey } from './cli/keys.ts';
import { addQuarantineCommands } from './cli/quarantine/quarantine.ts';
import type { OperatorIo } from './cli/redis-session.ts';
import { addRepairCommands } from './cli/repair/repair.ts';
import { settingsHelp } from './cli/settings-help.ts';
import { addTailOptions, runTail } from './cli/tail.ts';
import { KEYS } from './redis/keys.ts';
import { openRedisAddress, type RedisAddress } from './redis/redis-address.ts';
import { createLogger } from './runtime/logging.ts';
import { SettingsFileError } from './runtime/settings-file.ts';
import { VERSION } from './version.ts';

/**
 * The program, and the only file that touches the process: environment, arguments, signals,
 * standard streams and the exit code. 0: a clean stop; 1: a failure; 2: wrong usage or settings.
 *
 * The server and the demo are loaded when they are asked for, so that `emit` in a loop of a shell
 * does not load them each time.
 */

/** A stop that takes longer is cut off. */
const STOP_DEADLINE_MS = 9500;

const DEMO_HELP = `
Uses TASK_TRACKING_REDIS_URL if it is set and holds no tasks yet; else starts a Redis of its own.
Exit code 0: what its client assembled equals the fold of the events. 1: it differs.`;

const program = new Command('tasktrail')
  .description('Tells what every bot is doing: task events in, a live page out.')
  .version(VERSION)
  .exitOverride();

addCommand('projector')
  .description('Apply events to the read model; a second one stands by')
  .addHelpText(
    'after',
    settingsHelp((name) => /^(TASK_TRACKING|LOG)_/.test(name)),
  )
  .action(() => runApp({ applies: true, serves: false }));

addCommand('serve')
  .description('Serve dashboards, and take events and webhooks over HTTP')
  .addHelpText(
    'after',
    settingsHelp(() => true),
  )
  .action(() => runApp({ applies: false, serves: true }));

addCommand('all')
  .description('Projector and server in one process')
  .addHelpText(
    'after',
    settingsHelp(() => true),
  )
  .action(() => runApp({ applies: true, serves: true }));

addEmitOptions(addCommand('emit'))
  .addHelpText('after', settingsHelp(isOfRedis))
  .action(async (files, options) => {
    // Unread output must not end what still appends.
    process.stdout.on('error', () => undefined);
    try {
      process.exitCode = await runEmit(files, options, {
        redis: await openRedis(),
        keys: KEYS,
        standardInput: { sizeBytes: undefined, open: () => process.stdin },
        isTyped: isatty(0),
        openFile: fileInput,
        write: writeWhenTaken,
        writeError,
        terminal: process.stdout.isTTY ? process.stderr : undefined,
        signal: stopSignal(),
        randomId: randomUUID,
      });
    } finally {
      // A terminal, or a pipe that stays open, would keep the process.
      process.stdin.destroy();
    }
  });

addTailOptions(addCommand('tail'))
  .addHelpText('after', settingsHelp(isOfRedis))
  .action(async (options) => {
    // Whoever reads the output has left, as `| head` does: a clean end.
    process.stdout.on('error', () => process.exit(0));
    await runTail(
      options,
      { redis: await openRedis(), keys: KEYS, write, writeError },
      stopSignal(),
    );
  });

addQuarantineCommands(addCommand('quarantine'), runForOperator).addHelpText(
  'after',
  settingsHelp(isOfRedis),
);

const repairs = addRepairCommands(addCommand, async (work) => {
  const terminal = process.stdout.isTTY ? process.stderr : undefined;
  const signal = stopSignal();
  await runForOperator((io) => work({ ...io, write: writeWhenTaken, terminal, signal }));
});
for (const command of repairs) command.addHelpText('after', settingsHelp(isOfRedis));

const identities = addCommand('identities').description('Who is who among creators and viewers');
addIdentitiesCheckOptions(identities.command('check').exitOverride()).action(async (options) => {
  const values = readSettings(process.env, ['TASK_TRACKING_REDIS_URL']);
  const { lists } = await readMembers(values.TASK_DASHBOARD_MEMBERS);
  const settings = {
    identitiesPath: values.TASK_DASHBOARD_IDENTITIES,
    membersPath: values.TASK_DASHBOARD_MEMBERS,
    allowedDomains: [...values.TASK_DASHBOARD_ALLOWED_DOMAINS, ...lists.allowedDomains],
    allowedEmails: [...values.TASK_DASHBOARD_ALLOWED_EMAILS, ...lists.allowedEmails],
  };
  await runForOperator((io) => runIdentitiesCheck(options, settings, io));
});

const keys = addCommand('keys').description('API keys of bots that emit over HTTP');
addKeysCreateOptions(keys.command('create').exitOverride()).action((options) => {
  process.exitCode = createKey(options, { write, writeError, randomBytes });
});

addCommand('demo')
  .description('All of it on this machine, with a private Redis and recorded webhooks as input')
  .addOption(
    new Option('--duration <seconds>', 'end after so long, with a summary').argParser(seconds),
  )
  .addOption(
    new Option('--port <port>', 'port of the server')
      .argParser(portNumber)
      .default(0, 'a free one'),
  )
  .addHelpText('after', DEMO_HELP)
  .action(async ({ duration, port }) => {
    const unread = new AbortController();
    process.stdout.on('error', () => unread.abort());
    const { runDemo } = await import('./demo/demo.ts');
    const agrees = await runDemo(
      {
        durationMs: duration === undefined ? undefined : duration * 1000,
        port,
        redisUrl: readSettings(process.env, []).TASK_TRACKING_REDIS_URL,
        searchPath: process.env.PATH,
        version: VERSION,
        program: import.meta.filename.endsWith('.ts') ? 'bin/tasktrail' : 'tasktrail',
        logger: createLogger({ level: 'warn', pretty: process.stdout.isTTY }),
        print: write,
      },
      AbortSignal.any([stopSignal(), unread.signal]),
    );
    process.exitCode = agrees ? 0 : 1;
  });

await main();

async function main(): Promise<void> {
  try {
    await program.parseAsync(process.argv);
  } catch (error) {
    if (error instanceof CommanderError) {
      // It has already written what is wrong, or the help that was asked for.
      process.exitCode = error.exitCode === 0 ? 0 : 2;
      return;
    }
    writeError(`tasktrail: ${error instanceof Error ? error.message : error}`);
    process.exitCode = error instanceof ConfigError || error instanceof SettingsFileError ? 2 : 1;
  }
}

function addCommand(name: string): Command {
  return program.command(name).version(VERSION).exitOverride();
}

async function runApp({ applies, serves }: { applies: boolean; serves: boolean }): Promise<void> {
  const config = loadConfig(process.env, serves);
  const logger = createLogger({ level: config.logLevel, pretty: process.stdout.isTTY });
  const signal = stopSignal();
  signal.addEventListener('abort', () => logger.info('stopping'));
  const { createApp } = await import('./app.ts');
  const app = await createApp({ config, applies, version: VERSION, logger });
  await app.run(signal);
  logger.info('stopped');
}

async function runForOperator(run: (io: OperatorIo) => Promise<number>): Promise<void> {
  // A failure, also for a reader that left: what nobody read must not go on being dropped.
  process.stdout.on('error', () => process.exit(1));
  process.exitCode = await run({ redis: await openRedis(), keys: KEYS, write, writeError });
}

/** Aborts on SIGTERM or SIGINT. A second one, or the deadline, ends the process at once. */
function stopSignal(): AbortSignal {
  const stop = new AbortController();
  const onSignal = () => {
    if (stop.signal.aborted) process.exit(1);
    stop.abort();
    const cutOff = setTimeout(() => {
      writeError(`tasktrail: the stop took longer than ${STOP_DEADLINE_MS} ms and was cut off`);
      process.exit(1);
    }, STOP_DEADLINE_MS);
    cutOff.unref();
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  return stop.signal;
}

/** @throws ConfigError or SettingsFileError */
async function openRedis(): Promise<RedisAddress> {
  const values = readSettings(process.env, ['TASK_TRACKING_REDIS_URL']);
  return await openRedisAddress(redisSettings(values));
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 86_400)) {
    throw new InvalidArgumentError('It must be a number of seconds above 0, a day at most.');
  }
  return value;
}

function portNumber(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535) {
    throw new InvalidArgumentError('It must be a port from 0 to 65535.');
  }
  return Number(text);
}

function isOfRedis(name: string): boolean {
  return name.startsWith('TASK_TRACKING_REDIS_');
}

function write(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Resolves when standard output takes more, or never will. */
async function writeWhenTaken(text: string): Promise<void> {
  const { stdout } = process;
  if (stdout.write(`${text}\n`) || !stdout.writable) return;
  const settled = new AbortController();
  const events = ['drain', 'close'].map((name) => once(stdout, name, settled));
  await Promise.race(events).catch(() => undefined);
  settled.abort();
}

function writeError(line: string): void {
  process.stderr.write(`${line}\n`);
}
