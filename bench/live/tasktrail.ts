import { setTimeout as delay } from 'node:timers/promises';
import { startSetting } from '../../test/rigs/setting.ts';
import { LOAD_CORE, pin, processOf, SERVER_CORE } from '../harness/processes.ts';
import type { Carrier, RunningCarrier } from './live.ts';

/** Streams of one token, where viewers need not be different people. */
const STREAMS_A_TOKEN = 1000;

export interface TasktrailOptions {
  readonly name?: string;
  /** Whether viewers are different people, each of whom sees only their own tasks. */
  readonly isEnforced?: boolean;
  /** Further settings of the program. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** The real program: XADD → projector → feed → `tasktrail serve` → SSE. */
export function tasktrail(options: TasktrailOptions = {}): Carrier {
  const { name = 'tasktrail' } = options;
  return { name, version: 'this one', start: (viewers) => start(viewers, options) };
}

async function start(
  viewers: number,
  { isEnforced = false, settings = {} }: TasktrailOptions,
): Promise<RunningCarrier> {
  const many = String(viewers + 1000);
  await using resources = new AsyncDisposableStack();
  const setting = await startSetting({
    TASK_DASHBOARD_MAX_STREAMS: many,
    TASK_DASHBOARD_MAX_STREAMS_PER_VIEWER: many,
    TASK_DASHBOARD_MAX_STREAMS_PER_IP: many,
    TASK_DASHBOARD_ENFORCE_VISIBILITY: String(isEnforced),
    ...settings,
  });
  resources.use(setting);
  const { redis } = setting;
  await pin(await processOf(redis), LOAD_CORE);
  const projector = await setting.start('projector', 'projector');
  await pin(projector.pid, LOAD_CORE);
  const server = await setting.start('server', 'serve');
  await pin(server.pid, SERVER_CORE);
  while ((await server.probe('readyz')) !== 200) await delay(20);
  const tokens = setting.signIn(isEnforced ? viewers : Math.ceil(viewers / STREAMS_A_TOKEN));
  const port = Number(new URL(server.url).port);
  const owned = resources.move();
  return {
    serverPid: server.pid,
    door: {
      port,
      requests: tokens.map(
        (token) =>
          'GET /dashboard/tasks/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n' +
          `Authorization: Bearer ${token}\r\n\r\n`,
      ),
    },
    publish: async (events) => {
      const pipeline = redis.pipeline();
      for (const { fields } of events) pipeline.xadd('task-events:v1', '*', ...fields);
      await pipeline.exec();
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
