import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Position, ReconnectReason, RefreshReason } from '@tasktrail/contract';
import type { Account } from '../../auth/auth.ts';
import { isSameSight, type Sight } from '../../auth/visibility.ts';
import { type ToldChange, tell } from '../../hub/change-view.ts';
import type { Follower, Hub, Interest, PlacedChange } from '../../hub/hub.ts';
import type { Clock } from '../../runtime/clock.ts';
import { FrameWriter } from './frame-writer.ts';
import { type ChangeFrames, encodeFrame, encodeRetry, isTold } from './frames.ts';
import type { CloseReason, StreamObserver } from './sse.ts';
import {
  afterGuard,
  beginStream,
  type ClientCursor,
  ENDED_WAIT_MS,
  PARKED_WAIT_MS,
  positionOf,
  type StreamState,
  tickStream,
} from './stream-state.ts';

export interface StreamConnectionOptions {
  /** Its head has been written: status 200 and the headers of a stream. */
  readonly response: Socket | ServerResponse;
  readonly hub: Hub;
  readonly viewer: Account;
  readonly interest: Interest;
  readonly cursor: ClientCursor;
  readonly frames: ChangeFrames;
  /** How long it is silent at most; jittered, so that streams that began together part. */
  readonly heartbeatMs: number;
  /** When its token ends, by the clock on the wall. */
  readonly tokenEndsAtMs: number;
  /** How long it lasts at most, in milliseconds; jittered. */
  readonly lifetimeMs: number;
  /** How long the client waits before it reconnects, in milliseconds; jittered. */
  readonly retryMs: () => number;
  readonly clock: Clock;
  readonly observer: StreamObserver;
}

/**
 * One stream. It is handed every change that concerns it as it happens, or, while its client does
 * not read, catches up from the replay window; either way nothing is dropped silently.
 */
export class StreamConnection implements Follower {
  readonly #options: StreamConnectionOptions;
  readonly #writer: FrameWriter;
  readonly #endsAtMs: number;
  #interest: Interest;
  #state: StreamState;
  #lastWriteMs: number;
  #closeReason: CloseReason = 'client';
  #hasCaughtUp = false;

  constructor(options: StreamConnectionOptions, head: Position) {
    this.#options = options;
    this.#interest = options.interest;
    const { hub, cursor, clock, retryMs, observer, response } = options;
    const nowMs = clock.monotonicMs();
    this.#endsAtMs = nowMs + options.lifetimeMs;
    this.#lastWriteMs = nowMs;
    hub.follow(this);
    this.#writer = new FrameWriter(response, () => this.#drained());
    const { state, outcome, changes, refresh } = beginStream(
      cursor,
      head,
      (position) => hub.resume(position),
      nowMs,
    );
    this.#state = state;
    observer.onOpened(outcome);
    this.#writer.write([encodeRetry(retryMs())]);
    if (refresh !== undefined) this.#writeRefresh(refresh);
    this.#catchUp(changes);
    this.#sayCaughtUp();
  }

  get viewer(): Account {
    return this.#options.viewer;
  }

  get interest(): Interest {
    return this.#interest;
  }

  get closeReason(): CloseReason {
    return this.#closeReason;
  }

