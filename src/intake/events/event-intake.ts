import type { EventResult } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import type { AppendedEntry } from '../../redis/append-once.ts';
import type { Keys } from '../../redis/keys.ts';
import type { Appender } from '../appender.ts';
import type { EventsAnswer, EventsRequest, IntakeObserver } from '../intake.ts';
import { readCloudEvent } from './cloud-event.ts';
import { type EventItem, readEventBody } from './event-body.ts';
import { type EntryPart, judgeItem, nameOf, requestOnceOf, toEntry } from './event-entries.ts';
import { executionsToLookUp, scopeEvents } from './project-scope.ts';

const IDEMPOTENCY_KEY = /^[\x20-\x7e]{1,255}$/;

export interface EventIntakeOptions {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly appender: Appender;
  readonly observer: IntakeObserver;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
  /** Never the same twice, in any process. */
  readonly randomId: () => string;
}

/** Appends what producers send over HTTP, each event once. (PROTOCOL.md, "Events over HTTP") */
export class EventIntake {
  readonly #options: EventIntakeOptions;

  constructor(options: EventIntakeOptions) {
    this.#options = options;
  }

  /** @throws IntakeUnavailableError when nothing can be appended now; the same again is safe */
  async accept(request: EventsRequest): Promise<EventsAnswer> {
    const { producer, idempotencyKey, mediaType } = request;
    const { keys, nowMs, randomId } = this.#options;
    const appender = this.#options.appender.forRequest();
    if (idempotencyKey !== undefined && !IDEMPOTENCY_KEY.test(idempotencyKey)) {
      const reason = 'Idempotency-Key must be 1 to 255 printable ASCII characters, such as a UUID';
      return { kind: 'invalid_body', reason };
    }
    const body = readEventBody(request.body, mediaType);
    if (body.kind !== 'items') return body;
    const isCloudEvents = mediaType.startsWith('application/cloudevents');
    const items = isCloudEvents ? body.items.map(fromCloudEvent) : body.items;
    const atMs = nowMs();
    const judged = items.map((item) => judgeItem(item, atMs));
    const known = await this.#projectsOf(executionsToLookUp(producer, judged), appender);
    const name = nameOf(request);
    const requestId = randomId();
    const parts = scopeEvents(producer, judged, known).map((part, place) =>
      part.kind === 'event' ? toEntry(part.event, place, name, requestId, keys) : part,
    );
    const entries = parts.flatMap((part) => (part.kind === 'entry' ? [part.entry] : []));
    const once = requestOnceOf(name, keys);
    if (once === undefined) return this.#answer(parts, await appender.append(entries));
    // Also where no entry is left: the key stands for these contents from now on.
    const outcome = await appender.appendRequest(once, entries);
    return outcome.kind === 'other_request'
      ? { kind: 'key_reused' }
      : this.#answer(parts, outcome.entries);
  }

  #answer(parts: readonly EntryPart[], appended: readonly AppendedEntry[]): EventsAnswer {
    const counts = { appended: 0, repeated: 0, refused: 0 };
    const next = appended.values();
    const results = parts.map((part): EventResult => {
      if (part.kind === 'refused') {
        counts.refused += 1;
        return { error: part.refusal };
      }
      const { value } = next.next();
      if (value === undefined) throw new Error('fewer entries were appended than were given');
      counts[value.isRepeat ? 'repeated' : 'appended'] += 1;
      return { id: value.id };
    });
    for (const outcome of ['appended', 'repeated', 'refused'] as const) {
      if (counts[outcome] > 0) this.#options.observer.onEvents('http', outcome, counts[outcome]);
    }
    return { kind: 'results', results, isRepeat: counts.appended === 0 && counts.repeated > 0 };
  }

  /** From the tasks; where the projector has not come to an execution yet, from what was noted. */
  async #projectsOf(
    executionIds: readonly string[],
    appender: Appender,
  ): Promise<ReadonlyMap<string, string>> {
    const { redis, keys } = this.#options;
    const projects = new Map<string, string>();
    if (executionIds.length === 0) return projects;
    const found = await appender.retry(async () => {
      const pipeline = redis.pipeline();
      for (const id of executionIds) {
        pipeline.hget(keys.execution(id), 'project').get(keys.intake.projectOf(id));
      }
      return ((await pipeline.exec()) ?? []).map(([error, value]) => {
        if (error !== null) throw error;
        return value as string | null;
      });
    });
    executionIds.forEach((id, place) => {
      const project = found[2 * place] ?? found[2 * place + 1];
      if (project !== null && project !== undefined) projects.set(id, project);
    });
    return projects;
  }
}

function fromCloudEvent(item: EventItem): EventItem {
  return item.kind === 'value' ? readCloudEvent(item.value) : item;
}
