import {
  compareStreamIds,
  parsePosition,
  STREAM_START,
  type StreamId,
  type TaskItem,
  TaskPageSchema,
  TaskRemovedSchema,
  TaskStatusUpdatedSchema,
} from '@tasktrail/contract';
import { TaskProducer } from '@tasktrail/producer';
import { EventSource } from 'eventsource';
import { expect, test } from 'vitest';
import { differencesBetween, foldAllEvents } from '../../src/demo/expected-tasks.ts';
import { KEYS } from '../../src/redis/keys.ts';
import { eventually, whenProjected } from '../fixtures/facts.ts';
import { useGoogle } from '../fixtures/google.ts';
import { startLosingProxy } from '../fixtures/losing-proxy.ts';
import { dashboardEnvironment, usePrograms } from '../fixtures/program.ts';
import { useRedis } from '../fixtures/redis.ts';

const redis = useRedis();
const google = useGoogle();
const programs = usePrograms(google);

test('what three kinds of bots append reaches a browser whose connection is cut', async () => {
  const env = dashboardEnvironment(redis, google);
  const projector = programs.start(['projector'], env);
  const serve = programs.start(['serve'], env);
  await Promise.all([projector.whenReadyz(200), serve.whenReadyz(200)]);
  await using proxy = await startLosingProxy(await serve.url());
  await using producer = new TaskProducer({ redis: redis.urlOf('producer') });
  const append = (status: 'queued' | 'in_progress' | 'success') =>
    Promise.all([viaPackage(producer, status), viaRedisCli(status), viaEmit(status)]);

  await append('queued');
  await whenProjected(redis.connect(), await lastEventId());
  using browser = await Browser.open(proxy.url, programs.signIn({ email: 'ana@example.com' }));
  expect(browser.tasks.size).toBe(9);
  await append('in_progress');
  await browser.whenAt(await lastEventId());
  proxy.cut();
  await append('success');
  await browser.whenAt(await lastEventId());
  proxy.cut();
  await producer.append({ executionId: 'package-1', status: 'queued', attempt: 2 });
  await browser.whenAt(await lastEventId());

  const expected = await foldAllEvents(redis.connect(), KEYS);
  expect(expected).toMatchObject({ events: 28, quarantined: 0 });
  expect(differencesBetween(expected.tasks, browser.tasks)).toEqual([]);
  expect(browser.changes).toBe(19);
  expect(browser.refreshes).toBe(0);
  expect(browser.streams).toBe(3);
});

async function viaPackage(producer: TaskProducer, status: 'queued' | 'in_progress' | 'success') {
  const project = 'acme/package';
  await Promise.all(
    [1, 2, 3].map((n) => producer.append({ executionId: `package-${n}`, project, status })),
  );
}

/** As PROTOCOL.md shows it. */
async function viaRedisCli(status: string) {
  const at = new Date().toISOString();
  const lines = [1, 2, 3].map(
    (n) =>
      `redis-cli -u ${redis.urlOf('producer')} XADD task-events:v1 '*' executionId cli-${n} occurredAt ${at} ` +
      `project acme/cli status ${status} actor '{"provider":"slack","id":"U${n}"}'`,
  );
  const { code, stdout } = await programs.shell(lines.join(' && '));
  expect({ code, ids: stdout.match(/^\d+-\d+$/gm)?.length }).toEqual({ code: 0, ids: 3 });
}

/** One event from flags, two from lines of NDJSON. */
async function viaEmit(status: string) {
  const env = { TASK_TRACKING_REDIS_URL: redis.url };
  const flags = ['--execution-id', 'emit-1', '--project', 'acme/emit', '--status', status];
  const lines = [2, 3].map((n) =>
    JSON.stringify({ executionId: `emit-${n}`, project: 'acme/emit', status }),
  );
  const [fromFlags, fromLines] = await Promise.all([
    programs.run(['emit', ...flags, '--message', 'from a shell'], env),
    programs.run(['emit'], env, `${lines.join('\n')}\n`),
  ]);
  expect(fromFlags).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+-\d+\n$/) });
  expect(fromLines).toMatchObject({ code: 0, stderr: '' });
}

async function lastEventId(): Promise<StreamId> {
  const [last] = await redis.connect().xrevrange(KEYS.events, '+', '-', 'COUNT', 1);
  return last?.[0] as StreamId;
}

/**
 * A page in a browser: the standard EventSource with the token in its query, which repeats its
 * query, the cursor of the snapshot included, with every reconnect.
 */
class Browser implements Disposable {
  readonly tasks = new Map<string, TaskItem>();
  changes = 0;
  refreshes = 0;
  streams = 0;
  readonly #source: EventSource;
  #lastEventId = '';

  static async open(url: string, token: string): Promise<Browser> {
    const query = new URLSearchParams({ limit: '4', authToken: token });
    const items: TaskItem[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      query.set('cursor', cursor);
      const response = await fetch(`${url}/dashboard/tasks?${query}`);
      const page = TaskPageSchema.parse(await response.json());
      items.push(...page.items);
      cursor = page.nextCursor;
      if (cursor === null) query.set('cursor', page.streamCursor);
    }
    return new Browser(`${url}/dashboard/tasks/stream?${query}`, items);
  }

  private constructor(url: string, items: readonly TaskItem[]) {
    for (const item of items) this.tasks.set(item.executionId, item);
    this.#source = new EventSource(url);
    this.#on('task_status_updated', (data) => {
      const { previousStatus: _, ...item } = TaskStatusUpdatedSchema.parse(data);
      this.tasks.set(item.executionId, item);
      this.changes += 1;
    });
    this.#on('task_removed', (data) => {
      this.tasks.delete(TaskRemovedSchema.parse(data).executionId);
      this.changes += 1;
    });
    this.#on('snapshot_refresh_required', () => {
      this.refreshes += 1;
    });
    this.#on('keepalive', () => {});
    this.#source.addEventListener('open', () => {
      this.streams += 1;
    });
  }

  async whenAt(id: StreamId): Promise<void> {
    await eventually(() => {
      const position = parsePosition(this.#lastEventId);
      expect(compareStreamIds(position?.id ?? STREAM_START, id)).toBeGreaterThanOrEqual(0);
    });
  }

  [Symbol.dispose](): void {
    this.#source.close();
  }

  #on(name: string, take: (data: unknown) => void): void {
    this.#source.addEventListener(name, (event) => {
      take(JSON.parse(event.data));
      this.#lastEventId = event.lastEventId;
    });
  }
}
