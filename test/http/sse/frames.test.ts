import { createParser, type EventSourceMessage } from 'eventsource-parser';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ChangeFrames, encodeFrame, encodeRetry } from '../../../src/http/sse/frames.ts';
import type { ChangeView } from '../../../src/hub/change-view.ts';
import type { PlacedChange } from '../../../src/hub/hub.ts';
import { aStep, changesOf } from '../../hub/histories.ts';
import { frameId } from './running-streams.ts';

type ToldView = Exclude<ChangeView, { kind: 'nothing' }>;

const VIEWS: readonly ToldView[] = [
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
  const [a, b, c] = ['a', 'b', 'c'].map((text) => Buffer.from(text)) as [Buffer, Buffer, Buffer];

  test('are one Buffer, which viewers share who are told the same', () => {
    const frames = new ChangeFrames();
    const whole = frames.join([a, b]);
    expect(whole?.toString()).toBe('ab');
    expect(frames.join([a, b])).toBe(whole);
  });

  test.each([[[a, c]], [[b, a]], [[a, b, c]], [[b, c]]])(
    'are never those of another viewer',
    (others) => {
      const frames = new ChangeFrames();
      frames.join([a, b]);
      expect(frames.join(others)?.toString()).toBe(others.join(''));
      expect(frames.join([a, b])?.toString()).toBe('ab');
    },
  );

  test('are the frame itself where there is one, and nothing where there is none', () => {
    expect(new ChangeFrames().join([a])).toBe(a);
    expect(new ChangeFrames().join([])).toBeUndefined();
  });
});
