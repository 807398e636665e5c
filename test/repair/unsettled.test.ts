import type { StreamId } from '@tasktrail/contract';
import { describe, expect, test } from 'vitest';
import type { MomentPlace } from '../../src/repair/moment.ts';
import { hashOf } from '../../src/repair/slice.ts';
import { Unsettled } from '../../src/repair/unsettled.ts';
import { idOf } from '../fixtures/events.ts';

const AT = idOf('9-0');

function place(checkpoint: StreamId | undefined, hasWaiting: boolean): MomentPlace {
  return {
    checkpoint,
    hasWaiting,
    epoch: 'e1',
    gone: undefined,
    isAnew: false,
    first: undefined,
    isBeyond: false,
    holdsLast: true,
  };
}

describe('a row that was written', () => {
  test('may be overwritten while the checkpoint is the same and events wait', () => {
    const unsettled = new Unsettled();
    unsettled.add('run-1', AT, ['set']);
    unsettled.settle(place(AT, true));
    expect(unsettled.size).toBe(1);
    expect(unsettled.takeDoubtful()).toEqual(new Map());
    expect(unsettled.lowestHash()).toBe(hashOf('run-1'));
  });

  test.for<[string, StreamId | undefined, MomentPlace]>([
    ['once the checkpoint has moved on', AT, place(idOf('10-0'), true)],
    ['once the first was applied', undefined, place(idOf('10-0'), true)],
    ['while no event waits', AT, place(AT, false)],
  ])('is certain %s', ([, at, now]) => {
    const unsettled = new Unsettled();
    unsettled.add('run-1', at, ['set']);
    unsettled.settle(now);
    expect(unsettled.size).toBe(0);
    expect(unsettled.lowestHash()).toBeUndefined();
  });

  test('is certain once every commit that had begun is refused', () => {
    const unsettled = new Unsettled();
    unsettled.add('run-1', AT, ['set']);
    unsettled.settleRefused(place(AT, true));
    expect(unsettled.size).toBe(0);
  });

  test('is to be compared again, in its sets, when an event of it was moved over', () => {
    const unsettled = new Unsettled();
    unsettled.add('run-1', AT, ['set']);
    unsettled.add('run-2', AT, []);
    for (const id of ['run-1', 'run-3']) unsettled.onNamed(id);
    unsettled.settle(place(idOf('10-0'), false));
    expect(unsettled.takeDoubtful()).toEqual(new Map([['run-1', new Set(['set'])]]));
    expect(unsettled.size).toBe(0);
  });

  test('is as new when it is written again', () => {
    const unsettled = new Unsettled();
    unsettled.add('run-1', AT, ['set']);
    unsettled.onNamed('run-1');
    unsettled.add('run-1', idOf('10-0'), ['other']);
    expect(unsettled.takeDoubtful()).toEqual(new Map());
    unsettled.settle(place(idOf('10-0'), true));
    expect(unsettled.size).toBe(1);
  });
});
