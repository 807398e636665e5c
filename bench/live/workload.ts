import type { WorkloadEvent } from './live.ts';

/** Tasks that take turns. Each event gives one another status, so each is a change. */
const TASKS = 50;
const STATUSES = ['queued', 'in_progress'] as const;
const PROJECT = 'acme/rig';

/** What stands before an event's number and time in whatever carries it. */
export const MARK = '"message":"number ';

/** Makes events that are numbered without a gap and say when they were made. */
export class Workload {
  readonly #audienceOf: ((number: number) => readonly string[]) | undefined;
  #next = 0;

  /** @param audienceOf the principals who may see an event's task; absent: it names nobody */
  constructor(audienceOf?: (number: number) => readonly string[]) {
    this.#audienceOf = audienceOf;
  }

  /** How many were made. */
  get made(): number {
    return this.#next;
  }

  make(count: number): WorkloadEvent[] {
    return Array.from({ length: count }, () => this.#make());
  }

  #make(): WorkloadEvent {
    const number = this.#next;
    this.#next += 1;
    const responsibleUsers = this.#audienceOf?.(number) ?? [];
    const occurredAt = new Date().toISOString();
    const facts = {
      executionId: `run-${number % TASKS}`,
      occurredAt,
      project: PROJECT,
      status: STATUSES[Math.floor(number / TASKS) % 2] ?? 'queued',
      message: `number ${number} at ${monotonicUs()} .`,
    };
    const visibility = { responsibleUsers };
    const fields = { ...facts, visibility: JSON.stringify(visibility) };
    return {
      number,
      fields: Object.entries(fields).flat(),
      item: {
        ...{ ...facts, visibility, taskName: facts.executionId, flow: null, actor: null },
        ...{ prLinks: [], createdAt: occurredAt, startedAt: null, finishedAt: null, attempt: 1 },
        previousStatus: 'queued',
      },
    };
  }
}

/** Microseconds on the clock that all processes of a Linux machine share. */
export function monotonicUs(): number {
  return Number(process.hrtime.bigint() / 1000n);
}
