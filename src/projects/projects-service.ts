import type { ProjectListItem } from '@tasktrail/contract';
import type { Logger } from 'pino';
import { jitteredMs } from '../runtime/jitter.ts';
import { sleep } from '../runtime/retry.ts';
import type { Health } from '../runtime/service.ts';
import { unlessAborted } from '../runtime/unless-aborted.ts';
import { type Projects, type ProjectsMetrics, ProjectsUnavailableError } from './projects.ts';
import { notesOn, type ProjectsNote } from './projects-notes.ts';
import { type ProjectsSource, problemOf } from './projects-source.ts';
import {
  afterReading,
  currentProblem,
  inForce,
  NOTHING_READ,
  needsFallback,
  type ProjectsState,
  type Reading,
  type SourceState,
} from './projects-state.ts';

export interface ProjectsOptions {
  readonly logger: Logger;
  readonly metrics: ProjectsMetrics;
  readonly refreshMs: number;
  /** The longest that a look at one source may take, in milliseconds. */
  readonly lookTimeoutMs?: number;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** 0 ≤ r < 1; a parameter so that tests are repeatable. */
  readonly random?: () => number;
}

const LOOK_TIMEOUT_MS = 10_000;

/** Looks at the source again and again. Trouble with it is state, never a failure of the service. */
export class ProjectsService implements Projects {
  readonly name = 'projects';
  /** Resolves when the source was looked at once, whatever came of it, and when `run` ends. */
  readonly firstLook: Promise<void>;
  readonly #source: ProjectsSource;
  readonly #fallback: ProjectsSource | undefined;
  readonly #options: ProjectsOptions;
  readonly #now: () => number;
  readonly #looked = Promise.withResolvers<void>();
  #state: ProjectsState = NOTHING_READ;

  constructor(
    source: ProjectsSource,
    fallback: ProjectsSource | undefined,
    options: ProjectsOptions,
  ) {
    this.#source = source;
    this.#fallback = fallback;
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.firstLook = this.#looked.promise;
  }

  list(): readonly ProjectListItem[] {
    const list = inForce(this.#state, this.#source.kind);
    if (list !== undefined) return list.projects;
    const problem = currentProblem(this.#state) ?? 'has not been looked at yet';
    throw new ProjectsUnavailableError(
      `there is no list of projects yet: its source ${problem}. It is tried again by itself.`,
    );
  }

  /** Always ready: without a list of projects the tasks can still be shown. */
  health(): Health {
    const list = inForce(this.#state, this.#source.kind);
    const { broken } = this.#state.source;
    return {
      ready: true,
      details: {
        source: list?.origin ?? null,
        loadedAt: list === undefined ? null : new Date(list.loadedAtMs).toISOString(),
        brokenSince: broken === undefined ? null : new Date(broken.sinceMs).toISOString(),
        problem: currentProblem(this.#state) ?? null,
      },
    };
  }

  async run(signal: AbortSignal): Promise<void> {
    const { refreshMs, random = Math.random } = this.#options;
    try {
      while (!signal.aborted) {
        await this.#refresh(signal);
        this.#looked.resolve();
        await sleep(jitteredMs(refreshMs, random()), signal);
      }
    } finally {
      this.#looked.resolve();
      this.#source.close();
      this.#fallback?.close();
    }
  }

  async #refresh(signal: AbortSignal): Promise<void> {
    const before = this.#state;
    const reading = await this.#read(this.#source, before.source, signal);
    const { state: source, outcome } = afterReading(before.source, reading, this.#now());
    let after: ProjectsState = { ...before, source };
    if (this.#fallback !== undefined && needsFallback(after) && !signal.aborted) {
      const standIn = await this.#read(this.#fallback, before.fallback, signal);
      after = { source, fallback: afterReading(before.fallback, standIn, this.#now()).state };
    }
    // A look that the stop broke off says nothing about the source.
    if (signal.aborted) return;
    this.#state = after;
    for (const note of notesOn(before, after, this.#source.kind)) this.#log(note);
    const brokenMs = source.broken === undefined ? 0 : this.#now() - source.broken.sinceMs;
    this.#options.metrics.setBrokenSeconds(Math.max(0, brokenMs) / 1000);
    this.#options.metrics.onRefresh(outcome);
  }

  async #read(source: ProjectsSource, known: SourceState, signal: AbortSignal): Promise<Reading> {
    const timeout = AbortSignal.timeout(this.#options.lookTimeoutMs ?? LOOK_TIMEOUT_MS);
    const limit = AbortSignal.any([signal, timeout]);
    try {
      return await unlessAborted(source.look(known.seen?.version, limit), limit);
    } catch (error) {
      return { kind: 'failed', problem: problemOf(error) };
    }
  }

  #log(note: ProjectsNote): void {
    const { logger } = this.#options;
    const source = this.#source.location;
    switch (note.kind) {
      case 'loaded':
        logger.info(
          { source, origin: note.origin, projects: note.projects },
          'list of projects loaded',
        );
        break;
      case 'recovered':
        logger.info({ source }, 'the source of projects is whole again');
        break;
      case 'broken':
        logger[note.inForce === undefined ? 'error' : 'warn'](
          {
            source,
            fallback: this.#fallback?.location,
            problem: note.problem,
            inForce: note.inForce,
          },
          'the source of projects is broken',
        );
        break;
    }
  }
}