  deliver(told: readonly ToldChange[]): void {
    const { kind } = this.#state;
    if (kind === 'parked' || kind === 'ended') return;
    if (this.#hasExpired()) return;
    this.#tell(told, 'turn');
    this.#sayCaughtUp();
  }

  refresh(reason: RefreshReason): void {
    const state = this.#state;
    if (state.kind === 'ended') return;
    if (state.kind === 'parked') this.#state = { ...state, owed: reason };
    else this.#refreshAtHead(reason);
  }

  /**
   * What its viewer may see from now on; undefined: nothing, so that it ends. What the client has is
   * of another sight, and only a new snapshot takes from it what it may no longer have.
   */
  reapply(sight: Sight | undefined): void {
    const { interest } = this;
    if (sight !== undefined && isSameSight(interest.sight, sight)) return;
    if (sight !== undefined) {
      const { hub } = this.#options;
      hub.unfollow(this);
      this.#interest = { ...interest, sight };
      hub.follow(this);
    }
    this.refresh('resync');
    if (sight === undefined) this.end('max_lifetime');
  }

  /** Time has passed: called for every stream by one timer. */
  tick(): void {
    const { hub, clock, heartbeatMs } = this.#options;
    const { head } = hub;
    if (head === undefined || (this.#state.kind !== 'ended' && this.#hasExpired())) return;
    const nowMs = clock.monotonicMs();
    const tick = tickStream(this.#state, head, nowMs, nowMs - this.#lastWriteMs, heartbeatMs);
    switch (tick.kind) {
      case 'wait':
        break;
      case 'keepalive':
        this.#writeKeepalive();
        break;
      case 'caught_up':
        this.#state = tick.state;
        this.#sayCaughtUp();
        break;
      case 'refresh':
        this.#refreshAtHead(tick.reason);
        this.#sayCaughtUp();
        break;
      case 'end':
        this.end('slow_consumer');
        break;
      case 'destroy':
        this.#writer.destroy();
        break;
    }
  }

  /** Says why, and closes. The client comes back after the given time. */
  end(reason: ReconnectReason): void {
    const state = this.#state;
    if (state.kind === 'ended') return;
    const { hub, retryMs, clock, observer } = this.#options;
    this.#closeReason = reason;
    const retryAfterMs = Math.round(retryMs());
    const position = hub.head && positionOf(state, hub.head);
    this.#become({ kind: 'ended', untilMs: clock.monotonicMs() + ENDED_WAIT_MS });
    if (state.kind === 'parked' && state.owed !== undefined) {
      // Coming back from its position would not show that it was owed this.
      observer.onRefresh(state.owed);
      this.#writer.write([
        encodeFrame('snapshot_refresh_required', position, { reason: state.owed }),
      ]);
    }
    this.#writer.write([encodeRetry(retryAfterMs)]);
    this.#writer.end(encodeFrame('reconnect', position, { reason, retryAfterMs }));
  }

  /** The client is gone, or the process stops. */
  closed(): void {
    this.#options.hub.unfollow(this);
    this.#become({ kind: 'ended', untilMs: 0 });
  }

  /** Ends it when its time is over; no change leaves after that, however late the timer is. */
  #hasExpired(): boolean {
    const { tokenEndsAtMs, clock } = this.#options;
    if (clock.wallMs() >= tokenEndsAtMs) this.end('token_expired');
    else if (clock.monotonicMs() >= this.#endsAtMs) this.end('max_lifetime');
    else return false;
    return true;
  }

  #drained(): void {
    const state = this.#state;
    if (state.kind !== 'parked' || this.#hasExpired()) return;
    const { hub } = this.#options;
    const changes = state.owed === undefined ? hub.changesAfter(state.at.id) : [];
    this.#become({ kind: 'live', guard: state.at.id });
    if (state.owed !== undefined) this.#refreshAtHead(state.owed);
    else if (changes === undefined) this.#refreshAtHead('slow_consumer');
    else this.#catchUp(changes);
    this.#sayCaughtUp();
  }

  /** From the window, where each begins at a place of its own. */
  #catchUp(changes: readonly PlacedChange[]): void {
    this.#tell(tell(changes, this.interest), 'window');
  }

  #tell(told: readonly ToldChange[], source: 'turn' | 'window'): void {
    const state = this.#state;
    if (state.kind !== 'live' && state.kind !== 'ahead') return;
    const { frames } = this.#options;
    let due = afterGuard(state.guard, told);
    while (isTold(due)) {
      const { waitingBytes } = this.#writer;
      const isShared = source === 'turn' && waitingBytes === 0;
      const piece = isShared ? frames.sharedPiece(due) : frames.piece(due, waitingBytes);
      this.#state = { kind: 'live', guard: piece.last.id };
      if (!this.#write(piece.frames)) {
        this.#park(piece.last);
        return;
      }
      due = piece.rest;
    }
  }

  /** Whether the client still keeps up. */
  #write(frames: readonly Buffer[]): boolean {
    this.#lastWriteMs = this.#options.clock.monotonicMs();
    return this.#writer.write(frames);
  }

  #park(at: Position): void {
    const untilMs = this.#options.clock.monotonicMs() + PARKED_WAIT_MS;
    this.#become({ kind: 'parked', at, untilMs, owed: undefined });
  }

  #refreshAtHead(reason: RefreshReason): void {
    const { head } = this.#options.hub;
    if (head === undefined) return;
    this.#state = { kind: 'live', guard: head.id };
    this.#writeRefresh(reason);
  }

  #writeRefresh(reason: RefreshReason): void {
    this.#options.observer.onRefresh(reason);
    const { head } = this.#options.hub;
    if (!this.#write([encodeFrame('snapshot_refresh_required', head, { reason })])) {
      if (head !== undefined) this.#park(head);
    }
  }

  /** The first keepalive says that from here on the stream is live. */
  #sayCaughtUp(): void {
    if (this.#hasCaughtUp || this.#state.kind !== 'live') return;
    this.#hasCaughtUp = true;
    this.#writeKeepalive();
  }

  /** Its id moves an idle client along, so that it can still resume after an hour of silence. */
  #writeKeepalive(): void {
    const { hub, clock } = this.#options;
    if (hub.head === undefined || this.#state.kind === 'ended') return;
    const position = positionOf(this.#state, hub.head);
    const frame = encodeFrame('keepalive', position, {
      at: new Date(clock.wallMs()).toISOString(),
    });
    if (!this.#write([frame])) this.#park(position);
  }

  #become(state: StreamState): void {
    const { observer } = this.#options;
    if (this.#state.kind !== 'parked' && state.kind === 'parked') observer.onParked();
    if (this.#state.kind === 'parked' && state.kind !== 'parked') observer.onUnparked();
    this.#state = state;
  }
}
