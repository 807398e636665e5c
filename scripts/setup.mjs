// Makes a checkout ready to run: `node scripts/setup.mjs [--redis]`.
//
// Plain JavaScript for Node 20 with nothing from node_modules: on a fresh clone neither the pinned
// Node nor any dependency is there yet. Silent when all is done, since `npm test` and `npm run demo`
// pass through here every time; what it does say goes to standard error, out of their output.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { provideRedis, SetupError } from './find-redis.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const stampFile = join(root, 'node_modules', '.tasktrail-setup');
const pinnedNode = join(root, 'node_modules', '.bin', 'node');

const DEPENDENCY_FIELDS = [
  'dependencies',
  'devDependencies',
  'optionalDependencies',
  'peerDependencies',
];

/** What of a package.json decides what npm installs: an edited script must not cost a reinstall. */
const INSTALLED_FIELDS = [
  ...DEPENDENCY_FIELDS,
  'name',
  'version',
  'bin',
  'workspaces',
  'overrides',
  'allowScripts',
];

const say = (line) => process.stderr.write(`tasktrail: ${line}\n`);

const readText = (path) => (existsSync(path) ? readFileSync(path, 'utf8') : undefined);

const readJson = (path) => JSON.parse(readText(path) ?? 'null');

/** Every package.json, by the name the lock file has for its directory; the root's is ''. */
function readManifests() {
  const workspaces = readdirSync(join(root, 'packages')).sort();
  return ['', ...workspaces.map((name) => `packages/${name}`)]
    .map((directory) => [directory, readJson(join(root, directory, 'package.json'))])
    .filter(([, manifest]) => manifest !== null);
}

const pick = (manifest, fields) => fields.map((field) => manifest?.[field]);

/** Changes when what npm would install changes, or the machine it was installed for. */
function fingerprint(lockText, manifests) {
  const asked = manifests.map(([, manifest]) => pick(manifest, INSTALLED_FIELDS));
  return createHash('sha256')
    .update(JSON.stringify([process.platform, process.arch, lockText, asked]))
    .digest('hex');
}

/**
 * Whether node_modules, as npm itself recorded it, already holds all that is asked for: somebody ran
 * `npm install` by hand, and installing again would only take time. Packages that are optional
 * (other systems' binaries) may be missing.
 */
function holdsAll(manifests, lock, installed) {
  const isLocked = ([directory, manifest]) =>
    JSON.stringify(pick(manifest, DEPENDENCY_FIELDS)) ===
    JSON.stringify(pick(lock.packages[directory], DEPENDENCY_FIELDS));
  const isInstalled = ([path, wanted]) =>
    path === '' || wanted.optional || installed?.packages[path]?.version === wanted.version;
  return manifests.every(isLocked) && Object.entries(lock.packages).every(isInstalled);
}

function answersAsPinned(version) {
  return (
    spawnSync(pinnedNode, ['--version'], { encoding: 'utf8' }).stdout?.trim() === `v${version}`
  );
}

/** Without the checkout's own programs: npm must not run on the Node that it is about to replace. */
function pathOfTheMachine(path = '') {
  const own = join('node_modules', '.bin');
  return path
    .split(delimiter)
    .filter((directory) => !directory.endsWith(sep + own))
    .join(delimiter);
}

function run(program, args, env) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        output += chunk;
      });
    }
    child.on('error', (error) => resolve({ ok: false, output: error.message }));
    child.on('close', (code) => resolve({ ok: code === 0, output: output.trim() }));
  });
}

/**
 * `npm ci` refuses a lock file that lacks other systems' optional packages, as one written through
 * some registry mirrors does; `npm install --no-save` honours the lock and leaves it as it is.
 */
async function installDependencies() {
  say('installing dependencies and the pinned Node into node_modules (a minute or so)…');
  const env = { ...process.env, PATH: pathOfTheMachine(process.env.PATH) };
  const args = ['install', '--no-save', '--include=dev', '--loglevel=error'];
  const { ok, output } = await run('npm', args, env);
  if (ok) return;
  process.stderr.write(`${output}\n`);
  throw new SetupError(
    'npm could not install the dependencies (its own words are above): if the network or the ' +
      'registry failed, run `npm run setup` again; if node_modules is damaged, delete it first',
  );
}

async function provideDependencies() {
  const lockText = readText(join(root, 'package-lock.json'));
  if (lockText === undefined) throw new SetupError('package-lock.json is missing: restore it');
  const manifests = readManifests();
  const wanted = fingerprint(lockText, manifests);
  const lock = JSON.parse(lockText);
  const pinned = lock.packages['node_modules/node'].version;
  const isStamped = readText(stampFile) === wanted;
  const installed = readJson(join(root, 'node_modules', '.package-lock.json'));
  if ((isStamped || holdsAll(manifests, lock, installed)) && answersAsPinned(pinned)) {
    if (!isStamped) writeFileSync(stampFile, wanted);
    return;
  }
  await installDependencies();
  if (!answersAsPinned(pinned)) {
    throw new SetupError(
      `Node ${pinned}, which the project pins, did not arrive in node_modules: if npm is told to ` +
        'ignore install scripts, run `npm rebuild node --ignore-scripts=false`',
    );
  }
  writeFileSync(stampFile, wanted);
}

async function main() {
  if (Number.parseInt(process.versions.node, 10) < 20) {
    throw new SetupError(
      `set-up needs Node 20 or newer and this is ${process.version}: update Node`,
    );
  }
  await provideDependencies();
  if (process.argv.includes('--redis')) await provideRedis(process.env, say);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(error.message);
  process.exitCode = 1;
}
