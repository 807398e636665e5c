import { type Principal, principalOf, type TaskItem } from '@tasktrail/contract';

/**
 * Who may see what: one predicate for snapshot, single task, replay and live stream.
 * (PROTOCOL.md, "Who may see what")
 */

/** The principals that may see a task: its creator and its responsible users, each once. */
export type Audience = readonly Principal[];

export function audienceOf(task: Pick<TaskItem, 'actor' | 'visibility'>): Audience {
  const principals = new Set(task.visibility.responsibleUsers);
  if (task.actor !== null) principals.add(principalOf(task.actor));
  return [...principals];
}

/** What a viewer may see: everything, or the tasks whose audience has one of their principals. */
export type Sight =
  | { readonly kind: 'everything' }
  | { readonly kind: 'own'; readonly principals: ReadonlySet<Principal> };

export function isSameSight(one: Sight, other: Sight): boolean {
  if (one.kind === 'everything' || other.kind === 'everything') return one.kind === other.kind;
  const { principals } = other;
  if (one.principals.size !== principals.size) return false;
  return [...one.principals].every((principal) => principals.has(principal));
}

export function canSee(sight: Sight, audience: Audience): boolean {
  return (
    sight.kind === 'everything' || audience.some((principal) => sight.principals.has(principal))
  );
}
