import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { guardProcess } from '../../../src/demo/process-guard.ts';
import { freePort } from '../../oracle/world/ports.ts';

/** nginx with the configuration that is shipped, before servers on this machine. */
export interface Nginx extends AsyncDisposable {
  readonly url: string;
  /** All that it has written to its logs so far. */
  logs(): Promise<string>;
}

const SHIPPED = new URL('../../../deploy/nginx/tasktrail.conf', import.meta.url);
const START_MS = 5_000;
const POLL_MS = 20;
const PROGRAM = 'nginx';
/** Debian has it in /usr/sbin, which is not on everybody's path. */
const PATH = `${process.env.PATH ?? ''}:/usr/sbin`;

export function isNginxHere(): boolean {
  return spawnSync(PROGRAM, ['-v'], { env: { PATH }, stdio: 'ignore' }).status === 0;
}

/** @param servers the URLs of the two */
export async function startNginx(servers: readonly string[]): Promise<Nginx> {
  const directory = await mkdtemp(join(tmpdir(), 'tasktrail-nginx-'));
  const port = await freePort();
  await layOut(directory, port, servers);
  const guard = guardProcess(directory);
  const child = spawn(PROGRAM, ['-p', directory, '-c', 'nginx.conf', '-e', 'start.log'], {
    env: { PATH },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const closed = once(child, 'close');
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  // Negative: its workers with it, which would outlive a master that is killed.
  guard.watch(-(child.pid ?? 0));
  const stop = async () => {
    // Asked to, it takes its workers along.
    child.kill('SIGTERM');
    await closed;
    guard.unwatch();
    await guard.end();
  };
  const deadline = performance.now() + START_MS;
  while (!(await canConnect(port))) {
    if (child.exitCode === null && performance.now() < deadline) await delay(POLL_MS);
    else {
      await stop();
      throw new Error(`nginx did not start:\n${output}`);
    }
  }
  const names = ['access.log', 'error.log', 'start.log'];
  return {
    url: `http://127.0.0.1:${port}`,
    logs: async () => {
      const texts = names.map((name) => readFile(join(directory, name), 'utf8').catch(() => ''));
      return (await Promise.all(texts)).join('');
    },
    [Symbol.asyncDispose]: stop,
  };
}

async function layOut(directory: string, port: number, servers: readonly string[]): Promise<void> {
  // Its workers are another user where it is started by root.
  await chmod(directory, 0o755);
  await mkdir(join(directory, 'temporary'));
  await writeFile(join(directory, 'nginx.conf'), mainConfiguration());
  const shipped = await readFile(SHIPPED, 'utf8');
  await writeFile(join(directory, 'tasktrail.conf'), render(shipped, port, servers));
}

/** What is marked with SET, set. */
function render(shipped: string, port: number, servers: readonly string[]): string {
  const changes: readonly (readonly [from: string, to: string])[] = [
    ...servers.map((url, n) => [`127.0.0.1:808${n + 1}`, new URL(url).host] as const),
    ['listen 80;', `listen 127.0.0.1:${port};`],
    ['/var/log/nginx/tasktrail-', ''],
  ];
  return changes.reduce((text, [from, to]) => {
    if (!text.includes(from)) throw new Error(`the shipped configuration has no "${from}"`);
    return text.replaceAll(from, to);
  }, shipped);
}

/** As docs/deployment.md advises, for a process in the foreground. */
function mainConfiguration(): string {
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
daemon off;
worker_processes 2;
pid nginx.pid;
events { worker_connections 8192; }
http {
  ${kinds.map((kind) => `${kind}_temp_path temporary/${kind};`).join('\n  ')}
  include tasktrail.conf;
}
`;
}

async function canConnect(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
