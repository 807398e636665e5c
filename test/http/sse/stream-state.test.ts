import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  afterGuard,
  beginStream,
  type ClientCursor,
  positionOf,
  type StreamState,
  type Tick,
  tickStream,
} from '../../../src/http/sse/stream-state.ts';
import type { Resume } from '../../../src/hub/hub.ts';
import { aStep, changesOf, EPOCH, placeId } from '../../hub/histories.ts';

const HEAD = at(5);
const NOW_MS = 1_000_000;
const HEARTBEAT_MS = 15_000;

function at(place: number, epoch = EPOCH) {
  return { epoch, id: placeId(place) };
}

describe('a stream begins', () => {
  const live: StreamState = { kind: 'live', guard: HEAD.id };
  const changes = changesOf([aStep(), aStep()], { from: 4 });
  const cases: [string, ClientCursor, Resume | undefined, object][] = [
    ['without a cursor', undefined, undefined, { state: live, outcome: 'live' }],
    [
      'with what is no position',
      'invalid',
      undefined,
      { state: live, outcome: 'cursor_invalid', refresh: 'cursor_invalid' },
    ],
    [
      'with a position that can be replayed',
      at(3),
      { kind: 'replay', changes },
      { state: { kind: 'live', guard: placeId(3) }, outcome: 'replayed', changes },
    ],
    [
      'with a position that is ahead',
      at(9),
      { kind: 'ahead' },
      { state: { kind: 'ahead', guard: placeId(9), untilMs: NOW_MS + 2500 }, outcome: 'ahead' },
    ],
    ...(['cursor_expired', 'cursor_epoch'] as const).map(
      (reason): [string, ClientCursor, Resume, object] => [
        `with ${reason}`,
        at(1),
        { kind: 'refresh', reason },
        { state: live, outcome: reason, refresh: reason },
      ],
    ),
  ];

  test.each(cases)('%s', (_, cursor, resumed, expected) => {
    const resume = () => {
      if (resumed === undefined) throw new Error('there is no position to resume');
      return resumed;
    };
    const beginning = beginStream(cursor, HEAD, resume, NOW_MS);
    expect(beginning).toMatchObject({ changes: [], refresh: undefined, ...expected });
  });
});

const AHEAD: StreamState = { kind: 'ahead', guard: placeId(5), untilMs: NOW_MS };
const PARKED: StreamState = { kind: 'parked', at: at(3), untilMs: NOW_MS, owed: undefined };
const LIVE: StreamState = { kind: 'live', guard: placeId(3) };
const ENDED: StreamState = { kind: 'ended', untilMs: NOW_MS };

const WAIT: Tick = { kind: 'wait' };

describe('as time passes,', () => {
  const caughtUp: Tick = { kind: 'caught_up', state: { kind: 'live', guard: placeId(5) } };
  const tooLong: Tick = {
    kind: 'refresh',
    reason: 'cursor_ahead',
    state: { kind: 'live', guard: placeId(4) },
  };
  /** What happens while there is time, and when it is up: with the hub before, at and past 5. */
  const table: [
    string,
    StreamState,
    whileThereIs: [Tick, Tick, Tick],
    after: [Tick, Tick, Tick],
  ][] = [
    ['one that is ahead', AHEAD, [WAIT, caughtUp, caughtUp], [tooLong, caughtUp, caughtUp]],
    ['one that is parked', PARKED, thrice(WAIT), thrice({ kind: 'end' })],
    [
      'one that told of an epoch',
      { ...PARKED, owed: 'resync' },
      thrice(WAIT),
      thrice({ kind: 'end' }),
    ],
    ['one that has ended', ENDED, thrice(WAIT), thrice({ kind: 'destroy' })],
  ];

  test.each(table)('%s', (_, state, whileThereIs, after) => {
    const heads = [at(4), at(5), at(6)];
    // What is idle for longer than a heartbeat is nobody's concern here.
    for (const idleMs of [0, HEARTBEAT_MS, 10 * HEARTBEAT_MS]) {
      const tick = (nowMs: number) =>
        heads.map((head) => tickStream(state, head, nowMs, idleMs, HEARTBEAT_MS));
      expect(tick(NOW_MS - 1)).toEqual(whileThereIs);
      expect(tick(NOW_MS)).toEqual(after);
      expect(tick(NOW_MS + 1)).toEqual(after);
    }
  });

  test('one that is live beats when it was silent for a heartbeat, wherever the hub is', () => {
    for (const head of [at(3), at(9), at(1, 'e2')]) {
      const tick = (idleMs: number) => tickStream(LIVE, head, NOW_MS, idleMs, HEARTBEAT_MS).kind;
      expect([0, HEARTBEAT_MS - 1, HEARTBEAT_MS].map(tick)).toEqual(['wait', 'wait', 'keepalive']);
    }
  });
});

describe('the position that a client has', () => {
  test.each([
    ['live', LIVE, at(5), at(5)],
    ['live with changes that the hub still hands out', LIVE, at(2), at(3)],
    ['ahead', AHEAD, at(2), at(5)],
    ['parked', PARKED, at(5), at(3)],
    ['parked in a history that is over', PARKED, at(1, 'e2'), at(3)],
  ])('is, when it is %s, never one that it cannot have', (_, state, head, expected) => {
    expect(positionOf(state, head)).toEqual(expected);
  });
});

test('a guard lets pass exactly what comes after it, in order', () => {
  fc.assert(
    fc.property(fc.nat(12), fc.nat(12), fc.nat(14), (from, count, guard) => {
      const changes = changesOf(
        Array.from({ length: count }, () => aStep()),
        { from },
      );
      const passed = afterGuard(placeId(guard), changes);
      expect(passed).toEqual(changes.slice(Math.max(0, guard - from + 1)));
    }),
  );
});

function thrice(tick: Tick): [Tick, Tick, Tick] {
  return [tick, tick, tick];
}
