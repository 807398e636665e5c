import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PageQueue, type Turn } from '../../src/http/page-queue.ts';

const PLACES = 4;
const MAX_WAITING = 6;
const VIEWERS = ['ana', 'ben', 'eve'] as const;

const turn = (viewer: string): Turn => ({ viewer });

/** Fills the places with requests of nobody in particular. */
function busyQueue(places = PLACES, maxWaiting = MAX_WAITING) {
  const queue = new PageQueue<Turn>({ places, maxWaiting });
  const busy = Array.from({ length: places }, (_, place) => `busy-${place}`);
  for (const viewer of busy) expect(queue.arrive(turn(viewer)).kind).toBe('begin');
  return { queue, finishOne: () => queue.finish(busy.pop() ?? '') };
}

test('one viewer holds half of the places at most, and another begins at once beside it', () => {
  const queue = new PageQueue<Turn>({ places: 4, maxWaiting: 10 });
  const kinds = Array.from({ length: 4 }, () => queue.arrive(turn('ana')).kind);
  expect(kinds).toEqual(['begin', 'begin', 'wait', 'wait']);
  expect(queue.arrive(turn('ben')).kind).toBe('begin');
  expect(queue).toMatchObject({ inWork: 3, waiting: 2 });
});

test('of one place alone anybody has all', () => {
  const queue = new PageQueue<Turn>({ places: 1, maxWaiting: 0 });
  expect(queue.arrive(turn('ana')).kind).toBe('begin');
  expect(queue.arrive(turn('ben')).kind).toBe('refuse');
});

test('those who wait take turns, however many requests each of them has', () => {
  const { queue, finishOne } = busyQueue();
  for (const viewer of ['ana', 'ana', 'ana', 'ben', 'eve']) queue.arrive(turn(viewer));
  const order = Array.from({ length: PLACES }, () => finishOne()?.viewer);
  expect(order).toEqual(['ana', 'ben', 'eve', 'ana']);
});

describe('a full queue', () => {
  test('refuses whoever has most of it, and that the latest first', () => {
    const { queue } = busyQueue();
    const ofAna = Array.from({ length: MAX_WAITING }, () => turn('ana'));
    for (const one of ofAna) queue.arrive(one);
    expect(queue.arrive(turn('ana'))).toEqual({ kind: 'refuse' });
    const first = queue.arrive(turn('ben'));
    expect(first.kind === 'wait' && first.displaced).toBe(ofAna.at(-1));
    expect(queue.waiting).toBe(MAX_WAITING);
  });

  test('is not reshuffled for somebody who has as much of it', () => {
    const { queue } = busyQueue(PLACES, 4);
    for (const viewer of ['ana', 'ana', 'ben', 'eve']) queue.arrive(turn(viewer));
    expect(queue.arrive(turn('ben')).kind).toBe('refuse');
    expect(queue.arrive(turn('fay')).kind).toBe('wait');
  });
});

describe('of those who wait for the same page', () => {
  const forPage = (viewer: string, page: string): Turn => ({ viewer, page });

  test('only the first counts, for as long as there is one', () => {
    const { queue } = busyQueue(PLACES, 2);
    const turns = ['ana', 'ana', 'ben'].map((viewer) => forPage(viewer, 'one'));
    for (const one of turns) expect(queue.arrive(one).kind).toBe('wait');
    expect(queue.arrive(forPage('cleo', 'two')).kind).toBe('wait');
    expect(queue.waiting).toBe(4);
    expect(queue.arrive(forPage('eve', 'three')).kind).toBe('refuse');
    for (const one of turns) {
      expect(queue.arrive(forPage('eve', 'three')).kind).toBe('refuse');
      queue.leave(one);
    }
    expect(queue.arrive(forPage('eve', 'three')).kind).toBe('wait');
  });

  test('none is refused to make room, because it would make none', () => {
    const { queue } = busyQueue(PLACES, 3);
    const ofAna = ['one', 'two', 'two', 'three', 'three'].map((page) => forPage('ana', page));
    for (const one of ofAna) queue.arrive(one);
    const arrival = queue.arrive(turn('ben'));
    expect(arrival.kind === 'wait' && arrival.displaced).toBe(ofAna[3]);
  });
});

test('who has left waits no more, once', () => {
  const { queue, finishOne } = busyQueue();
  const [first, second] = [turn('ana'), turn('ana')];
  for (const one of [first, second]) queue.arrive(one);
  expect(queue.leave(first)).toBe(true);
  expect(queue.leave(first)).toBe(false);
  expect(finishOne()).toBe(second);
  expect(queue.leave(second)).toBe(false);
});

type Step = { readonly kind: 'arrive' | 'finish' | 'leave'; readonly viewer: string };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    kind: fc.constantFrom('arrive', 'arrive', 'finish', 'leave'),
    viewer: fc.constantFrom(...VIEWERS),
  }),
  { maxLength: 60, size: 'max' },
);

test('the bounds hold at any moment, and no place is free while somebody waits who may take it', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(steps, (script) => {
      const queue = new PageQueue<Turn>({ places: PLACES, maxWaiting: MAX_WAITING });
      const inWork: Turn[] = [];
      const waiting: Turn[] = [];
      const take = (list: Turn[], one: Turn) => list.splice(list.indexOf(one), 1);
      const holds = (list: Turn[], viewer: string) =>
        list.filter((one) => one.viewer === viewer).length;
      for (const { kind, viewer } of script) {
        if (kind === 'arrive') {
          const one = turn(viewer);
          const arrival = queue.arrive(one);
          seen.add(arrival.kind);
          if (arrival.kind === 'begin') inWork.push(one);
          if (arrival.kind === 'wait') {
            waiting.push(one);
            if (arrival.displaced !== undefined) {
              seen.add('displaced');
              take(waiting, arrival.displaced);
            }
          }
        }
        const working = inWork.find((one) => one.viewer === viewer);
        if (kind === 'finish' && working !== undefined) {
          take(inWork, working);
          const next = queue.finish(viewer);
          if (next !== undefined) inWork.push(...take(waiting, next));
        }
        const queued = waiting.find((one) => one.viewer === viewer);
        if (kind === 'leave' && queued !== undefined) {
          expect(queue.leave(queued)).toBe(true);
          take(waiting, queued);
        }
        expect(queue).toMatchObject({ inWork: inWork.length, waiting: waiting.length });
        expect(inWork.length).toBeLessThanOrEqual(PLACES);
        expect(waiting.length).toBeLessThanOrEqual(MAX_WAITING);
        for (const one of VIEWERS) expect(holds(inWork, one)).toBeLessThanOrEqual(PLACES / 2);
        if (inWork.length === PLACES) continue;
        for (const one of waiting) expect(holds(inWork, one.viewer)).toBe(PLACES / 2);
      }
    }),
    { numRuns: 500 },
  );
  expect([...seen].sort()).toEqual(['begin', 'displaced', 'refuse', 'wait']);
});
