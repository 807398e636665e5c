import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type ClientPosition,
  compareStreamIds,
  formatPosition,
  parsePosition,
  type StreamId,
  TASK_STATUSES,
} from '@tasktrail/contract';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ChangeFrames } from '../../../src/http/sse/frames.ts';
import type { StreamObserver } from '../../../src/http/sse/sse.ts';
import { StreamConnection } from '../../../src/http/sse/stream-connection.ts';
import { takeConnection } from '../../../src/http/taken-connections.ts';
import { viewChange } from '../../../src/hub/change-view.ts';
import type { Interest, PlacedChange } from '../../../src/hub/hub.ts';
import { type RawFrame, SseClient } from '../../fixtures/sse.ts';
import { EVERYTHING, interests, PEOPLE, steps, type TaskStep } from '../../hub/histories.ts';
import { type JoinCursor, Joined } from './joined.ts';

/**
 * The join law: whatever the interleaving of changes, joins, silences of the client and resets of
 * the history, every position that a client is given is one whose changes it has, all of them,
 * each once and in order.
 */

type Step =
  | { readonly kind: 'advance'; readonly steps: readonly TaskStep[]; readonly silent: number }
  | { readonly kind: 'stop' | 'read' | 'breathe' }
  | { readonly kind: 'tick'; readonly ms: number }
  | { readonly kind: 'reset'; readonly isOtherEpoch: boolean; readonly missed: number };

interface Script {
  readonly windowSize: number;
  readonly before: readonly TaskStep[];
  readonly cursor: JoinCursor;
  readonly interest: Interest;
  readonly steps: readonly Step[];
  readonly end: 'expires by a change' | 'expires by a tick' | 'stays';
}

const HEARTBEAT_MS = 10_000;
const LIFETIME_MS = 10_000_000;

const kind = <K extends string>(name: K) => fc.constant(name);

const advances = fc.record({
  kind: kind('advance'),
  steps: fc.array(steps, { maxLength: 20, size: 'max' }),
  silent: fc.nat(2),
});

const scripts: fc.Arbitrary<Script> = fc.record({
  windowSize: fc.integer({ min: 1, max: 40 }),
  before: fc.array(steps, { maxLength: 12, size: 'max' }),
  cursor: fc.oneof(
    { weight: 5, arbitrary: fc.integer({ min: -6, max: 14 }) },
    { weight: 1, arbitrary: fc.constantFrom('none' as const, 'other epoch' as const) },
  ),
  interest: fc.oneof(interests, fc.constant(EVERYTHING)),
  steps: fc.array(
    fc.oneof(
      { weight: 5, arbitrary: advances },
      // Silences last, because it takes a few changes to fill a socket.
      { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('stop', 'breathe') }) },
      { weight: 1, arbitrary: fc.record({ kind: kind('read') }) },
      {
        weight: 2,
        arbitrary: fc.record({
          kind: kind('tick'),
          ms: fc.constantFrom(250, 9_000, 12_000, 61_000, 61_000),
        }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          kind: kind('reset'),
          isOtherEpoch: fc.boolean(),
          missed: fc.nat(3),
        }),
      },
    ),
    { maxLength: 16, size: 'max' },
  ),
  end: fc.constantFrom('expires by a change', 'expires by a tick', 'stays'),
});

/** What actually happened in all of the scripts: a law that is never put to the test is none. */
const seen = { parkings: 0, refreshes: new Set<string>(), reconnects: new Set<string>() };

const observer: StreamObserver = {
  onOpened: () => {},
  onClosed: () => {},
  onRefused: () => {},
  onParked: () => {
    seen.parkings += 1;
  },
  onUnparked: () => {},
  onRefresh: (reason) => {
    seen.refreshes.add(reason);
  },
};

let folder = '';
let server: Server;
/** Whose connection comes next. */
let accept: ((response: ServerResponse) => void) | undefined;

// A Unix socket, because it takes no more than 200 KiB for a client that does not read.
const socketPath = () => join(folder, 'stream');

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tasktrail-join-'));
  server = createServer((_request, response) => accept?.(response));
  await new Promise<void>((resolve) => server.listen(socketPath(), resolve));
});

afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true });
});

