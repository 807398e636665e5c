import { setTimeout as delay } from 'node:timers/promises';
import {
  formatPosition,
  type Position,
  type RefreshReason,
  type TaskItem,
} from '@tasktrail/contract';
import type { Dice } from '../dice.ts';
import { isAfter } from '../model/ids.ts';
import type { PlannedViewer } from '../plan/round-plan.ts';
import type { Runner } from '../world/runner.ts';
import type { World } from '../world/world.ts';
import {
  AwayError,
  ask,
  askPage,
  askTask,
  BrokenPromiseError,
  bearer,
  frameParser,
  queryOf,
  readPosition,
  UnauthorizedError,
  VoidCursorError,
} from './dashboard.ts';
import { readingOf, textOf } from './reading.ts';
import { Recording, type SeenFrame, type SeenPage, type Stream, type Walk } from './recording.ts';

const RETRY_MS = 25;
const POLL_MS = 5;

/**
 * A dashboard: it assembles pages and frames as PROTOCOL.md says, over every cut and refresh, and
 * records all that it was sent. What it holds at the end must be what it may see.
 */
export class Viewer {
  readonly plan: PlannedViewer;
  readonly recording = new Recording();
  readonly tasks = new Map<string, TaskItem>();
  readonly refreshes: RefreshReason[] = [];
  /** Where it goes on; undefined while it has to load the snapshot first. */
  position: Position | undefined;
  readonly #world: World;
  readonly #dice: Dice;
  readonly #stop = new AbortController();
  #running: Promise<void> | undefined;
  /** Frames that came while the snapshot was loaded anew; undefined while none is. */
  #waiting: SeenFrame[] | undefined;
  #token = { text: '', endsAtMs: 0 };
  #lastSeen = '0-0';
  #isHurried = false;

  constructor(world: World, plan: PlannedViewer) {
    this.plan = plan;
    this.#world = world;
    this.#dice = world.plan.dice.of(plan.name);
  }

  start(): this {
    this.#running ??= this.#run();
    return this;
  }

  /** From now on it cuts no stream and reads at once: it must come to the end. */
  hurry(): void {
    this.#isHurried = true;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** Whether it has everything up to an event. */
  isAt(id: string): boolean {
    const isLoading = this.#waiting !== undefined;
    return !isLoading && this.position !== undefined && !isAfter(id, this.position.id);
  }

  /** Resolves once a data frame or page with this event's task has come. */
  async whenSeen(id: string, signal: AbortSignal): Promise<void> {
    while (isAfter(id, this.#lastSeen)) await delay(POLL_MS, undefined, { signal });
  }

  /** Loads and records all pages, one after the other, of any server or of one. */
  async walk(only?: Runner): Promise<readonly SeenPage[]> {
    const dice = this.#dice.of('walk', this.recording.walks.length);
    const walk: Walk = { server: only?.name ?? 'any', pages: [], endedAtMs: undefined };
    this.recording.walks.push(walk);
    for (let cursor: string | null = ''; cursor !== null; ) {
      const limit = dice.between(1, this.plan.limitUpTo);
      const query = queryOf(this.plan, { cursor, limit: String(limit) });
      const server = only ?? this.#server(dice);
      const page = await askPage(server, query, this.#signIn(), this.#stop.signal);
      const position = readPosition(page.streamCursor);
      cursor = page.nextCursor;
      walk.pages.push({ items: page.items, limit, isLast: cursor === null, position });
    }
    walk.endedAtMs = Date.now();
    return walk.pages;
  }

  /** A single task, as this viewer is answered. */
  async lookUp(executionId: string): Promise<TaskItem | undefined> {
    return await askTask(
      this.#server(this.#dice.of('look', executionId)),
      executionId,
      this.#signIn(),
    );
  }

  async #run(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      try {
        this.position ??= await this.#loadSnapshot();
        await this.#follow(this.position);
      } catch (error) {
        this.#judge(error);
      }
      await delay(RETRY_MS, undefined, { signal: this.#stop.signal }).catch(() => {});
    }
  }

  #judge(error: unknown): void {
    if (this.#stop.signal.aborted || error instanceof AwayError) return;
    if (error instanceof UnauthorizedError) {
      const isOver = Date.now() >= this.#token.endsAtMs - 1000;
      if (!isOver) this.recording.faults.push(`${error.message} although the token is good`);
      this.#token = { text: '', endsAtMs: 0 };
    } else if (error instanceof VoidCursorError) {
      // The history of a walk was replaced, and the walk is begun anew.
    } else {
      this.recording.faults.push(String(error));
      // Whatever it holds cannot be trusted any more.
      this.position = undefined;
    }
  }

  #signIn(): string {
    const { person, tokenSeconds } = this.plan;
    if (Date.now() > this.#token.endsAtMs - 500) {
      const endsAtMs = (Math.ceil(Date.now() / 1000) + (tokenSeconds ?? 3600)) * 1000;
      this.#token = { text: this.#world.signIn(person.email, tokenSeconds), endsAtMs };
    }
    return this.#token.text;
  }

  #server(dice: Dice): Runner {
    const { servers } = this.#world;
    return servers[this.plan.server ?? -1] ?? dice.pick(servers);
  }

  /** Every page of one walk; resolves with the position from which the stream goes on. */
  async #loadSnapshot(): Promise<Position> {
    const pages = await this.walk();
    this.tasks.clear();
    for (const item of pages.flatMap((page) => page.items)) this.#put(item.executionId, item);
    return pages[0]?.position as Position;
  }

