import { type ToldChange, tell } from './change-view.ts';
import { FollowerIndex } from './follower-index.ts';
import type { Follower, Interest, PlacedChange } from './hub.ts';

/** Followers with the same filter, who may see the same. */
export interface FollowerGroup {
  readonly interest: Interest;
  readonly followers: Iterable<Follower>;
}

interface Group extends FollowerGroup {
  readonly followers: Set<Follower>;
}

/**
 * Everyone who follows, by what they want. Whoever wants the same is told the same, so what that is
 * gets found out once, and thousands on one page of a dashboard cost little more than their writes.
 */
export class FollowerGroups {
  readonly #groups = new Map<string, Group>();
  readonly #index = new FollowerIndex<Group>();

  add(follower: Follower): void {
    const { interest } = follower;
    const key = keyOf(interest);
    const group = this.#groups.get(key);
    if (group !== undefined) {
      group.followers.add(follower);
      return;
    }
    const begun: Group = { interest, followers: new Set([follower]) };
    this.#groups.set(key, begun);
    this.#index.add(begun);
  }

  remove(follower: Follower): void {
    const key = keyOf(follower.interest);
    const group = this.#groups.get(key);
    if (group?.followers.delete(follower) !== true || group.followers.size > 0) return;
    this.#groups.delete(key);
    this.#index.remove(group);
  }

  /** Everyone, each once, also who is concerned by nothing. */
  all(): Follower[] {
    return [...this.#groups.values()].flatMap(({ followers }) => [...followers]);
  }

  /** Who is told what of the changes, in their order; whoever is told nothing is not there. */
  *told(
    changes: readonly PlacedChange[],
  ): Iterable<readonly [FollowerGroup, readonly ToldChange[]]> {
    for (const [group, concerning] of this.#index.concerned(changes)) {
      const told = tell(concerning, group.interest);
      if (told.length > 0) yield [group, told];
    }
  }
}

function keyOf({ filter, sight }: Interest): string {
  const principals = sight.kind === 'own' ? [...sight.principals].sort() : null;
  return JSON.stringify([principals, filter.project ?? null, [...filter.statuses].sort()]);
}
