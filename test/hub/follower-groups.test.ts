import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { viewChange } from '../../src/hub/change-view.ts';
import { FollowerGroups } from '../../src/hub/follower-groups.ts';
import type { Follower, Interest, PlacedChange } from '../../src/hub/hub.ts';
import { aStep, changesOf, EVERYTHING, histories, interests } from './histories.ts';

const crowds = fc.array(interests, { maxLength: 12 }).map((all) => all.map(followerOf));

describe('what followers are told', () => {
  test('INV5: is what each would be told by itself, and nothing where that is nothing', () => {
    fc.assert(
      fc.property(crowds, histories, (followers, changes) => {
        const told = toldOf(groupsOf(followers), changes);
        for (const follower of followers) {
          const own = changes
            .map((placed) => ({ placed, view: viewChange(placed, follower.interest) }))
            .filter(({ view }) => view.kind !== 'nothing');
          const handed = told.get(follower);
          expect(handed?.map(({ placed, view }) => ({ placed, view })) ?? []).toEqual(own);
          expect(handed === undefined).toBe(own.length === 0);
          for (const { position, placed } of handed ?? []) expect(position).toBe(placed.position);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('is one array for those who want the same, in whichever order they said it', () => {
    const changes = changesOf([aStep({ actor: 'slack:U1' })]);
    const one = followerOf(interestOf(['queued', 'in_progress'], ['slack:U1', 'slack:U2']));
    const same = followerOf(interestOf(['in_progress', 'queued'], ['slack:U2', 'slack:U1']));
    const told = toldOf(groupsOf([one, same]), changes);
    expect(told.get(one)).toHaveLength(1);
    expect(told.get(same)).toBe(told.get(one));
  });

  test('is another array for others, also where they are told the same', () => {
    const changes = changesOf([aStep({ actor: 'slack:U1' })]);
    const followers = [
      followerOf(EVERYTHING),
      followerOf({ ...EVERYTHING, filter: { project: 'houlak/one', statuses: [] } }),
      followerOf(interestOf(['in_progress'], ['slack:U1'])),
      followerOf(interestOf(['in_progress'], ['slack:U1', 'slack:U2'])),
    ];
    const told = toldOf(groupsOf(followers), changes);
    expect(new Set(followers.map((follower) => told.get(follower))).size).toBe(followers.length);
  });
});

test('who has left is told nothing, and those who want the same go on', () => {
  const changes = changesOf([aStep()]);
  const [one, other] = [followerOf(EVERYTHING), followerOf({ ...EVERYTHING })];
  const groups = groupsOf([one, other]);
  groups.remove(one);
  groups.remove(one);
  expect([...toldOf(groups, changes).keys()]).toEqual([other]);
  expect(groups.all()).toEqual([other]);
  groups.remove(other);
  expect(toldOf(groups, changes).size).toBe(0);
  expect(groups.all()).toEqual([]);
});

test('everyone is there once, whatever they may see', () => {
  fc.assert(
    fc.property(crowds, (followers) => {
      const all = groupsOf(followers).all();
      expect(all).toHaveLength(followers.length);
      expect(new Set(all)).toEqual(new Set(followers));
    }),
  );
});

function toldOf(groups: FollowerGroups, changes: readonly PlacedChange[]) {
  const told = [...groups.told(changes)];
  return new Map(
    told.flatMap(([{ followers }, ofGroup]) =>
      [...followers].map((follower) => [follower, ofGroup] as const),
    ),
  );
}

function interestOf(
  statuses: Interest['filter']['statuses'],
  principals: readonly string[],
): Interest {
  return {
    filter: { project: undefined, statuses },
    sight: { kind: 'own', principals: new Set(principals) },
  };
}

function followerOf(interest: Interest): Follower {
  return { interest, deliver: () => {}, refresh: () => {} };
}

function groupsOf(followers: readonly Follower[]): FollowerGroups {
  const groups = new FollowerGroups();
  for (const follower of followers) groups.add(follower);
  return groups;
}
