import type { Follower, Interest, PlacedChange } from './hub.ts';

/**
 * Finds whom a change may concern without asking everyone: those who see everything are kept by
 * the project that they watch, the others by their principals. What a change costs therefore grows
 * with its audience and not with the viewers.
 */
export class FollowerIndex<F extends { readonly interest: Interest } = Follower> {
  readonly #everything = new Set<F>();
  readonly #byProject = new Map<string, Set<F>>();
  readonly #byPrincipal = new Map<string, Set<F>>();

  add(follower: F): void {
    for (const [lane, key] of this.#lanesOf(follower)) {
      if (lane instanceof Set) {
        lane.add(follower);
        continue;
      }
      const followers = lane.get(key);
      if (followers === undefined) lane.set(key, new Set([follower]));
      else followers.add(follower);
    }
  }

  remove(follower: F): void {
    for (const [lane, key] of this.#lanesOf(follower)) {
      if (lane instanceof Set) {
        lane.delete(follower);
        continue;
      }
      const followers = lane.get(key);
      followers?.delete(follower);
      if (followers?.size === 0) lane.delete(key);
    }
  }

  /** Who may be concerned by which of the changes, keeping their order. */
  concerned(changes: readonly PlacedChange[]): Map<F, readonly PlacedChange[]> {
    const found = new Map<F, readonly PlacedChange[]>();
    for (const follower of this.#everything) found.set(follower, changes);
    // One array for a whole lane: ten thousand viewers of a project share it.
    for (const [project, ofProject] of groupBy(changes, (change) => [projectOf(change)])) {
      for (const follower of this.#byProject.get(project) ?? []) found.set(follower, ofProject);
    }
    for (const [follower, own] of groupBy(changes, (change) => this.#ownersOf(change))) {
      found.set(follower, own);
    }
    return found;
  }

  /** Whoever saw the task before the change or sees it after it. */
  #ownersOf({ audience, change }: PlacedChange): Set<F> {
    const owners = new Set<F>();
    for (const principal of [...audience, ...(change.previous?.audience ?? [])]) {
      for (const follower of this.#byPrincipal.get(principal) ?? []) owners.add(follower);
    }
    return owners;
  }

  #lanesOf({ interest }: F): (readonly [Set<F> | Map<string, Set<F>>, string])[] {
    const { sight, filter } = interest;
    if (sight.kind === 'own') {
      return [...sight.principals].map((principal) => [this.#byPrincipal, principal] as const);
    }
    return [
      filter.project === undefined ? [this.#everything, ''] : [this.#byProject, filter.project],
    ];
  }
}

function projectOf({ change }: PlacedChange): string {
  return change.item.project;
}

function groupBy<K>(
  changes: readonly PlacedChange[],
  keysOf: (change: PlacedChange) => Iterable<K>,
): Map<K, PlacedChange[]> {
  const groups = new Map<K, PlacedChange[]>();
  for (const change of changes) {
    for (const key of keysOf(change)) {
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [change]);
      else group.push(change);
    }
  }
  return groups;
}
