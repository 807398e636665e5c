import { setTimeout as delay } from 'node:timers/promises';
import { EVENTS_STREAM } from '@tasktrail/contract';
import { startSetting } from '../../test/rigs/setting.ts';
import { LOAD_CORE, pin, processOf, SERVER_CORE } from '../harness/processes.ts';
import { BEAT_MS, type IdleServer } from './idle-server.ts';

const PATH = '/dashboard/tasks/stream';

/** `tasktrail serve`, with a viewer and a token of its own for each stream. */
export async function startTasktrail(
  viewers: number,
  env: Readonly<Record<string, string>> = {},
): Promise<IdleServer> {
  await using resources = new AsyncDisposableStack();
  const setting = resources.use(
    await startSetting({
      TASK_DASHBOARD_HEARTBEAT_MS: String(BEAT_MS),
      TASK_DASHBOARD_MAX_STREAMS_PER_IP: '20000',
    }),
  );
  await pin(await processOf(setting.redis), LOAD_CORE);
  const projector = await setting.start('projector', 'projector');
  await pin(projector.pid, LOAD_CORE);
  const server = await setting.start('server', 'serve', env);
  await pin(server.pid, SERVER_CORE);
  while ((await server.probe('readyz')) !== 200) await delay(20);
  const tokens = setting.signIn(viewers);
  const owned = resources.move();
  let published = 0;
  return {
    pid: server.pid,
    target: { url: server.url, path: PATH, protocol: 'sse', tokens, mark: 'event: keepalive' },
    publish: async () => {
      published += 1;
      const event = {
        executionId: `run-${published}`,
        project: 'acme/shop',
        status: 'in_progress',
        occurredAt: new Date().toISOString(),
      };
      await setting.redis.xadd(EVENTS_STREAM, '*', ...Object.entries(event).flat());
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