  async #follow(from: Position): Promise<void> {
    const { plan, recording } = this;
    const dice = this.#dice.of('stream', recording.streams.length);
    const server = this.#server(dice);
    const cut = new AbortController();
    const signal = AbortSignal.any([cut.signal, this.#stop.signal]);
    const cursor = formatPosition(from);
    const isByHeader = plan.resumeBy === 'header';
    const query = queryOf(plan, isByHeader ? {} : { cursor });
    const headers = {
      ...bearer(this.#signIn()),
      ...(isByHeader ? { 'Last-Event-ID': cursor } : {}),
    };
    const response = await ask(server, `/dashboard/tasks/stream?${query}`, headers, signal);
    const { endsAtMs } = this.#token;
    const stream: Stream = { server: server.name, from, tokenEndsAtMs: endsAtMs, frames: [] };
    recording.streams.push(stream);
    let reached = from;
    let reloading: Promise<void> | undefined;
    const feed = frameParser((frame) => {
      if (cut.signal.aborted) return;
      stream.frames.push(frame);
      reached = frame.position;
      if (frame.name !== 'snapshot_refresh_required') this.#take(frame);
      else if (plan.afterRefresh === 'stay') {
        reloading = this.#reload(frame.data.reason, () => reached).catch((error) => {
          this.#judge(error);
          cut.abort();
        });
      } else {
        this.#forget(frame.data.reason);
        cut.abort();
      }
    });
    try {
      const reading = readingOf(plan, dice, () => this.#isHurried);
      for await (const text of textOf(response, reading, cut)) feed(text);
    } finally {
      cut.abort();
      await reloading;
    }
  }

  #forget(reason: RefreshReason): void {
    this.refreshes.push(reason);
    this.position = undefined;
  }

  /**
   * Stays on its stream, loads the snapshot anew, and goes on with what has come meanwhile. Where
   * that stream breaks, it goes on from its last frame: tasks of older frames than the pages may be
   * gone from them, and only later frames tell.
   */
  async #reload(reason: RefreshReason, reached: () => Position): Promise<void> {
    this.#forget(reason);
    const waiting: SeenFrame[] = [];
    this.#waiting = waiting;
    try {
      await this.#loadSnapshot();
      // A refresh that came meanwhile voids this snapshot, too.
      if (this.#waiting !== waiting) return;
      this.position = reached();
      this.#waiting = undefined;
      for (const frame of waiting) this.#take(frame);
    } finally {
      if (this.#waiting === waiting) this.#waiting = undefined;
    }
  }

  #take(frame: SeenFrame): void {
    if (this.#waiting !== undefined) {
      this.#waiting.push(frame);
      return;
    }
    // Its snapshot could not be loaded: it has nothing that a frame could change.
    if (this.position === undefined) return;
    if (frame.name === 'task_status_updated') {
      const { previousStatus, ...item } = frame.data;
      if (this.#holdsLater(item)) return;
      const held = this.tasks.get(item.executionId);
      if (held !== undefined && held.status !== previousStatus) {
        const said = `${item.executionId} was ${held.status} and is said to have been ${previousStatus}`;
        throw new BrokenPromiseError(said);
      }
      this.#put(item.executionId, item);
    }
    if (frame.name === 'task_removed' && !this.#holdsLater(frame.data)) {
      this.tasks.delete(frame.data.executionId);
    }
    this.position = frame.position;
  }

  /** A page may have had the task as it was after this change already. */
  #holdsLater({
    executionId,
    lastEventId,
  }: Pick<TaskItem, 'executionId' | 'lastEventId'>): boolean {
    const held = this.tasks.get(executionId);
    return held !== undefined && !isAfter(lastEventId, held.lastEventId);
  }

  #put(executionId: string, item: TaskItem): void {
    this.tasks.set(executionId, item);
    if (isAfter(item.lastEventId, this.#lastSeen)) this.#lastSeen = item.lastEventId;
  }
}
