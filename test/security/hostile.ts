import { once } from 'node:events';
import { Agent, type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { inspect } from 'node:util';
import { ErrorBodySchema, FRAME_SCHEMAS, type FrameName, parsePosition } from '@tasktrail/contract';
import { TaskProducer } from '@tasktrail/producer';
import { createParser, type EventSourceMessage } from 'eventsource-parser';
import fc from 'fast-check';
import { expect, onTestFinished } from 'vitest';
import type { ZodType } from 'zod';
import { loadConfig } from '../../config/config.ts';
import { createApp } from '../../src/app.ts';
import { newProducer } from '../../src/auth/producers.ts';
import { createLogger } from '../../src/runtime/logging.ts';
import { canaryBytes } from '../fixtures/canary.ts';
import { eventually, whenProjected } from '../fixtures/facts.ts';
import type { TestGoogle } from '../fixtures/google.ts';
import { dashboardEnvironment } from '../fixtures/program.ts';
import type { TestRedis } from '../fixtures/redis.ts';
import { StreamViewer } from '../fixtures/viewer.ts';
import { makeDirectory, replaceFile } from '../projects/directory.ts';
import { answeredInTime, CostWatch } from './cost-watch.ts';
import { expectNoInternals } from './internals.ts';

/** A request as it goes over the wire, whatever stands in it. */
export interface HostileRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | undefined;
}

export interface HostileAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

const ANA = 'google:ana@example.com';

export const SECRETS = { github: 'github-secret', gitea: 'gitea-secret' };

