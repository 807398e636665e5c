import type { Position, RemovalReason, TaskStatus } from '@tasktrail/contract';
import { type Audience, canSee } from '../auth/visibility.ts';
import type { Interest, PlacedChange } from './hub.ts';

/** What one viewer is told of a change. */
export type ChangeView =
  | { readonly kind: 'updated'; readonly previousStatus: TaskStatus | null }
  | { readonly kind: 'removed'; readonly reason: RemovalReason }
  /** It does not concern this viewer. */
  | { readonly kind: 'nothing' };

/** A change of which a viewer is told, and what. */
export interface ToldChange {
  readonly position: Position;
  readonly placed: PlacedChange;
  readonly view: Exclude<ChangeView, { readonly kind: 'nothing' }>;
}

/** What of some changes a viewer is told, in their order. */
export function tell(changes: readonly PlacedChange[], interest: Interest): ToldChange[] {
  const told: ToldChange[] = [];
  for (const placed of changes) {
    const view = viewChange(placed, interest);
    if (view.kind !== 'nothing') told.push({ position: placed.position, placed, view });
  }
  return told;
}

/**
 * Judges a change by the audience and status that it had at its own position, before and after:
 * a viewer who loses a task is told so, and one who never had it is told nothing.
 * (ARCHITECTURE.md, invariant 5)
 */
export function viewChange({ change, audience }: PlacedChange, interest: Interest): ChangeView {
  const { item, previous } = change;
  const { project, status } = item;
  const passedBefore = previous !== null && passes(interest, { project, ...previous });
  if (passes(interest, { project, status, audience })) {
    return { kind: 'updated', previousStatus: passedBefore ? previous.status : null };
  }
  if (!passedBefore) return { kind: 'nothing' };
  return { kind: 'removed', reason: canSee(interest.sight, audience) ? 'filtered' : 'not_visible' };
}

interface Facts {
  readonly project: string;
  readonly status: TaskStatus;
  readonly audience: Audience;
}

function passes({ filter, sight }: Interest, { project, status, audience }: Facts): boolean {
  return (
    (filter.project === undefined || filter.project === project) &&
    (filter.statuses.length === 0 || filter.statuses.includes(status)) &&
    canSee(sight, audience)
  );
}
