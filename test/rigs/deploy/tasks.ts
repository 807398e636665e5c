import { setTimeout as delay } from 'node:timers/promises';
import { EventResultsSchema, TASK_STATUSES } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { KEYS } from '../../../src/redis/keys.ts';

export interface TasksOptions {
  readonly redis: Redis;
  /** Where every third event is posted; undefined: all are appended to the stream. */
  readonly intake?: { readonly url: string; readonly apiKey: string } | undefined;
  /** Principals that create tasks and are responsible for them. */
  readonly people: readonly string[];
}

export const PROJECTS = ['acme/api', 'acme/web', 'acme/tools'] as const;
const TASKS = 60;
/** Each change tells about so many people. */
const RESPONSIBLE_SHARE = 0.1;
const POST_MS = 16_000;
/** Of one event: by then no server is there any more. */
const MAX_POSTS = 10;

/** Tasks that change all the time: statuses, and who may see them. */
export class Tasks {
  /** Every event id of the producer's own that was sent. */
  readonly sent: string[] = [];
  readonly faults: string[] = [];
  /** Posts that had to be sent again. */
  retries = 0;
  posts = 0;
  readonly #options: TasksOptions;
  readonly #underWay = new Set<Promise<void>>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: TasksOptions) {
    this.#options = options;
  }

  /** Changes so many a second until `stop`. */
  start(perSecond: number): this {
    this.#timer = setInterval(() => this.change(), 1000 / perSecond);
    return this;
  }

  /** Resolves once all that was sent is stored. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#underWay);
  }

  change(): void {
    const number = this.sent.length;
    const { intake, people } = this.#options;
    const event = makeEvent(number, people);
    this.sent.push(event.eventId);
    const isPosted = intake !== undefined && number % 3 === 0;
    const stored = (isPosted ? this.#post(event, intake) : this.#append(event))
      .catch((error) => void this.faults.push(`${event.eventId}: ${error}`))
      .finally(() => this.#underWay.delete(stored));
    this.#underWay.add(stored);
  }

  async #append({ actor, visibility, ...texts }: TaskEvent): Promise<void> {
    const nested = { actor: JSON.stringify(actor), visibility: JSON.stringify(visibility) };
    await this.#options.redis.xadd(
      KEYS.events,
      '*',
      ...Object.entries({ ...texts, ...nested }).flat(),
    );
  }

  /** Again and again, as a bot does: under the same `eventId` nothing is appended twice. */
  async #post(
    event: TaskEvent,
    { url, apiKey }: NonNullable<TasksOptions['intake']>,
  ): Promise<void> {
    this.posts += 1;
    for (let sent = 1; ; sent += 1) {
      const response = await fetch(`${url}/events`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${apiKey}`, 'Content-Type': 'application/json' },
        body: JSON.stringify(event),
        signal: AbortSignal.timeout(POST_MS),
      });
      const text = await response.text();
      if (response.status === 202) {
        const [result] = EventResultsSchema.parse(JSON.parse(text)).results;
        if (result === undefined || !('id' in result)) throw new Error(text);
        return;
      }
      const seconds = Number(response.headers.get('Retry-After'));
      if (response.status !== 503 || !(seconds > 0) || sent === MAX_POSTS) {
        throw new Error(`${response.status} ${text}`);
      }
      this.retries += 1;
      await delay(seconds * 1000);
    }
  }
}

type TaskEvent = ReturnType<typeof makeEvent>;

/** Another status, and others who may see it. A task keeps its project. */
function makeEvent(number: number, people: readonly string[]) {
  const task = Math.floor(Math.random() * TASKS);
  const [provider = '', id = ''] = people[task % people.length]?.split(/:(.*)/s) ?? [];
  return {
    executionId: `run-${task}`,
    eventId: `change-${number}`,
    occurredAt: new Date().toISOString(),
    project: PROJECTS[task % PROJECTS.length] ?? PROJECTS[0],
    status: TASK_STATUSES[Math.floor(Math.random() * TASK_STATUSES.length)] ?? 'queued',
    message: `change ${number}`,
    actor: { provider, id },
    visibility: { responsibleUsers: people.filter(() => Math.random() < RESPONSIBLE_SHARE) },
  };
}
