import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { formatPosition } from '@tasktrail/contract';
import { type Authenticator, UnauthorizedError, type Viewer } from '../../../src/auth/auth.ts';
import type { StreamLimits } from '../../../src/http/sse/admission.ts';
import type { CloseReason, StreamObserver } from '../../../src/http/sse/sse.ts';
import { StreamRegistry } from '../../../src/http/sse/stream-registry.ts';
import { createStreamHandler } from '../../../src/http/sse/stream-route.ts';
import { ChangeHub } from '../../../src/hub/change-hub.ts';
import type { Follower } from '../../../src/hub/hub.ts';
import type { FeedEntry } from '../../../src/tailer/tailer.ts';
import { SseClient, type SseOptions } from '../../fixtures/sse.ts';
import { changesOf, EPOCH, placeId, type TaskStep } from '../../hub/histories.ts';
import { type RunningDashboard, runDashboard } from '../running-dashboard.ts';

export const HOUR_MS = 3_600_000;
export const HEARTBEAT_MS = 15_000;

const NO_LIMITS: StreamLimits = {
  maxStreams: 1000,
  maxStreamsPerViewer: 1000,
  maxStreamsPerIp: 1000,
};

interface StreamsOptions {
  readonly limits?: Partial<StreamLimits>;
  readonly replayLimit?: number;
  readonly maxLifetimeMs?: number;
  /** For all jitter; 0 by default. */
  readonly random?: () => number;
  /** Whether the hub has been filled with an empty feed at place 0; it is by default. */
  readonly isFilled?: boolean;
  /** Whether time passes by itself, in ticks; it does by default. */
  readonly ticks?: boolean;
  readonly trustedProxies?: readonly string[];
  /** Awaited by every authentication. */
  readonly authentication?: () => Promise<void>;
}

/** What the streams said of themselves, added up. */
class Counts implements StreamObserver {
  open = 0;
  parked = 0;
  parkings = 0;
  readonly outcomes: string[] = [];
  readonly closed: CloseReason[] = [];
  readonly refused: string[] = [];

  onOpened(outcome: string): void {
    this.open += 1;
    this.outcomes.push(outcome);
  }

  onClosed(reason: CloseReason): void {
    this.open -= 1;
    this.closed.push(reason);
  }

  onRefused(reason: string): void {
    this.refused.push(reason);
  }

  onParked(): void {
    this.parked += 1;
    this.parkings += 1;
  }

  onUnparked(): void {
    this.parked -= 1;
  }

  onRefresh(): void {}
}

/** The real hub, which here also says who follows it. */
class WatchedHub extends ChangeHub {
  readonly followers = new Set<Follower>();

  override follow(follower: Follower): void {
    this.followers.add(follower);
    super.follow(follower);
  }

  override unfollow(follower: Follower): void {
    this.followers.delete(follower);
    super.unfollow(follower);
  }
}

/** The stream of a real server on a real port, with a hub that a test feeds by hand. */
export class RunningStreams implements AsyncDisposable {
  readonly hub: WatchedHub;
  readonly registry: StreamRegistry;
  readonly counts = new Counts();
  /** Milliseconds since 1970; stands still unless a test moves it. */
  clockMs = Date.UTC(2026, 10, 20);
  /** By how much the clock on the wall is set forward, or back. */
  wallAheadMs = 0;
  readonly #viewers = new Map<string, Viewer>();
  readonly #stop = new AbortController();
  readonly #ticking: Promise<void> | undefined;
  readonly #dashboard: Promise<RunningDashboard>;
  readonly #responses: ServerResponse[] = [];
  #place = 0;

