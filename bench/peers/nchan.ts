import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../test/oracle/world/ports.ts';
import { LOAD_CORE, pin, SERVER_CORE, startWorker } from '../harness/processes.ts';
import type { Carrier } from '../live/live.ts';
import { startFedByRedis } from './fed-by-redis.ts';

const NGINX = '/usr/sbin/nginx';
const MODULE = '/usr/lib/nginx/modules/ngx_nchan_module.so';
const INSTALL = 'apt-get install nginx libnginx-mod-nchan';

/** Nchan in nginx, one worker. A process of its own reads the Redis stream and publishes over HTTP. */
export const NCHAN: Carrier = {
  name: 'Nchan',
  version: versionOfNginx(),
  ...(existsSync(MODULE) ? {} : { missing: `it is not installed: ${INSTALL}` }),
  start: () =>
    startFedByRedis(async (redisUrl, resources) => {
      const port = await freePort();
      const worker = await startNginx(port, resources);
      const publisher = resources.use(
        await startWorker(new URL('nchan-publisher-process.ts', import.meta.url), LOAD_CORE),
      );
      await publisher.ask({ redisUrl, port });
      return { pid: worker, port, path: '/sub' };
    }),
};

/** The process of its one worker, which answers. */
async function startNginx(port: number, resources: AsyncDisposableStack): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'tasktrail-nchan-'));
  resources.defer(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'nginx.conf');
  await writeFile(file, configuration(folder, port));
  const nginx = spawn(NGINX, ['-c', file, '-p', folder, '-e', join(folder, 'error.log')], {
    stdio: 'ignore',
  });
  await once(nginx, 'spawn');
  resources.defer(async () => {
    if (nginx.exitCode !== null) return;
    const gone = once(nginx, 'exit');
    nginx.kill('SIGTERM');
    await gone;
  });
  while (!(await answers(port))) {
    if (nginx.exitCode !== null) throw new Error(await readFile(join(folder, 'error.log'), 'utf8'));
    await delay(20);
  }
  const pid = nginx.pid ?? 0;
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  const worker = Number(children.trim().split(' ')[0]);
  await pin(worker, SERVER_CORE);
  return worker;
}

async function answers(port: number): Promise<boolean> {
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

/** As its documents advise for many subscribers: memory for all messages, no log, no delays. */
function configuration(folder: string, port: number): string {
  return `
load_module ${MODULE};
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid ${folder}/nginx.pid;
events { worker_connections 19000; use epoll; multi_accept on; }
http {
  access_log off;
  nchan_shared_memory_size 256M;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  keepalive_requests 1000000000;
  tcp_nodelay on;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location = /sub {
      nchan_subscriber eventsource;
      nchan_channel_id items;
      nchan_subscriber_first_message newest;
      nchan_message_buffer_length 10000;
      nchan_message_timeout 60s;
    }
    location = /pub {
      nchan_publisher http;
      nchan_channel_id items;
      nchan_message_buffer_length 10000;
      nchan_message_timeout 60s;
    }
  }
}
`;
}

function versionOfNginx(): string {
  const { stderr } = spawnSync(NGINX, ['-v'], { encoding: 'utf8' });
  const nginx = /nginx\/[\d.]+/.exec(stderr ?? '')?.[0] ?? 'nginx';
  const debian = spawnSync('dpkg-query', ['-W', '-f', `\${Version}`, 'libnginx-mod-nchan'], {
    encoding: 'utf8',
  });
  return `${nginx}, libnginx-mod-nchan ${debian.stdout ?? ''}`;
}
