import type { RefreshReason } from '@tasktrail/contract';
import { describe, expect, test } from 'vitest';
import { ChangeHub } from '../../src/hub/change-hub.ts';
import type { Follower, Interest, PlacedChange } from '../../src/hub/hub.ts';
import type { FeedEntry } from '../../src/tailer/tailer.ts';
import { aStep, changesOf, EPOCH, EVERYTHING, placeId, type TaskStep } from './histories.ts';

const START = { epoch: EPOCH, id: placeId(0) };

describe('before it is filled', () => {
  test('a hub is not ready, has no position, and takes every cursor for later', () => {
    const hub = new ChangeHub(10, { onChanges: () => {} });
    expect(hub.health().ready).toBe(false);
    expect(hub.head).toBeUndefined();
    expect(hub.resume({ epoch: EPOCH, id: placeId(3) })).toEqual({ kind: 'ahead' });
    expect(hub.changesAfter(placeId(3))).toBeUndefined();
  });

  test('a hub is ready once it is filled, even with nothing', () => {
    const { hub } = filledHub();
    expect(hub.health()).toEqual({ ready: true, details: { head: placeId(0) } });
  });
});

describe('changes', () => {
  test('are handed over before the head moves past them, and stay for those who come later', () => {
    const { hub, follow } = filledHub();
    const heads: unknown[] = [];
    const follower = follow(EVERYTHING, () => heads.push(hub.head));
    hub.advance(entriesOf([aStep(), aStep({ status: 'success' })]), at(7));
    expect(follower.changes.map(({ position }) => position.id)).toEqual([placeId(0), placeId(1)]);
    expect(heads).toEqual([at(0)]);
    expect(hub.head).toEqual(at(7));
    expect(hub.changesAfter(placeId(0))).toEqual(follower.changes.slice(1));
  });

  test('carry the audience that the task has after them', () => {
    const { hub, follow } = filledHub();
    const follower = follow(EVERYTHING);
    const step = aStep({ actor: 'slack:U1', responsible: ['slack:U2', 'slack:U1'] });
    hub.advance(entriesOf([step]), at(1));
    expect(follower.changes[0]?.audience.toSorted()).toEqual(['slack:U1', 'slack:U2']);
  });

  test('that are none move the head and are handed to nobody', () => {
    const { hub, follow } = filledHub();
    const follower = follow(EVERYTHING);
    hub.advance([], at(9));
    expect(hub.head).toEqual(at(9));
    expect(follower.deliveries).toBe(0);
  });

  test('reach nobody who has left', () => {
    const { hub, follow } = filledHub();
    const follower = follow(EVERYTHING);
    hub.unfollow(follower);
    hub.unfollow(follower);
    hub.advance(entriesOf([aStep()]), at(1));
    expect(follower.deliveries).toBe(0);
  });

  test('are observed once, however many follow', () => {
    const { hub, follow, observed } = filledHub();
    follow(EVERYTHING);
    follow(EVERYTHING);
    hub.advance(entriesOf([aStep(), aStep()]), at(2));
    hub.advance([], at(3));
    expect(observed.map((changes) => changes.length)).toEqual([2]);
  });
});

describe('a reset', () => {
  test.each([
    ['epoch', 'cursor_epoch'],
    ['resync', 'resync'],
  ] as const)('by cause %s tells everyone %s, also who may see nothing', (cause, reason) => {
    const { hub, follow } = filledHub();
    const followers = [
      follow(EVERYTHING),
      follow({ ...EVERYTHING, filter: { project: 'houlak/one', statuses: [] } }),
      follow({ ...EVERYTHING, sight: { kind: 'own', principals: new Set(['a:1', 'a:2']) } }),
      follow({ ...EVERYTHING, sight: { kind: 'own', principals: new Set() } }),
    ];
    hub.reset([], placeId(0), { epoch: 'e2', id: placeId(0) }, cause);
    expect(followers.map(({ refreshes }) => refreshes)).toEqual(followers.map(() => [reason]));
  });

  test('has already happened when followers are told', () => {
    const { hub, follow } = filledHub();
    const heads: unknown[] = [];
    follow(
      EVERYTHING,
      () => {},
      () => heads.push(hub.head),
    );
    hub.reset([], placeId(4), { epoch: 'e2', id: placeId(4) }, 'epoch');
    expect(heads).toEqual([{ epoch: 'e2', id: placeId(4) }]);
  });

  test('begins with its entries after its floor, as many as are kept', () => {
    const { hub } = filledHub(3);
    hub.reset(entriesOf([aStep(), aStep(), aStep()], 5), placeId(3), at(9), 'start');
    expect(hub.changesAfter(placeId(2))).toBeUndefined();
    expect(hub.changesAfter(placeId(3))).toHaveLength(3);
    expect(hub.head).toEqual(at(9));
  });

  test('makes every cursor of the old epoch void, and keeps nothing of it', () => {
    const { hub } = filledHub();
    hub.advance(entriesOf([aStep()], 1), at(1));
    hub.reset([], placeId(0), { epoch: 'e2', id: placeId(0) }, 'epoch');
    expect(hub.resume(at(1))).toEqual({ kind: 'refresh', reason: 'cursor_epoch' });
    expect(hub.changesAfter(placeId(0))).toEqual([]);
  });
});

interface RecordingFollower extends Follower {
  readonly changes: PlacedChange[];
  readonly refreshes: RefreshReason[];
  deliveries: number;
}

function filledHub(limit = 10) {
  const observed: (readonly PlacedChange[])[] = [];
  const hub = new ChangeHub(limit, { onChanges: (changes) => observed.push(changes) });
  hub.reset([], START.id, START, 'start');
  const follow = (interest: Interest, onDeliver = () => {}, onRefresh = () => {}) => {
    const follower: RecordingFollower = {
      interest,
      changes: [],
      refreshes: [],
      deliveries: 0,
      deliver: (told) => {
        follower.deliveries += 1;
        follower.changes.push(...told.map(({ placed }) => placed));
        onDeliver();
      },
      refresh: (reason) => {
        follower.refreshes.push(reason);
        onRefresh();
      },
    };
    hub.follow(follower);
    return follower;
  };
  return { hub, follow, observed };
}

function entriesOf(steps: readonly TaskStep[], from = 0): FeedEntry[] {
  return changesOf(steps, { from }).map(({ position, change }) => ({ id: position.id, change }));
}

function at(place: number) {
  return { epoch: EPOCH, id: placeId(place) };
}
