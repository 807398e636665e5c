import type {
  ClientPosition,
  Position,
  RefreshReason,
  StreamId,
  TaskChange,
} from '@tasktrail/contract';
import type { Audience, Sight } from '../auth/visibility.ts';
import type { TaskFilter } from '../read-model/read-model.ts';
import type { ToldChange } from './change-view.ts';

/**
 * The hub: the latest changes, bounded, and everyone who follows them.
 *
 * `replay-window.ts` keeps the changes and decides how a cursor goes on; `follower-groups.ts` holds
 * those together who want the same; `follower-index.ts` finds which of these a change may concern;
 * `change-view.ts` decides what they are told of it; `change-hub.ts` fans out. The tailer fills it, and
 * the connections of the SSE stream follow it.
 *
 * A follower that reads is always exactly at the hub's head: every change that concerns it is
 * handed over within the same turn of the event loop. One that does not read keeps its own
 * position, and goes on from the window when it reads again.
 */
export interface Hub {
  /** Where the hub is; undefined until it has been filled. */
  readonly head: Position | undefined;
  /** Hands over every later change. Nothing is delivered before this returns. */
  follow(follower: Follower): void;
  unfollow(follower: Follower): void;
  /** How a client goes on that comes with this cursor. */
  resume(cursor: ClientPosition): Resume;
  /** Every change after a position of the current history; undefined when some have left. */
  changesAfter(id: StreamId): readonly PlacedChange[] | undefined;
}

/** A change at its place in the history. */
export interface PlacedChange {
  readonly position: Position;
  readonly change: TaskChange;
  /** Who may see the task after the change: computed once, for all viewers. */
  readonly audience: Audience;
}

/** What a follower wants: the filter of its query, and what its viewer may see. */
export interface Interest {
  readonly filter: TaskFilter;
  readonly sight: Sight;
}

export interface Follower {
  readonly interest: Interest;
  /** What it is told of the changes of one turn, in order: an array shared by all who want the same. */
  deliver(told: readonly ToldChange[]): void;
  /** The history was replaced, or cannot be proven to be whole: what it has is void. */
  refresh(reason: RefreshReason): void;
}

/** How a cursor goes on. */
export type Resume =
  | { readonly kind: 'replay'; readonly changes: readonly PlacedChange[] }
  /** The client is ahead of this hub: attach it, hold back what it has, and wait for the hub. */
  | { readonly kind: 'ahead' }
  | { readonly kind: 'refresh'; readonly reason: RefreshReason };
