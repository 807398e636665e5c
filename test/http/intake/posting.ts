import { connect, type Socket } from 'node:net';
import { ErrorBodySchema, type EventResults, EventResultsSchema } from '@tasktrail/contract';
import { expect } from 'vitest';
import { intakeRoutes } from '../../../src/http/intake/intake-routes.ts';
import { openApiDocument } from '../../../src/http/openapi.ts';
import type { RunningDashboard } from '../running-dashboard.ts';

const document = openApiDocument(intakeRoutes, '1.2.3');

/** What the OpenAPI document does not say may not be answered. */
export function expectDocumented(path: string, status: number): void {
  const { responses = {} } = document.paths?.[path]?.post ?? {};
  expect(Object.keys(responses)).toContain(String(status));
}

export const EVENT = {
  executionId: 'run-1',
  occurredAt: '2026-11-20T12:00:00Z',
  project: 'houlak/rukipay-backend',
  status: 'queued',
};

/** What makes a request a valid one, unless a test says otherwise. */
const EVENT_HEADERS = { Authorization: 'Bearer ttk_valid', 'Content-Type': 'application/json' };

const WEBHOOK_HEADERS = { 'X-Signature': 'good', 'Content-Type': 'application/json' };

/** Null leaves a header out. */
type HeaderChanges = Readonly<Record<string, string | null>>;

async function post(
  dashboard: RunningDashboard,
  path: string,
  headers: HeaderChanges,
  body: string | Uint8Array<ArrayBuffer>,
): Promise<Response> {
  const sent = Object.entries(headers).filter((pair): pair is [string, string] => pair[1] !== null);
  // Bytes, because fetch gives a text a content type of its own.
  const response = await dashboard.get(path, {
    method: 'POST',
    headers: sent,
    body: typeof body === 'string' ? new TextEncoder().encode(body) : body,
  });
  expectDocumented(path, response.status);
  return response;
}

export function postEvents(
  dashboard: RunningDashboard,
  body: unknown,
  headers: HeaderChanges = {},
): Promise<Response> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return post(dashboard, '/events', { ...EVENT_HEADERS, ...headers }, text);
}

export function postWebhook(
  dashboard: RunningDashboard,
  forge: string,
  headers: HeaderChanges = {},
  body: string | Uint8Array<ArrayBuffer> = '{}',
): Promise<Response> {
  return post(dashboard, `/webhooks/${forge}`, { ...WEBHOOK_HEADERS, ...headers }, body);
}

export async function resultsOf(response: Response): Promise<EventResults['results']> {
  expect(response.status).toBe(202);
  return EventResultsSchema.strict().parse(await response.json()).results;
}

/** What metrics counted of requests: those that are not 0, by source and result. */
export async function requestCounts({ metrics }: RunningDashboard) {
  const { values } = await metrics.intake.requests.get();
  const counted = values.filter(({ value }) => value > 0);
  return Object.fromEntries(
    counted.map(({ labels, value }) => [`${labels.source} ${labels.result}`, value]),
  );
}

/** A part of a body whose length is not said. */
export function chunk(bytes: number): string {
  return `${bytes.toString(16)}\r\n${'x'.repeat(bytes)}\r\n`;
}

/** Resolves when a request has come so far that the metrics know how it ended. */
export async function whenCounted(dashboard: RunningDashboard, counts: Record<string, number>) {
  await expect.poll(() => requestCounts(dashboard), { interval: 5 }).toEqual(counts);
}

/** A client that sends what it is told and keeps what it receives, whatever becomes of it. */
export class RawClient implements Disposable {
  readonly socket: Socket;
  received = '';
  /** Resolves when the server has ended the connection, with everything it had sent. */
  readonly ended: Promise<string>;

  constructor({ port }: RunningDashboard) {
    const { promise, resolve } = Promise.withResolvers<string>();
    this.ended = promise;
    this.socket = connect(port, '127.0.0.1').setEncoding('latin1').setNoDelay(true);
    this.socket.on('data', (chunk: string) => {
      this.received += chunk;
    });
    // A reset is one of the ways to end; what matters is what was received before.
    this.socket.on('error', () => undefined);
    this.socket.once('close', () => resolve(this.received));
  }

  /** Begins a valid request for these events, with further headers. */
  begin(...headers: string[]): this {
    const lines = Object.entries(EVENT_HEADERS).map((pair) => pair.join(': '));
    return this.send(
      `${['POST /events HTTP/1.1', 'Host: localhost', ...lines, ...headers].join('\r\n')}\r\n\r\n`,
    );
  }

  send(data: string | Uint8Array): this {
    this.socket.write(data);
    return this;
  }

  /** Waits until so much was received that the pattern matches, or nothing more will be. */
  async until(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.received) && !this.socket.closed) await new Promise(setImmediate);
    return this.received;
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

/** The one answer that a raw client received, complete and documented. */
export function rawAnswerOf(received: string) {
  const [head = '', body = '', ...more] = received.split('\r\n\r\n');
  expect(more).toEqual([]);
  const status = Number(/^HTTP\/1\.1 (\d+) /.exec(head)?.[1]);
  expectDocumented('/events', status);
  expect(head).toMatch(new RegExp(`^content-length: ${body.length}\r?$`, 'im'));
  return { status, head, error: ErrorBodySchema.strict().parse(JSON.parse(body)).error };
}
