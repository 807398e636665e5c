import {
  type ClientPosition,
  compareStreamIds,
  laterStreamId,
  type Position,
  type RefreshReason,
  type StreamId,
} from '@tasktrail/contract';
import type { PlacedChange, Resume } from '../../hub/hub.ts';
import type { StreamOutcome } from './sse.ts';

/**
 * Where one stream is, and what it does next: decisions without I/O.
 *
 * `guard` is the one monotone bound of a connection: nothing at or before it is ever sent. It is
 * what makes replay and live one sequence without a gap or a duplicate. (ARCHITECTURE.md,
 * invariant 4)
 */
export type StreamState =
  /** It has everything up to the hub's head. */
  | { readonly kind: 'live'; readonly guard: StreamId }
  /** It has more than this hub: held back until the hub gets there, or until the time is up. */
  | { readonly kind: 'ahead'; readonly guard: StreamId; readonly untilMs: number }
  /** It does not read: it has everything up to `at` and waits for its buffer to drain. */
  | {
      readonly kind: 'parked';
      readonly at: Position;
      readonly untilMs: number;
      /** What happened to the history meanwhile, to be told first. */
      readonly owed: RefreshReason | undefined;
    }
  /** Its last frame has been written. */
  | { readonly kind: 'ended'; readonly untilMs: number };

/** How long a client may be ahead: a moment is normal after a fresh snapshot. */
const AHEAD_WAIT_MS = 2500;
/** How long a client that does not read keeps its connection. */
export const PARKED_WAIT_MS = 60_000;
/** How long a client has to take its last frame. */
export const ENDED_WAIT_MS = 2000;

/** What a client sent as its cursor: nothing, something that is no position, or a position. */
export type ClientCursor = ClientPosition | 'invalid' | undefined;

/** How a stream begins. */
export interface Beginning {
  readonly state: StreamState;
  readonly outcome: StreamOutcome;
  readonly changes: readonly PlacedChange[];
  readonly refresh: RefreshReason | undefined;
}

export function beginStream(
  cursor: ClientCursor,
  head: Position,
  resume: (cursor: ClientPosition) => Resume,
  nowMs: number,
): Beginning {
  const live: StreamState = { kind: 'live', guard: head.id };
  const none = { changes: [], refresh: undefined };
  if (cursor === undefined) return { ...none, state: live, outcome: 'live' };
  if (cursor === 'invalid') return refreshed(live, 'cursor_invalid');
  const { id } = cursor;
  const resumed = resume(cursor);
  switch (resumed.kind) {
    case 'replay':
      return { ...none, ...resumed, state: { kind: 'live', guard: id }, outcome: 'replayed' };
    case 'ahead': {
      const state: StreamState = { kind: 'ahead', guard: id, untilMs: nowMs + AHEAD_WAIT_MS };
      return { ...none, state, outcome: 'ahead' };
    }
    case 'refresh':
      return refreshed(live, resumed.reason);
  }
}

function refreshed(state: StreamState, refresh: RefreshReason): Beginning {
  return { state, outcome: refresh, changes: [], refresh };
}

/** What a stream that waits does as time passes. */
export type Tick =
  | { readonly kind: 'wait' }
  /** The hub has come to where the client is. */
  | { readonly kind: 'caught_up'; readonly state: StreamState }
  | { readonly kind: 'refresh'; readonly reason: RefreshReason; readonly state: StreamState }
  | { readonly kind: 'keepalive' }
  /** It has not read for too long. */
  | { readonly kind: 'end' }
  /** It has not even taken its last frame. */
  | { readonly kind: 'destroy' };

/**
 * @param idleMs since anything was written
 */
export function tickStream(
  state: StreamState,
  head: Position,
  nowMs: number,
  idleMs: number,
  heartbeatMs: number,
): Tick {
  switch (state.kind) {
    case 'live':
      return idleMs >= heartbeatMs ? { kind: 'keepalive' } : { kind: 'wait' };
    case 'ahead':
      if (compareStreamIds(head.id, state.guard) >= 0) {
        return { kind: 'caught_up', state: { kind: 'live', guard: state.guard } };
      }
      if (nowMs < state.untilMs) return { kind: 'wait' };
      return { kind: 'refresh', reason: 'cursor_ahead', state: { kind: 'live', guard: head.id } };
    case 'parked':
      return nowMs < state.untilMs ? { kind: 'wait' } : { kind: 'end' };
    case 'ended':
      return nowMs < state.untilMs ? { kind: 'wait' } : { kind: 'destroy' };
  }
}

/** The position that the client has, once it has read what was written. */
export function positionOf(
  state: Exclude<StreamState, { readonly kind: 'ended' }>,
  head: Position,
): Position {
  switch (state.kind) {
    case 'live':
      return { epoch: head.epoch, id: laterStreamId(state.guard, head.id) };
    case 'ahead':
      return { epoch: head.epoch, id: state.guard };
    case 'parked':
      return state.at;
  }
}

/** What a guard lets pass of changes, or of what is told of them. */
export function afterGuard<C extends Pick<PlacedChange, 'position'>>(
  guard: StreamId,
  changes: readonly C[],
): readonly C[] {
  const first = changes[0];
  // Almost always all of them are later: then it stays the array that others share.
  if (first === undefined || compareStreamIds(first.position.id, guard) > 0) return changes;
  return changes.filter(({ position }) => compareStreamIds(position.id, guard) > 0);
}
