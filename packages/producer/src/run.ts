import type { StreamId } from '@tasktrail/contract';
import type { AppendInput } from './entry.ts';
import { RunStateError } from './errors.ts';

export type RunState = 'new' | 'queued' | 'running' | 'ended';

const RUN_ACTIONS = ['queue', 'start', 'update', 'succeed', 'fail', 'cancel', 'restart'] as const;
export type RunAction = (typeof RUN_ACTIONS)[number];

const TRANSITIONS: Readonly<Record<RunState, Readonly<Partial<Record<RunAction, RunState>>>>> = {
  new: { queue: 'queued', start: 'running', fail: 'ended', cancel: 'ended' },
  queued: { start: 'running', update: 'queued', fail: 'ended', cancel: 'ended' },
  running: { update: 'running', succeed: 'ended', fail: 'ended', cancel: 'ended' },
  ended: { restart: 'running' },
};

const STATUSES = {
  queue: 'queued',
  start: 'in_progress',
  update: undefined,
  succeed: 'success',
  fail: 'error',
  cancel: 'cancelled',
  restart: 'in_progress',
} as const satisfies Record<RunAction, AppendInput['status']>;

/** The state after an action; undefined when the action is not possible in that state. */
export function nextRunState(state: RunState, action: RunAction): RunState | undefined {
  return TRANSITIONS[state][action];
}

/** What every event of a run may state. */
export type RunFields = Pick<
  AppendInput,
  'message' | 'taskName' | 'flow' | 'actor' | 'prLinks' | 'visibility' | 'occurredAt' | 'eventId'
>;

export interface RunOptions
  extends Pick<AppendInput, 'taskName' | 'flow' | 'actor' | 'prLinks' | 'visibility'> {
  readonly executionId: string;
  /** `owner/repo` */
  readonly project: string;
  /** Counts the runs of the same execution. Default 1. */
  readonly attempt?: number;
}

/** How a run's events leave: the producer. */
export interface RunOutlet {
  /** Throws when nothing was buffered. */
  append(event: AppendInput): Promise<StreamId>;
  /** Runs `appending` so that its failure is reported, and never an unhandled rejection. */
  reported(appending: () => Promise<StreamId>): Promise<StreamId>;
}

/**
 * One execution: `queue`, `start`, `update`, then `succeed`, `fail` or `cancel`; `restart` begins
 * the next attempt. Methods may be called without waiting for the ones before. One that is not
 * possible now rejects with RunStateError, and one whose event was not taken leaves the run as it
 * was, so that it can be called again.
 */
export class Run {
  readonly executionId: string;
  readonly #project: string;
  readonly #outlet: RunOutlet;
  /** What the first event states besides; later ones leave it as it is then. */
  #description: RunFields;
  #state: RunState = 'new';
  #attempt: number;

  constructor(options: RunOptions, outlet: RunOutlet) {
    const { executionId, project, attempt = 1, ...description } = options;
    this.executionId = executionId;
    this.#project = project;
    this.#attempt = attempt;
    this.#description = description;
    this.#outlet = outlet;
  }

  get state(): RunState {
    return this.#state;
  }

  get attempt(): number {
    return this.#attempt;
  }

  queue(fields: RunFields = {}): Promise<StreamId> {
    return this.#act('queue', fields);
  }

  start(fields: RunFields = {}): Promise<StreamId> {
    return this.#act('start', fields);
  }

  update(fields: RunFields): Promise<StreamId> {
    return this.#act('update', fields);
  }

  succeed(fields: RunFields = {}): Promise<StreamId> {
    return this.#act('succeed', fields);
  }

  /** Of an Error the message is stated, in a form that is always valid. */
  fail(reason: Error | RunFields = {}): Promise<StreamId> {
    return this.#act('fail', reason instanceof Error ? { message: messageOf(reason) } : reason);
  }

  cancel(fields: RunFields = {}): Promise<StreamId> {
    return this.#act('cancel', fields);
  }

  /** Starts the next attempt of a run that has ended. */
  restart(fields: RunFields = {}): Promise<StreamId> {
    return this.#act('restart', fields);
  }

  #act(action: RunAction, fields: RunFields): Promise<StreamId> {
    return this.#outlet.reported(() => {
      const state = nextRunState(this.#state, action);
      if (state === undefined) throw this.#refusal(action);
      const attempt = action === 'restart' ? this.#attempt + 1 : this.#attempt;
      const status = STATUSES[action];
      const appended = this.#outlet.append({
        ...this.#description,
        ...fields,
        executionId: this.executionId,
        project: this.#project,
        attempt,
        ...(status === undefined ? {} : { status }),
      });
      this.#state = state;
      this.#attempt = attempt;
      this.#description = {};
      return appended;
    });
  }

  #refusal(action: RunAction): RunStateError {
    const possible = RUN_ACTIONS.filter((a) => nextRunState(this.#state, a) !== undefined);
    return new RunStateError(this.executionId, this.#state, action, possible);
  }
}

const MAX_MESSAGE = 2000;
/** ANSI escape sequences, as compilers colour their errors with. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the purpose
const ANSI = /\u001b\[[0-9;?]*[ -/]*[@-~]/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the purpose
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** An error's message as a task's: telling of a failure must not fail on what the failure says. */
function messageOf(error: Error): string {
  const text = (error.message || error.name)
    .replaceAll('\r\n', '\n')
    .replace(ANSI, '')
    .replace(CONTROL, ' ');
  return text.length <= MAX_MESSAGE ? text : `${text.slice(0, MAX_MESSAGE - 1)}…`;
}
