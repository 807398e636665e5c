// Builds what is published: packages/contract, then packages/producer, which needs its declarations,
// then the service itself into dist/, where dist/src/main.js is the `tasktrail` program.
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const SHEBANG = '#!/usr/bin/env node\n';

/** From nothing, so that a file which is no longer in the sources is not published either. */
function compile(directory) {
  rmSync(join(root, directory, 'dist'), { recursive: true, force: true });
  const config = join(root, directory, 'tsconfig.build.json');
  const { status, error } = spawnSync(join(root, 'node_modules/.bin/tsc'), ['-p', config], {
    stdio: 'inherit',
  });
  if (error !== undefined) throw error;
  if (status !== 0) process.exit(1);
}

/** Files that the code reads from beside itself; the compiler leaves them behind. */
function copyBeside(pattern) {
  for (const file of globSync(pattern, { cwd: root })) {
    cpSync(join(root, file), join(root, 'dist', file));
  }
}

function makeExecutable(file) {
  const source = readFileSync(file, 'utf8');
  if (!source.startsWith('#!')) writeFileSync(file, SHEBANG + source);
  chmodSync(file, 0o755);
}

for (const directory of ['packages/contract', 'packages/producer', '.']) compile(directory);
for (const name of ['contract', 'producer']) {
  cpSync(join(root, 'LICENSE'), join(root, 'packages', name, 'LICENSE'));
}
copyBeside('src/**/*.lua');
copyBeside('config/*.json');
makeExecutable(join(root, 'dist/src/main.js'));