  constructor(options: StreamsOptions = {}) {
    const { replayLimit = 100, maxLifetimeMs = HOUR_MS, random = () => 0 } = options;
    this.hub = new WatchedHub(replayLimit, { onChanges: () => {} });
    if (options.isFilled ?? true) this.reset('start');
    this.registry = new StreamRegistry({ ...NO_LIMITS, ...options.limits }, this.counts);
    if (options.ticks ?? true) this.#ticking = this.registry.run(this.#stop.signal);
    const authenticator: Authenticator = {
      authenticate: async (token) => {
        await options.authentication?.();
        const viewer = this.#viewers.get(token);
        if (viewer === undefined) throw new UnauthorizedError('malformed');
        return viewer;
      },
    };
    const handler = createStreamHandler({
      hub: this.hub,
      registry: this.registry,
      observer: this.counts,
      heartbeatMs: HEARTBEAT_MS,
      maxLifetimeMs,
      clock: {
        wallMs: () => this.clockMs + this.wallAheadMs,
        monotonicMs: () => this.clockMs,
      },
      random,
    });
    this.#dashboard = runDashboard({
      http: { corsOrigins: [], trustedProxies: options.trustedProxies ?? [] },
      authenticator,
      stream: (ctx, ...rest) => {
        this.#responses.push(ctx.res);
        return handler(ctx, ...rest);
      },
    });
  }

  /** A viewer who sees everything for two hours, but for these changes; gives its token. */
  signIn(changes: Partial<Viewer> = {}): string {
    const token = randomUUID();
    this.#viewers.set(token, {
      identity: `google:${token}@example.com`,
      sight: { kind: 'everything' },
      tokenExpiresAtMs: this.clockMs + 2 * HOUR_MS,
      ...changes,
    });
    return token;
  }

  /** Opens a stream; of a viewer of its own, unless a token is given. */
  async connect(
    options: Omit<SseOptions, 'url' | 'socketPath'> & { token?: string } = {},
  ): Promise<SseClient> {
    const { token = this.signIn(), path = '', ...rest } = options;
    const { url } = await this.#dashboard;
    return await SseClient.open({
      url,
      path: `/dashboard/tasks/stream${path}`,
      ...rest,
      headers: { Authorization: `Bearer ${token}`, ...rest.headers },
    });
  }

  /** Where it listens, for clients that are none of the usual. */
  async address(): Promise<{ readonly host: string; readonly port: number }> {
    const { hostname, port } = new URL((await this.#dashboard).url);
    return { host: hostname, port: Number(port) };
  }

  /** The next changes of the history, one place each, and so many places that change nothing. */
  advance(steps: readonly TaskStep[], { silent = 0, isLarge = false, epoch = EPOCH } = {}): void {
    const entries = entriesOf(steps, this.#place + 1, isLarge);
    this.#place += steps.length + silent;
    this.hub.advance(entries, { epoch, id: placeId(this.#place) });
  }

  /** Bytes that wait for each client, in the order in which they came. */
  writableLengths(): number[] {
    return this.#responses.map(({ writableLength, req }) =>
      Math.max(writableLength, req.socket.writableLength),
    );
  }

  /** Waits until the server has seen so many requests close. */
  async whenClosed(count: number): Promise<void> {
    await (await this.#dashboard).requestLines(count);
  }

  /** A history of another epoch or a hole in this one: it goes on from here, with nothing kept. */
  reset(cause: 'start' | 'epoch' | 'resync', epoch = EPOCH): void {
    const id = placeId(this.#place);
    this.hub.reset([], id, { epoch, id }, cause);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#ticking;
    const dashboard = await this.#dashboard;
    await dashboard[Symbol.asyncDispose]();
  }
}

/** The id of a frame at a place of the history. */
export function frameId(place: number, epoch = EPOCH): string {
  return formatPosition({ epoch, id: placeId(place) });
}

/** Links of a task that says as much as it can say: a frame of it is about so many bytes. */
export const LARGE_BYTES = 50_000;
const LARGE_LINKS = Array.from({ length: 50 }, () => `https://x.org/${'x'.repeat(980)}`);

/** Changes as the tailer brings them. */
export function entriesOf(steps: readonly TaskStep[], from: number, isLarge = false): FeedEntry[] {
  return changesOf(steps, { from }).map(({ position, change: { item, previous } }) => ({
    id: position.id,
    change: { item: { ...item, prLinks: isLarge ? LARGE_LINKS : [] }, previous },
  }));
}
