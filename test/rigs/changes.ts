import { compareStreamIds, parsePosition, parseStreamId, type StreamId } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { KEYS } from '../../src/redis/keys.ts';

/** Tasks that take turns. Each event gives one another status, so each is a change. */
const TASKS = 50;
const STATUSES = ['queued', 'in_progress'] as const;

const LINK_BYTES = 1000;
const LINK = `https://example.com/${'x'.repeat(LINK_BYTES - 20)}`;

/** The first change that a client saw after a position from which it may know nothing. */
export interface FirstSeen {
  /** The id of the frame before it. */
  readonly after: string;
  readonly number: number;
}

export interface ChangesOptions {
  readonly redis: Redis;
  /** Of what a task carries besides, so that a frame is that much larger; 50,000 at most. */
  readonly bytes: number;
}

/** Events that are numbered without a gap: whoever sees their changes knows whether one is missing. */
export class NumberedChanges {
  /** When each was sent, on the clock of `performance.now()`. */
  readonly sentAtMs: number[] = [];
  readonly #ids: (StreamId | undefined)[] = [];
  readonly #redis: Redis;
  readonly #prLinks: string;
  readonly #underWay = new Set<Promise<unknown>>();
  #timer: NodeJS.Timeout | undefined;
  #fault: unknown;

  constructor({ redis, bytes }: ChangesOptions) {
    this.#redis = redis;
    const links = Array.from({ length: Math.ceil(bytes / LINK_BYTES) }, () => LINK);
    this.#prLinks = JSON.stringify(links);
  }

  /** The number of the latest; -1 before the first. */
  get last(): number {
    return this.sentAtMs.length - 1;
  }

  /** Sends so many a second until `stop`. */
  start(perSecond: number): void {
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.send(), 1000 / perSecond);
  }

  /** Resolves once all that were sent are stored. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#underWay);
    if (this.#fault !== undefined) throw this.#fault;
  }

  /** Whether it is the very next change after that position. Known of all that are stored. */
  isNext({ after, number }: FirstSeen): boolean {
    const position = parsePosition(after)?.id;
    const [before, id] = [this.#ids[number - 1], this.#ids[number]];
    if (position === undefined || id === undefined) return false;
    return (
      compareStreamIds(position, id) < 0 &&
      (before === undefined || compareStreamIds(before, position) <= 0)
    );
  }

  send(): void {
    const number = this.sentAtMs.push(performance.now()) - 1;
    const fields = {
      executionId: `run-${number % TASKS}`,
      occurredAt: new Date().toISOString(),
      project: 'acme/rig',
      status: STATUSES[Math.floor(number / TASKS) % 2] ?? 'queued',
      message: `number ${number} `,
      prLinks: this.#prLinks,
    };
    const stored = this.#redis
      .xadd(KEYS.events, '*', ...Object.entries(fields).flat())
      .then((id) => {
        this.#ids[number] = parseStreamId(id ?? '');
      })
      .catch((error) => {
        this.#fault ??= error;
      })
      .finally(() => this.#underWay.delete(stored));
    this.#underWay.add(stored);
  }
}

/** The number of the event that a frame's change came from. */
export function numberOf(data: string): number {
  return Number(/"message":"number (\d+)/.exec(data)?.[1] ?? Number.NaN);
}
