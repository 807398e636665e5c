import { compareStreamIds, type StreamId } from '@tasktrail/contract';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PlacedChange } from '../../src/hub/hub.ts';
import { ReplayWindow } from '../../src/hub/replay-window.ts';
import { aStep, changesOf, EPOCH, placeId } from './histories.ts';

/** How far the history goes: changes at some of its places, nothing at the others. */
interface Growth {
  readonly isChange: readonly boolean[];
}

const growths: fc.Arbitrary<Growth> = fc.record({
  isChange: fc.array(fc.boolean(), { maxLength: 12 }),
});

/** The window as a list of everything, cut when it is asked. */
class NaiveWindow {
  #all: PlacedChange[] = [];
  readonly #limit: number;
  readonly #floor: StreamId;

  constructor(limit: number, floor: StreamId) {
    this.#limit = limit;
    this.#floor = floor;
  }

  append(changes: readonly PlacedChange[]): void {
    this.#all = [...this.#all, ...changes];
  }

  after(id: StreamId): PlacedChange[] | undefined {
    const left = this.#all.slice(0, Math.max(0, this.#all.length - this.#limit));
    const floor = left.at(-1)?.position.id ?? this.#floor;
    if (compareStreamIds(id, floor) < 0) return undefined;
    return this.#all.filter(({ position }) => compareStreamIds(position.id, id) > 0);
  }
}

describe('a window and a list of everything', () => {
  const scripts = fc.record({
    limit: fc.integer({ min: 1, max: 8 }),
    start: fc.nat(5),
    growths: fc.array(growths, { maxLength: 12 }),
  });

  test('give the same changes after every position, at every moment', () => {
    fc.assert(
      fc.property(scripts, ({ limit, start, growths }) => {
        const floor = placeId(start);
        const window = new ReplayWindow(limit, floor, { epoch: EPOCH, id: floor });
        const naive = new NaiveWindow(limit, floor);
        let head = start;
        for (const { isChange } of growths) {
          const changes = isChange.flatMap((is, index) => (is ? changeAt(head + 1 + index) : []));
          head += isChange.length;
          window.append(changes, placeId(head));
          naive.append(changes);
          expect(window.head).toEqual({ epoch: EPOCH, id: placeId(head) });
          for (let place = start - 2; place <= head; place += 1) {
            const expected = naive.after(placeId(place));
            expect(window.after(placeId(place))).toEqual(expected);
            for (const epoch of [EPOCH, undefined]) {
              expect(window.resume({ epoch, id: placeId(place) })).toEqual(
                expected === undefined
                  ? { kind: 'refresh', reason: 'cursor_expired' }
                  : { kind: 'replay', changes: expected },
              );
            }
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  test('a window keeps no more than its limit, whatever comes at once', () => {
    const window = new ReplayWindow(3, placeId(0), { epoch: EPOCH, id: placeId(0) });
    for (let place = 1; place <= 100; place += 10) {
      const changes = Array.from({ length: 10 }, (_, index) => changeAt(place + index)).flat();
      window.append(changes, placeId(place + 9));
      expect(window.after(placeId(place + 6))).toHaveLength(3);
      expect(window.after(placeId(place + 5))).toBeUndefined();
    }
  });
});

describe('a cursor', () => {
  const window = new ReplayWindow(3, placeId(0), { epoch: EPOCH, id: placeId(0) });
  window.append(changeAt(1), placeId(4));

  test('after the head is ahead', () => {
    expect(window.resume({ epoch: EPOCH, id: placeId(5) })).toEqual({ kind: 'ahead' });
    expect(window.resume({ epoch: undefined, id: placeId(5) })).toEqual({ kind: 'ahead' });
  });

  test('at the head, past the last change, has everything', () => {
    expect(window.resume({ epoch: EPOCH, id: placeId(4) })).toEqual({
      kind: 'replay',
      changes: [],
    });
  });

  test.each([0, 4, 5])('of another epoch is refused, wherever it is (place %i)', (place) => {
    expect(window.resume({ epoch: 'e0', id: placeId(place) })).toEqual({
      kind: 'refresh',
      reason: 'cursor_epoch',
    });
  });
});

function changeAt(place: number): PlacedChange[] {
  return changesOf([aStep()], { from: place });
}
