import { ErrorBodySchema, parseStreamId, type TaskItem, type TaskPage } from '@tasktrail/contract';
import type Koa from 'koa';
import {
  type Authenticator,
  CertificatesUnavailableError,
  ForbiddenError,
  UnauthorizedError,
  type Viewer,
} from '../../src/auth/auth.ts';
import { bearerToken } from '../../src/auth/token-source.ts';
import { createDashboardApp } from '../../src/http/dashboard-app.ts';
import type { HttpDependencies, RequestState, StreamHandler } from '../../src/http/http.ts';
import { listen } from '../../src/http/server.ts';
import { SnapshotGate } from '../../src/http/snapshot-gate.ts';
import type { PageQuery, Pages, ReadModel } from '../../src/read-model/read-model.ts';
import { createLogger } from '../../src/runtime/logging.ts';
import { createMetrics, type Metrics } from '../../src/runtime/metrics.ts';
import { MemoryIntake, memoryIntake } from './intake/memory-intake.ts';

/** The application on a real socket, with small stages behind it that live in memory. */
export interface RunningDashboard extends AsyncDisposable {
  readonly app: Koa<RequestState>;
  readonly url: string;
  readonly port: number;
  readonly metrics: Metrics;
  /** What the read model was asked for. */
  readonly queries: PageQuery[];
  /** The stages behind the routes of intake. */
  readonly stages: MemoryIntake;
  /** Everything that was logged. */
  logged(): string;
  /** Lines of finished requests; waits for the one of the last request. */
  requestLines(count: number): Promise<Record<string, unknown>[]>;
  /** A request with a valid token, unless the headers say otherwise. */
  get(path: string, init?: RequestInit): Promise<Response>;
}

export const ana: Viewer = {
  identity: 'google:ana@example.com',
  sight: { kind: 'own', principals: new Set(['google:ana@example.com', 'slack:U1']) },
  tokenExpiresAtMs: Date.UTC(2026, 10, 20),
};

/** Tokens that mean what their names say. */
const memoryAuthenticator: Authenticator = {
  async authenticate(token) {
    if (token === 'valid') return ana;
    if (token === 'forbidden') throw new ForbiddenError('google:eve@example.org');
    if (token === 'certificates-away') throw new CertificatesUnavailableError('no certificates');
    throw new UnauthorizedError('expired');
  },
};

export function taskItem(executionId: string): TaskItem {
  return {
    executionId,
    taskName: executionId,
    status: 'in_progress',
    project: 'houlak/rukipay-backend',
    occurredAt: '2026-11-20T12:00:00.000Z',
    flow: null,
    actor: { provider: 'slack', id: 'U1' },
    prLinks: [],
    visibility: { responsibleUsers: [] },
    lastEventId: parseStreamId('1795211160000-0')!,
    createdAt: '2026-11-20T12:00:00.000Z',
    startedAt: '2026-11-20T12:00:00.000Z',
    finishedAt: null,
    attempt: 1,
    message: null,
  };
}

export const PAGE: TaskPage = {
  items: [taskItem('run-2'), taskItem('run-1')],
  nextCursor: null,
  streamCursor: 'v1.k3f9x2.1795211160000-0',
};

/** Has exactly the tasks whose id it is told, and one page for every query. */
export function memoryReadModel(queries: PageQuery[], ids: readonly string[]): ReadModel {
  return {
    async page(query) {
      queries.push(query);
      return PAGE;
    },
    async task(executionId) {
      return ids.includes(executionId) ? taskItem(executionId) : undefined;
    },
  };
}

/** Ends at once, and says in its one comment what it was asked for. */
const echoStream: StreamHandler = (ctx, viewer, query) => {
  ctx.status = 200;
  ctx.set('Content-Type', 'text/event-stream');
  if (ctx.method === 'HEAD') return;
  ctx.respond = false;
  ctx.res.write(`:${JSON.stringify({ viewer: viewer?.identity ?? null, query })}\n\n`);
  ctx.res.end();
};

export const PROJECT_LIST = [
  {
    project: 'rukipay',
    displayName: 'Rukipay',
    applications: [{ app: 'rukipay-backend', repo: 'houlak/rukipay-backend' }],
  },
];

/** Lets everybody in. */
function openGate(): SnapshotGate {
  const observer = { onLoad: () => {}, onRefused: () => {} };
  const limits = { places: 1000, maxWaiting: 1000, maxWaitMs: 10_000 };
  return new SnapshotGate({ ...limits, random: () => 0, observer });
}

/** Pages that are read for each request alone, and never twice the same. */
function pagesOf(readModel: ReadModel): Pages {
  let tags = 0;
  return {
    tagOf: async () => String(++tags),
    held: () => undefined,
    read: async (query, _, enter) => {
      using _place = await enter();
      const page = await readModel.page(query);
      return { body: Buffer.from(JSON.stringify(page)), tag: undefined };
    },
  };
}

/** What a test puts in the place of the usual stages. */
type Overrides = Partial<Omit<HttpDependencies, 'readModel'> & { readonly readModel: ReadModel }>;

export async function runDashboard(
  overrides: Overrides = {},
  timeouts?: Parameters<typeof listen>[0]['timeouts'],
): Promise<RunningDashboard> {
  const lines: string[] = [];
  const logger = createLogger({
    level: 'trace',
    pretty: false,
    destination: { write: (line) => lines.push(line) },
  });
  const queries: PageQuery[] = [];
  const metrics = createMetrics();
  const stages = new MemoryIntake();
  const readModel = overrides.readModel ?? memoryReadModel(queries, ['run-1']);
  const app = createDashboardApp({
    http: { corsOrigins: [], trustedProxies: [] },
    snapshot: { defaultLimit: 50, maxLimit: 200 },
    authenticator: memoryAuthenticator,
    findToken: bearerToken,
    readModel,
    pages: pagesOf(readModel),
    snapshotGate: openGate(),
    projects: { list: () => PROJECT_LIST },
    stream: echoStream,
    intake: memoryIntake(metrics, stages),
    probes: { checks: [], isDraining: () => false },
    onAnswerCut: () => {},
    logger,
    metrics: metrics.http,
    version: '1.2.3',
    ...overrides,
  });
  const settings = { host: 'TASK_DASHBOARD_HOST', port: 'TASK_DASHBOARD_PORT' };
  const server = await listen({
    handler: app.callback(),
    host: '127.0.0.1',
    port: 0,
    settings,
    logger,
    ...(timeouts === undefined ? {} : { timeouts }),
  });
  const requestLines = () =>
    lines.map((line) => JSON.parse(line)).filter((line) => 'durationMs' in line);
  return {
    app,
    url: server.url,
    port: Number(new URL(server.url).port),
    metrics,
    queries,
    stages,
    logged: () => lines.join(''),
    async requestLines(count) {
      // A line is written once the socket is done, which a client may see earlier.
      while (requestLines().length < count) await new Promise(setImmediate);
      return requestLines();
    },
    get: (path, init = {}) =>
      fetch(server.url + path, { headers: { Authorization: 'Bearer valid' }, ...init }),
    [Symbol.asyncDispose]: () => server.close(),
  };
}

/** The answer as a test states it; an error must be one of the contract. */
export async function answerOf(
  response: Response,
): Promise<{ status: number; error: string; message: string | undefined }> {
  const { error, message } = ErrorBodySchema.strict().parse(await response.json());
  return { status: response.status, error, message };
}