/** The whole program on a real Redis, in this process, so that what it uses can be measured. */
export async function startTarget(redis: TestRedis, google: TestGoogle) {
  const directory = await makeDirectory();
  const identitiesPath = join(directory, 'identities.json');
  const producersPath = join(directory, 'producers.json');
  const everywhere = newProducer('everywhere', ['**'], canaryBytes);
  const limited = newProducer('limited', ['acme/*'], canaryBytes);
  await replaceFile(identitiesPath, JSON.stringify({ [ANA]: ['slack:U1'] }));
  await replaceFile(
    producersPath,
    JSON.stringify({ producers: [everywhere.entry, limited.entry] }),
  );
  const failures: string[] = [];
  const logger = createLogger({
    level: 'trace',
    pretty: false,
    destination: {
      write: (line) => {
        if (/^\{"level":"(error|fatal)"/.test(line)) failures.push(line);
      },
    },
  });
  const environment = dashboardEnvironment(redis, google, {
    TASK_DASHBOARD_ENFORCE_VISIBILITY: 'true',
    TASK_DASHBOARD_ADMINS: 'google:root@example.com',
    TASK_DASHBOARD_IDENTITIES: identitiesPath,
    TASK_DASHBOARD_CORS_ORIGINS: 'https://dashboard.example.com',
    TASK_INTAKE_PRODUCERS: producersPath,
    TASK_INTAKE_GITHUB_SECRETS: SECRETS.github,
    TASK_INTAKE_GITEA_SECRETS: SECRETS.gitea,
    TASK_INTAKE_REQUESTS_PER_PRODUCER: '1000000',
    TASK_INTAKE_REQUESTS_PER_ADDRESS: '1000000',
  });
  const config = loadConfig(environment, true);
  const app = await createApp({ config, applies: true, version: '1.2.3', logger });
  const stop = new AbortController();
  const ended = app.run(stop.signal);
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  onTestFinished(async () => {
    agent.destroy();
    stop.abort();
    await ended;
  });
  await eventually(() => expect(app.isReady()).toBe(true));
  const url = app.url ?? '';
  return {
    url,
    port: Number(new URL(url).port),
    keys: [everywhere.key, limited.key] as const,
    send: (hostile: HostileRequest) => send(url, agent, hostile),
    sendAdmin: (hostile: HostileRequest) => send(app.adminUrl ?? '', agent, hostile),
    /** It still works for each viewer as it should, and nothing failed that nobody expected. */
    expectAlive: async () => {
      expect(failures).toEqual([]);
      expect(app.isReady()).toBe(true);
      const probe = { method: 'GET', target: '/readyz', headers: {} };
      expect((await send(url, agent, probe)).status).toBe(200);
      await expectShown(redis, google, url);
    },
  };
}

/** What happens now is shown to whom it concerns, on pages and streams, and to nobody else. */
async function expectShown(redis: TestRedis, google: TestGoogle, url: string): Promise<void> {
  const open = (email: string, principals?: string[]) => {
    const token = google.standIn.sign({ email });
    return new StreamViewer({ url: () => url, token, principals }).start();
  };
  // Each fails on the first page or frame with a task that is not for it.
  await using root = open('root@example.com');
  await using ana = open('ana@example.com', [ANA, 'slack:U1']);
  for (const viewer of [root, ana]) await viewer.when(() => viewer.frames.length > 0);
  const producer = new TaskProducer({ redis: redis.url });
  const event = { project: 'after/storm', status: 'queued' } as const;
  const mine = { ...event, executionId: 'calm-1', actor: { provider: 'slack', id: 'U1' } };
  const theirs = { ...event, executionId: 'calm-2', actor: { provider: 'slack', id: 'U2' } };
  await producer.append(mine);
  const last = await producer.append(theirs);
  await producer.close();
  await whenProjected(redis.connect(), last);
  for (const viewer of [root, ana]) await viewer.whenAt(last);
  const shown = (viewer: StreamViewer) => ['calm-1', 'calm-2'].filter((id) => viewer.tasks.has(id));
  expect([shown(root), shown(ana)]).toEqual([['calm-1', 'calm-2'], ['calm-1']]);
}

export type Target = Awaited<ReturnType<typeof startTarget>>;

async function send(
  url: string,
  agent: Agent,
  { method, target, headers, body }: HostileRequest,
): Promise<HostileAnswer> {
  const asked = request(url, { agent, method, path: target, headers });
  // The server may have ended the connection before all of the body was sent.
  asked.on('error', () => undefined);
  const answered = once(asked, 'response') as Promise<[IncomingMessage]>;
  if (headers.expect === '100-continue') asked.once('continue', () => asked.end(body));
  else asked.end(body);
  asked.flushHeaders();
  const [response] = await answered;
  const { statusCode: status = 0 } = response;
  const isStream = response.headers['content-type']?.startsWith('text/event-stream') ?? false;
  const received = isStream ? await opening(response) : await text(response);
  return { status, headers: response.headers, body: received };
}

/** Where a cursor is ahead, the first frame takes seconds. */
const OPENING_MS = 100;
const HAS_BEGUN = /^event: (?:keepalive|snapshot_refresh_required|reconnect)\n.*\n\n/m;

/** The beginning of a stream, with all that is replayed. */
async function opening(response: IncomingMessage): Promise<string> {
  let received = '';
  const deadline = setTimeout(() => response.destroy(), OPENING_MS);
  const chunks = response.setEncoding('utf8').iterator({ destroyOnReturn: true });
  try {
    for await (const chunk of chunks) {
      received += chunk;
      if (HAS_BEGUN.test(received)) break;
    }
  } catch {
    // It was broken off here.
  }
  clearTimeout(deadline);
  return received;
}

/** Frames as PROTOCOL.md has them, whatever was asked. */
function expectFrames(body: string): void {
  expect(body).toMatch(/^retry: \d+\n\n/);
  const frames: EventSourceMessage[] = [];
  createParser({ onEvent: (frame) => frames.push(frame) }).feed(body);
  for (const { event, id, data } of frames) {
    const schema: ZodType | undefined = FRAME_SCHEMAS[event as FrameName];
    expect(schema?.safeParse(JSON.parse(data)), event).toMatchObject({ success: true });
    if (id !== undefined) expect(parsePosition(id), id).toBeDefined();
  }
}

/** What holds for every answer, whatever was asked. */
function expectSound({ method, target }: HostileRequest, answer: HostileAnswer): void {
  const { status, headers, body } = answer;
  if (status >= 500) expect(status).toBe(503);
  expect(headers['x-content-type-options']).toBe('nosniff');
  // What is no request to Node never gets a name.
  if (headers.connection !== 'close') expect(headers['x-request-id']).toMatch(/^[\w.:-]{1,64}$/);
  expectNoInternals(body, headers);
  if (method === 'HEAD' || status === 204 || status === 304) {
    expect(body).toBe('');
  } else if (headers['content-type']?.startsWith('text/event-stream')) {
    expect(status).toBe(200);
    expectFrames(body);
  } else if (status >= 400 && !target.startsWith('/readyz')) {
    ErrorBodySchema.strict().parse(JSON.parse(body));
  } else if (!headers['content-type']?.startsWith('text/plain')) {
    JSON.parse(body);
  }
}

/**
 * Sends so many requests, several at once, and holds every answer to `expectSound` and all of them to
 * the bounds of `cost-watch.ts`; gives how often each status was met.
 */
export async function attack(
  { send }: Pick<Target, 'send'>,
  requests: fc.Arbitrary<HostileRequest>,
  cases: number,
  expectMore: (answer: HostileAnswer, asked: HostileRequest) => void = () => undefined,
): Promise<ReadonlyMap<number, number>> {
  const met = new Map<number, number>();
  const atOnce = 10;
  const volley = fc.array(requests, { minLength: atOnce, maxLength: atOnce });
  using costs = new CostWatch();
  await fc.assert(
    fc.asyncProperty(volley, async (all) => {
      const answers = await costs.run(all.length, cases, () =>
        Promise.all(all.map(async (one) => [one, await answeredInTime(send(one))] as const)),
      );
      for (const [one, answer] of answers) {
        try {
          expectSound(one, answer);
          expectMore(answer, one);
        } catch (cause) {
          throw new Error(`not sound: ${inspect({ one, answer }, { breakLength: 100 })}`, {
            cause,
          });
        }
        met.set(answer.status, (met.get(answer.status) ?? 0) + 1);
      }
    }),
    { numRuns: Math.ceil(cases / atOnce) },
  );
  costs.expectBounded();
  return met;
}
