import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { viewChange } from '../../src/hub/change-view.ts';
import { FollowerIndex } from '../../src/hub/follower-index.ts';
import type { Follower, Interest, PlacedChange } from '../../src/hub/hub.ts';
import { histories, interests } from './histories.ts';

const crowds = fc.array(interests, { maxLength: 12 }).map((all) => all.map(followerOf));

describe('whom changes concern', () => {
  test('is everyone who is told something, and each gets those changes in order', () => {
    fc.assert(
      fc.property(crowds, histories, (followers, changes) => {
        const concerned = indexOf(followers).concerned(changes);
        for (const follower of followers) {
          const handed = concerned.get(follower) ?? [];
          expect(handed).toEqual(changes.filter((change) => handed.includes(change)));
          const told = changes.filter(
            (change) => viewChange(change, follower.interest).kind !== 'nothing',
          );
          for (const change of told) expect(handed).toContain(change);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('is nobody whose principals are in no audience, nor who watches another project', () => {
    fc.assert(
      fc.property(crowds, histories, (followers, changes) => {
        for (const [{ interest }, handed] of indexOf(followers).concerned(changes)) {
          for (const change of handed) expect(mayConcern(interest, change)).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('is nobody who has left', () => {
    fc.assert(
      fc.property(crowds, histories, fc.func(fc.boolean()), (followers, changes, stays) => {
        const index = indexOf(followers);
        const stayed = followers.filter((follower) => stays(followers.indexOf(follower)));
        for (const follower of followers) if (!stayed.includes(follower)) index.remove(follower);
        expect(index.concerned(changes)).toEqual(indexOf(stayed).concerned(changes));
      }),
    );
  });
});

function mayConcern({ filter, sight }: Interest, { audience, change }: PlacedChange): boolean {
  if (sight.kind === 'everything') {
    return filter.project === undefined || filter.project === change.item.project;
  }
  const audiences = [...audience, ...(change.previous?.audience ?? [])];
  return audiences.some((principal) => sight.principals.has(principal));
}

function followerOf(interest: Interest): Follower {
  return { interest, deliver: () => {}, refresh: () => {} };
}

function indexOf(followers: readonly Follower[]): FollowerIndex {
  const index = new FollowerIndex();
  for (const follower of followers) index.add(follower);
  return index;
}
