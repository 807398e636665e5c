// Sees to it that a Redis can be had for the demo and the tests. Plain JavaScript for Node 20, like
// setup.mjs, which is its only caller.
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { get } from 'node:http';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

/** A failure whose message already says the remedy; anything else is a defect and keeps its stack. */
export class SetupError extends Error {
  name = 'SetupError';
}

/**
 * Programs that are a Redis server, as src/demo/redis-program.ts knows them. The checkers are the same
 * program, which decides by the name it is called by; Debian packages them apart from the service.
 */
const SERVER_NAMES = ['redis-server', 'valkey-server', 'redis-check-rdb', 'valkey-check-rdb'];

/** Where packages put servers although a user's PATH may not lead there. */
const USUAL_DIRECTORIES = [
  '/usr/local/bin',
  '/usr/local/sbin',
  '/usr/sbin',
  '/opt/homebrew/bin',
  '/home/linuxbrew/.linuxbrew/bin',
];

/**
 * How each package manager installs a server without asking; `packages` are tried in order. On
 * Debian and Ubuntu `redis-tools` holds the server's program without the service that
 * `redis-server` would start on port 6379 for the whole machine. The others start no service.
 */
const PACKAGE_MANAGERS = [
  {
    program: 'apt-get',
    asRoot: true,
    refresh: ['update', '-qq'],
    install: ['install', '-y', '-qq', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=120'],
    packages: ['redis-tools', 'redis-server'],
  },
  { program: 'dnf', asRoot: true, install: ['install', '-y', '-q'], packages: ['valkey', 'redis'] },
  { program: 'apk', asRoot: true, install: ['add', '-q'], packages: ['valkey', 'redis'] },
  {
    program: 'pacman',
    asRoot: true,
    install: ['-S', '--noconfirm', '--needed'],
    packages: ['valkey', 'redis'],
  },
  { program: 'brew', asRoot: false, install: ['install', '--quiet'], packages: ['redis'] },
];

/** The first package manager that is here and may be used without asking anybody. */
function choosePackageManager(isHere, mayBeRoot) {
  return PACKAGE_MANAGERS.find(
    (manager) => isHere(manager.program) && (!manager.asRoot || mayBeRoot()),
  );
}

/** The command that installs, in the form in which this user can run it. */
function asCommand(manager, args, isRoot) {
  const command = [manager.program, ...args];
  return manager.asRoot && !isRoot
    ? ['sudo', '-n', 'env', 'DEBIAN_FRONTEND=noninteractive', ...command]
    : command;
}

/** What a person runs when nothing could be installed for them. */
function remedy(isHere) {
  const manager = PACKAGE_MANAGERS.find(({ program }) => isHere(program));
  const byHand =
    manager === undefined
      ? 'install Redis or Valkey'
      : `run \`${manager.asRoot ? 'sudo ' : ''}${manager.program} ${manager.install[0]} ${manager.packages.at(-1)}\``;
  return `no Redis server was found and none could be installed without asking: ${byHand}, or start Docker, or set TASK_TRACKING_REDIS_URL`;
}

/** The places where a Docker engine listens, the configured one alone when one is configured. */
function dockerSockets(env) {
  if (env.DOCKER_HOST) {
    return env.DOCKER_HOST.startsWith('unix://') ? [env.DOCKER_HOST.slice('unix://'.length)] : [];
  }
  const rootless = env.XDG_RUNTIME_DIR ? [join(env.XDG_RUNTIME_DIR, 'docker.sock')] : [];
  const desktop = ['run', 'desktop'].map((part) => join(homedir(), '.docker', part, 'docker.sock'));
  return ['/var/run/docker.sock', ...rootless, ...desktop];
}

function isProgram(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

function isOn(path, names) {
  const directories = [...(path ?? '').split(delimiter).filter(Boolean), ...USUAL_DIRECTORIES];
  return directories.some((directory) => names.some((name) => isProgram(join(directory, name))));
}

function answersAsDocker(socketPath) {
  return new Promise((resolve) => {
    get({ socketPath, path: '/_ping', timeout: 1_000 }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    })
      .on('error', () => resolve(false))
      .on('timeout', function giveUp() {
        this.destroy();
      });
  });
}

async function hasDocker(env) {
  for (const socket of dockerSockets(env)) {
    if (await answersAsDocker(socket)) return true;
  }
  return false;
}

function runQuietly([program, ...args]) {
  return new Promise((resolve) => {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const child = spawn(program, args, { env, stdio: 'ignore' });
    child.on('error', () => resolve(false));
    child.on('close', (code) => resolve(code === 0));
  });
}

/**
 * Resolves once a Redis can be had: a configured one, a server program, a Docker engine, or a server
 * program that is installed now. Throws SetupError, saying what to run, where none of them can be.
 */
export async function provideRedis(env, say) {
  const hasServer = () => isOn(env.PATH, SERVER_NAMES);
  if (env.TASK_TRACKING_REDIS_URL || hasServer() || (await hasDocker(env))) return;

  const isHere = (program) => isOn(env.PATH, [program]);
  const isRoot = process.getuid?.() === 0;
  const mayBeRoot = () =>
    isRoot || spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0;
  const manager = choosePackageManager(isHere, mayBeRoot);
  if (manager !== undefined) {
    say(`installing a Redis server with ${manager.program}…`);
    // Ignored when it fails: one broken repository of many must not stop the installation.
    if (manager.refresh) await runQuietly(asCommand(manager, manager.refresh, isRoot));
    for (const name of manager.packages) {
      await runQuietly(asCommand(manager, [...manager.install, name], isRoot));
      if (hasServer()) return;
    }
  }
  throw new SetupError(remedy(isHere));
}