test('INV4: a position that a client is given is one up to which it has everything, once and in order', async () => {
  await fc.assert(
    fc.asyncProperty(scripts, async (script) => {
      const joined = new Joined(script.windowSize);
      joined.advance(script.before, 1);
      const cursor = joined.cursorAt(script.cursor);
      const start = cursor?.epoch === 'void' ? undefined : (cursor ?? joined.head);
      await using client = await connect(joined, script.interest, cursor);
      for (const step of script.steps) await take(step, joined, client);
      client.readAgain();
      await finish(script.end, joined, client);
      checkLaw(client.frames, start, joined.changes, script.interest);
      // One that was closed for not reading has what it has; any other that stayed has everything.
      if (script.end === 'stays' && joined.stream?.closeReason === 'client') {
        expect(client.last).toMatchObject({ name: 'keepalive', id: formatPosition(joined.head) });
      }
    }),
    { numRuns: 400 },
  );
  // What the law is about has happened, often.
  expect(seen.parkings).toBeGreaterThan(50);
  expect([...seen.refreshes].sort()).toEqual([
    'cursor_ahead',
    'cursor_epoch',
    'cursor_expired',
    'resync',
    'slow_consumer',
  ]);
  expect([...seen.reconnects].sort()).toEqual(['max_lifetime', 'slow_consumer']);
}, 120_000);

async function connect(
  joined: Joined,
  interest: Interest,
  cursor: ClientPosition | undefined,
): Promise<SseClient> {
  accept = (response) => {
    response.useChunkedEncodingByDefault = false;
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    response.flushHeaders();
    const body = takeConnection(response);
    const stream = new StreamConnection(
      {
        response: body,
        hub: joined.hub,
        viewer: { identity: 'google:ana@example.com' },
        interest,
        cursor,
        frames: new ChangeFrames(),
        heartbeatMs: HEARTBEAT_MS,
        tokenEndsAtMs: Number.POSITIVE_INFINITY,
        lifetimeMs: LIFETIME_MS,
        retryMs: () => 1000,
        clock: { wallMs: () => joined.clockMs, monotonicMs: () => joined.clockMs },
        observer,
      },
      joined.head,
    );
    joined.stream = stream;
    body.once('close', () => stream.closed());
  };
  return await SseClient.open({ socketPath: socketPath() });
}

async function take(step: Step, joined: Joined, client: SseClient): Promise<void> {
  switch (step.kind) {
    case 'advance':
      joined.advance(step.steps, step.silent);
      break;
    case 'reset':
      joined.reset(step.isOtherEpoch, step.missed);
      break;
    case 'tick':
      joined.clockMs += step.ms;
      joined.stream?.tick();
      break;
    case 'stop':
      client.stopReading();
      break;
    case 'read':
      client.readAgain();
      break;
    case 'breathe':
      for (let turn = 0; turn < 5; turn += 1) await nextTurn();
      break;
  }
}

/** Lets the stream come to rest, or to its end, and its client have all of it. */
async function finish(end: Script['end'], joined: Joined, client: SseClient): Promise<void> {
  if (end === 'stays') joined.clockMs += HEARTBEAT_MS;
  else joined.clockMs += LIFETIME_MS;
  if (end === 'expires by a change') {
    joined.advance(
      TASK_STATUSES.map((status, task) => ({
        task,
        status,
        actor: null,
        responsible: [...PEOPLE],
      })),
      1,
    );
  }
  const isAtRest = () =>
    client.last?.name === 'keepalive' && client.last.id === formatPosition(joined.head);
  for (let turns = 1; client.end === 'open' && !isAtRest(); turns += 1) {
    // A client that only now takes what waited is not idle yet: another silence tells its position.
    if (turns % 100 === 0) joined.clockMs += HEARTBEAT_MS;
    joined.stream?.tick();
    await nextTurn();
  }
}

function checkLaw(
  frames: readonly RawFrame[],
  start: ClientPosition | undefined,
  changes: readonly PlacedChange[],
  interest: Interest,
): void {
  let from = start;
  let had: StreamId[] = [];
  let latest = start?.id;
  for (const { name, id, data } of frames) {
    const position = parsePosition(id ?? '');
    if (position?.epoch === undefined) throw new Error(`${name} has the id ${id}`);
    if (name === 'snapshot_refresh_required') {
      from = position;
      had = [];
      latest = position.id;
      continue;
    }
    if (name === 'reconnect') seen.reconnects.add(data.reason);
    if (from === undefined || latest === undefined) throw new Error(`${name} before a refresh`);
    if (name === 'task_status_updated' || name === 'task_removed') had.push(position.id);
    const { epoch, id: after } = from;
    const due = changes.filter(
      (change) =>
        change.position.epoch === epoch &&
        compareStreamIds(change.position.id, after) > 0 &&
        compareStreamIds(change.position.id, position.id) <= 0 &&
        viewChange(change, interest).kind !== 'nothing',
    );
    expect(position.epoch).toBe(epoch);
    expect(had, `at ${name} ${id}`).toEqual(due.map((change) => change.position.id));
    expect(compareStreamIds(position.id, latest), `${name} ${id}`).toBeGreaterThanOrEqual(0);
    latest = position.id;
  }
}

async function nextTurn(): Promise<void> {
  await new Promise(setImmediate);
}
