import type { ServerResponse } from 'node:http';
import { type Position, parsePosition, type ReconnectReason } from '@tasktrail/contract';
import type { Hub, Interest } from '../../hub/hub.ts';
import type { Clock } from '../../runtime/clock.ts';
import { networkOf } from '../client-address.ts';
import type { RequestContext, StreamHandler } from '../http.ts';
import { ownText } from '../own-text.ts';
import { Refusal } from '../refusal.ts';
import { takeConnection } from '../taken-connections.ts';
import { ChangeFrames, encodeFrame, encodeRetry } from './frames.ts';
import type { StreamObserver } from './sse.ts';
import { StreamConnection } from './stream-connection.ts';
import { type StreamRegistry, TICK_MS } from './stream-registry.ts';
import type { ClientCursor } from './stream-state.ts';

export interface StreamRouteOptions {
  readonly hub: Hub;
  readonly registry: StreamRegistry;
  readonly observer: StreamObserver;
  readonly heartbeatMs: number;
  readonly maxLifetimeMs: number;
  readonly clock: Clock;
  /** 0 ≤ r < 1 */
  readonly random: () => number;
}

/** Between these, at random: clients that were cut off together do not come back together. */
const MIN_RETRY_MS = 1000;
const MAX_RETRY_MS = 4000;
/** A lifetime is up to this share shorter, for the same reason. */
const LIFETIME_JITTER = 0.1;
/** And so is a heartbeat, because one change to all of them starts all of their silences. */
const HEARTBEAT_JITTER = 0.25;

/**
 * What a request for the stream becomes. A native EventSource gives up for good on any status but
 * 200, so what passes by itself is said in a stream that ends; only what lasts is a status. A load
 * balancer that says so is answered 503 instead, and asks another server before its client notices.
 */
export function createStreamHandler(options: StreamRouteOptions): StreamHandler {
  const { hub, registry, observer, clock, random } = options;
  const frames = new ChangeFrames();
  const retryMs = () => MIN_RETRY_MS + random() * (MAX_RETRY_MS - MIN_RETRY_MS);
  return (ctx, viewer, { project, statuses, cursor: cursorText }) => {
    const cursor = readCursor(ctx.get('Last-Event-ID') || cursorText);
    if (ctx.method === 'HEAD') return setStreamHeaders(ctx);
    if (viewer === undefined) {
      // Nothing of the server's is told to somebody who may be nobody.
      return refuse(ctx, 'capacity', heldBy(cursor, undefined), retryMs());
    }
    // Its client left while it was authenticated: nothing will tell once more that it is closed.
    if (ctx.res.closed) return;
    const { head } = hub;
    const address = networkOf(ctx.state.clientAddress);
    const admission = registry.admit(viewer.identity, address, head !== undefined);
    if (admission === 'viewer' || admission === 'address') {
      throw new Refusal('too_many_streams', `too many streams are open for this ${admission}`);
    }
    if (head === undefined || admission !== 'admitted') {
      const reason = admission === 'draining' ? 'draining' : 'capacity';
      return refuse(ctx, reason, heldBy(cursor, head), retryMs());
    }
    const response = takeConnection(openResponse(ctx));
    const own = project === undefined ? undefined : ownText(project);
    const interest: Interest = { filter: { project: own, statuses }, sight: viewer.sight };
    const heartbeatMs = options.heartbeatMs * (1 - random() * HEARTBEAT_JITTER);
    const stream = new StreamConnection(
      {
        ...{ response, hub, interest, cursor, frames, heartbeatMs, retryMs, clock, observer },
        viewer,
        // A tick early, so that no timer is late for it.
        tokenEndsAtMs: viewer.tokenExpiresAtMs - TICK_MS,
        lifetimeMs: options.maxLifetimeMs * (1 - random() * LIFETIME_JITTER),
      },
      head,
    );
    response.on('close', registry.add(stream, viewer.identity, address));
  };
}

function readCursor(text: string | undefined): ClientCursor {
  return text === undefined ? undefined : (parsePosition(ownText(text)) ?? 'invalid');
}

/**
 * What the client has: its own cursor, or without one where it would have begun. A cursor that is
 * no position is not replaced by one: whoever came back with that would never be told to refresh.
 */
function heldBy(cursor: ClientCursor, head: Position | undefined): Position | undefined {
  if (cursor === 'invalid') return undefined;
  if (cursor === undefined) return head;
  const epoch = cursor.epoch ?? head?.epoch;
  return epoch === undefined ? undefined : { epoch, id: cursor.id };
}

function setStreamHeaders(ctx: RequestContext): void {
  ctx.status = 200;
  ctx.set('Content-Type', 'text/event-stream; charset=utf-8');
  ctx.set('Cache-Control', 'no-cache, no-transform');
  // nginx buffers answers unless it is told not to.
  ctx.set('X-Accel-Buffering', 'no');
}

/** From here on the connection is the stream's and no longer Koa's. */
function openResponse(ctx: RequestContext): ServerResponse {
  setStreamHeaders(ctx);
  // It ends with its connection: frames say themselves where they end, and need not be put in chunks.
  ctx.set('Connection', 'close');
  ctx.res.useChunkedEncodingByDefault = false;
  ctx.respond = false;
  ctx.req.socket.setNoDelay(true);
  ctx.res.flushHeaders();
  return ctx.res;
}

/** RFC 7240: a preference that a server need not know. No client sends it, only a balancer. */
const FAILOVER = /(?:^|,)\s*failover\s*(?:,|$)/i;

/** @throws Refusal `unavailable`, where whoever asks can ask another server at once */
function refuse(
  ctx: RequestContext,
  reason: ReconnectReason,
  position: Position | undefined,
  retryMs: number,
): void {
  const retryAfterMs = Math.round(retryMs);
  if (FAILOVER.test(ctx.get('Prefer'))) {
    const headers = { 'Retry-After': String(Math.ceil(retryAfterMs / 1000)) };
    throw new Refusal('unavailable', undefined, { headers, reason });
  }
  const response = openResponse(ctx);
  response.write(encodeRetry(retryAfterMs));
  response.end(encodeFrame('reconnect', position, { reason, retryAfterMs }));
}
