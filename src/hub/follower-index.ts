import type { Follower, PlacedChange } from './hub.ts';

/**
 * Finds whom a change may concern without asking everyone: those who see everything are kept by
 * the project that they watch, the others by their principals. What a change costs therefore grows
 * with its audience and not with the viewers.
 */
export class FollowerIndex {
  readonly #all = new Set<Follower>();
  readonly #everything = new Set<Follower>();
  readonly #byProject = new Map<string, Set<Follower>>();
  readonly #byPrincipal = new Map<string, Set<Follower>>();

  add(follower: Follower): void {
    this.#all.add(follower);
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

  remove(follower: Follower): void {
    this.#all.delete(follower);
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

  /** Everyone, each once, also who has no principal and is concerned by nothing. */
  all(): Follower[] {
    return [...this.#all];
  }

  /** Who may be concerned by which of the changes, keeping their order. */
  concerned(changes: readonly PlacedChange[]): Map<Follower, readonly PlacedChange[]> {
    const found = new Map<Follower, readonly PlacedChange[]>();
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
  #ownersOf({ audience, change }: PlacedChange): Set<Follower> {
    const owners = new Set<Follower>();
    for (const principal of [...audience, ...(change.previous?.audience ?? [])]) {
      for (const follower of this.#byPrincipal.get(principal) ?? []) owners.add(follower);
    }
    return owners;
  }

  #lanesOf({
    interest,
  }: Follower): (readonly [Set<Follower> | Map<string, Set<Follower>>, string])[] {
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
