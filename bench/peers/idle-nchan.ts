import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../test/oracle/world/ports.ts';
import { pin, SERVER_CORE } from '../harness/processes.ts';
import { BEAT_MS, type IdleServer } from '../memory/idle-server.ts';

const PROGRAM = '/usr/sbin/nginx';
const MODULE = '/usr/lib/nginx/modules/ngx_nchan_module.so';

/** nginx with Nchan: one worker, whose memory counts, with what is shared in it. */
export async function startIdleNchan(): Promise<IdleServer> {
  await using resources = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'tasktrail-bench-'));
  resources.defer(() => rm(directory, { recursive: true, force: true }));
  // Its worker is another user where it is started by root.
  await chmod(directory, 0o755);
  const port = await freePort();
  await writeFile(join(directory, 'nginx.conf'), configuration(port));
  const child = spawn(PROGRAM, ['-p', directory, '-c', 'nginx.conf', '-e', 'start.log'], {
    stdio: 'ignore',
  });
  const closed = once(child, 'close');
  resources.defer(async () => {
    child.kill('SIGTERM');
    await closed;
  });
  const worker = await workerOf(child.pid ?? 0);
  await pin(worker, SERVER_CORE);
  const url = `http://127.0.0.1:${port}`;
  const owned = resources.move();
  return {
    pid: worker,
    target: { url, path: '/stream', protocol: 'sse', mark: ': hi' },
    publish: async () => {
      const response = await fetch(`${url}/publish`, { method: 'POST', body: 'x'.repeat(400) });
      await response.arrayBuffer();
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function workerOf(master: number): Promise<number> {
  const deadline = performance.now() + 5000;
  while (performance.now() < deadline) {
    const children = await readFile(`/proc/${master}/task/${master}/children`, 'utf8');
    const [first = ''] = children.split(' ');
    if (first !== '') return Number(first);
    await delay(20);
  }
  throw new Error('nginx has not started a worker');
}

function configuration(port: number): string {
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return `
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid nginx.pid;
load_module ${MODULE};
events { worker_connections 16384; }
http {
  ${kinds.map((kind) => `${kind}_temp_path ${kind};`).join('\n  ')}
  access_log off;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location = /stream {
      nchan_subscriber eventsource;
      nchan_channel_id bench;
      nchan_eventsource_ping_interval ${BEAT_MS / 1000};
    }
    location = /publish {
      nchan_publisher;
      nchan_channel_id bench;
    }
  }
}
`;
}
