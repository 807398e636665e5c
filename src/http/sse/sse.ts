import type { ReconnectReason, RefreshReason } from '@tasktrail/contract';

/**
 * The stream: a connection per viewer that follows the hub. (PROTOCOL.md, "The stream")
 *
 * `stream-state.ts` decides where a stream is and what it does next; `frames.ts` encodes;
 * `frame-writer.ts` writes to the connection that was taken from Node, within the bound of what may
 * wait for a client;
 * `stream-connection.ts` is one stream; `admission.ts` decides who may open one more;
 * `stream-registry.ts` holds all of them, their one timer, and the drain; `stream-route.ts` is what
 * a request becomes.
 */

/** Why a stream ended: what its last frame said, or that its client left. */
export type CloseReason = ReconnectReason | 'client';

/** How a stream began. */
export type StreamOutcome = 'live' | 'replayed' | 'ahead' | RefreshReason;

/** What the streams tell whoever measures them. */
export interface StreamObserver {
  onOpened(outcome: StreamOutcome): void;
  onClosed(reason: CloseReason): void;
  onRefused(reason: 'capacity' | 'draining' | 'viewer' | 'address'): void;
  onParked(): void;
  onUnparked(): void;
  onRefresh(reason: RefreshReason): void;
}
