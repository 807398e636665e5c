import { createParser, type EventSourceMessage } from 'eventsource-parser';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ChangeFrames,
  encodeFrame,
  encodeRetry,
  isTold,
  type Piece,
} from '../../../src/http/sse/frames.ts';
import { type ToldChange, tell } from '../../../src/hub/change-view.ts';
import type { PlacedChange } from '../../../src/hub/hub.ts';
import { aStep, changesOf, EVERYTHING } from '../../hub/histories.ts';
import { frameId } from './running-streams.ts';

const VIEWS: readonly ToldChange['view'][] = [
  { kind: 'updated', previousStatus: null },
  { kind: 'updated', previousStatus: 'queued' },
  { kind: 'updated', previousStatus: 'success' },
  { kind: 'removed', reason: 'filtered' },
  { kind: 'removed', reason: 'not_visible' },
];

describe('a change', () => {
  test('is encoded once for each way in which it may be told', () => {
    const frames = new ChangeFrames();
    const [first, second] = twoChanges();
    const encoded = VIEWS.map((view) => frames.encode(first, view));
    expect(VIEWS.map((view) => frames.encode(first, { ...view }))).toEqual(encoded);
    VIEWS.forEach((view, index) => {
      expect(frames.encode(first, { ...view })).toBe(encoded[index]);
      expect(frames.encode(second, view)).not.toEqual(encoded[index]);
    });
    expect(new Set(encoded.map(String)).size).toBe(VIEWS.length);
  });

  test('INV5: says nothing but where it was to a viewer who loses it', () => {
    const [change] = twoChanges();
    const frame = new ChangeFrames().encode(change, { kind: 'removed', reason: 'not_visible' });
    const [{ event, id, data } = missing()] = parse(frame);
    expect({ event, id, data: JSON.parse(data) }).toEqual({
      event: 'task_removed',
      id: frameId(0),
      data: {
        executionId: 'run-0',
        project: 'houlak/one',
        reason: 'not_visible',
        lastEventId: change.position.id,
      },
    });
  });

  test('arrives as it is, whatever characters are in it', () => {
    const characters = fc.oneof(
      fc.constantFrom('\n', '\r', '\r\n', '\u2028', ':', 'id: 9-9', 'data: {}', '\0'),
      fc.string({ unit: 'binary' }),
    );
    fc.assert(
      fc.property(fc.array(characters), (parts) => {
        const message = parts.join('');
        const [{ position, audience, change }] = twoChanges();
        const item = { ...change.item, message, taskName: message };
        const placed = { position, audience, change: { ...change, item } };
        const frame = new ChangeFrames().encode(placed, { kind: 'updated', previousStatus: null });
        const messages = parse(frame);
        expect(messages).toHaveLength(1);
        expect(JSON.parse(messages[0]?.data ?? '')).toEqual({ ...item, previousStatus: null });
      }),
    );
  });
});

test('a frame without a position has no id at all, which would empty that of the client', () => {
  const frame = encodeFrame('reconnect', undefined, { reason: 'capacity', retryAfterMs: 1 });
  expect(frame.toString()).not.toMatch(/^id/m);
  expect(parse(frame)[0]?.id).toBeUndefined();
});

test('a retry is a whole number of milliseconds', () => {
  expect(encodeRetry(1234.56).toString()).toBe('retry: 1235\n\n');
});

function twoChanges(): [PlacedChange, PlacedChange] {
  const [first, second] = changesOf([aStep({ actor: 'slack:U1' }), aStep({ task: 1 })]);
  return [first ?? missing(), second ?? missing()];
}

function missing(): never {
  throw new Error('there is one too few');
}

function parse(bytes: Buffer): EventSourceMessage[] {
  const messages: EventSourceMessage[] = [];
  createParser({ onEvent: (message) => messages.push(message) }).feed(bytes.toString());
  return messages;
}

describe('the frames of one turn', () => {
  const changes = changesOf(Array.from({ length: 400 }, (_, task) => aStep({ task })));
  const told = tell(changes, EVERYTHING);
  const each = told.map(({ placed, view }) => new ChangeFrames().encode(placed, view));

  test('are Buffers that those share who are told the same, in which each is once and in order', () => {
    const frames = new ChangeFrames();
    const pieces = piecesOf(told, (rest) => frames.sharedPiece(rest));
    expect(Buffer.concat(pieces.flatMap((piece) => piece.frames))).toEqual(Buffer.concat(each));
    expect(pieces.length).toBeGreaterThan(1);
    for (const piece of pieces) expect(piece.frames).toHaveLength(1);
    const others = piecesOf(told, (rest) => frames.sharedPiece(rest));
    expect(others.every((piece, index) => piece === pieces[index])).toBe(true);
  });

  test('are never those of somebody who is told something else of the same changes', () => {
    const frames = new ChangeFrames();
    const [change] = changesOf([aStep({ actor: 'slack:U1' })]);
    const lost: readonly ToldChange[] = [
      { ...aTold(change), view: { kind: 'removed', reason: 'not_visible' } },
    ];
    const seen = piecesOf([aTold(change)], (rest) => frames.sharedPiece(rest));
    const unseen = piecesOf(lost, (rest) => frames.sharedPiece(rest));
    expect(String(seen[0]?.frames)).toContain('event: task_status_updated');
    expect(String(unseen[0]?.frames)).toContain('event: task_removed');
  });

  test.each([0, 1, 40_000, 64 * 1024, 64 * 1024 + 1])(
    'end with the one with which too much waits, where %d bytes wait already',
    (waitingBytes) => {
      const frames = new ChangeFrames();
      for (const piece of piecesOf(told, (rest) => frames.piece(rest, waitingBytes))) {
        const bytes = Buffer.concat(piece.frames).length + waitingBytes;
        const lastFrame = piece.frames.at(-1)?.length ?? 0;
        expect(bytes - lastFrame).toBeLessThanOrEqual(Math.max(64 * 1024, waitingBytes));
        if (piece.rest.length > 0) expect(bytes).toBeGreaterThan(64 * 1024);
        expect(piece.last).toBe(told[told.length - piece.rest.length - 1]?.position);
      }
    },
  );
});

/** What is told, piece by piece. */
function piecesOf(
  told: readonly ToldChange[],
  next: (rest: Parameters<ChangeFrames['sharedPiece']>[0]) => Piece,
): Piece[] {
  const pieces: Piece[] = [];
  let rest = told;
  while (isTold(rest)) {
    const piece = next(rest);
    pieces.push(piece);
    rest = piece.rest;
  }
  return pieces;
}

function aTold(placed: PlacedChange = missing()): ToldChange {
  const { position } = placed;
  return { position, placed, view: { kind: 'updated', previousStatus: null } };
}
