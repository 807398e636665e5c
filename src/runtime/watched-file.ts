import type { Logger } from 'pino';
import { withDeadline } from './deadline.ts';
import { type Look, lookAtFile, readingProblemOf } from './file-look.ts';
import { jitteredMs } from './jitter.ts';
import { sleep } from './retry.ts';
import type { Health, HealthCheck, Service } from './service.ts';
import {
  afterReading,
  type FileNote,
  type FileReading,
  type FileState,
  notesOn,
  type SettingsFile,
  SettingsFileError,
} from './settings-file.ts';
import { unlessAborted } from './unless-aborted.ts';

export interface FileObserver {
  /** The file had changed. `failed`: it cannot be used; told once for each reason. */
  onReload(outcome: 'changed' | 'failed'): void;
  setBroken(isBroken: boolean): void;
}

export interface WatchedFileOptions {
  readonly logger: Logger;
  readonly observer: FileObserver;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Between two looks, a tenth more or less. Default 2000. */
  readonly lookEveryMs?: number | undefined;
  /** 0 ≤ r < 1; a parameter so that tests are repeatable. */
  readonly random?: (() => number) | undefined;
}

/** Contents for thousands of people fit; what is larger is some other file. */
export const MAX_SETTINGS_BYTES = 1024 * 1024;

const LOOK_EVERY_MS = 2000;
const LOOK_TIMEOUT_MS = 10_000;
/** Faults that one log line names; the rest is only counted. */
const MAX_FAULTS_TOLD = 20;

/**
 * A file of settings that is read at start and looked at again while it runs, so that a change needs
 * no restart. While it is gone or broken its last good contents stay in force, and health details,
 * log and metrics say so; it never makes the process unready.
 *
 * It is looked at rather than watched by the kernel: mounted configuration is replaced by swapping a
 * symbolic link above it, and network file systems tell of no change.
 */
export class WatchedFile<T> implements Service, HealthCheck {
  readonly name: string;
  readonly #file: SettingsFile<T>;
  readonly #options: WatchedFileOptions;
  #state: FileState<T>;
  #looking: Promise<Look> | undefined;

  /** @throws SettingsFileError when the file cannot be used */
  static async open<T>(file: SettingsFile<T>, options: WatchedFileOptions) {
    const state = await readFirst(file, options.now);
    options.observer.setBroken(false);
    return new WatchedFile(file, options, state);
  }

  private constructor(file: SettingsFile<T>, options: WatchedFileOptions, state: FileState<T>) {
    this.name = file.name;
    this.#file = file;
    this.#options = options;
    this.#state = state;
  }

  /** What the contents in force say. */
  get current(): T {
    return this.#state.value;
  }

  health(): Health {
    const { loadedAtMs, broken } = this.#state;
    return {
      ready: true,
      details: {
        loadedAt: new Date(loadedAtMs).toISOString(),
        brokenSince: broken === undefined ? null : new Date(broken.sinceMs).toISOString(),
        problem: broken?.summary ?? null,
      },
    };
  }

  async run(signal: AbortSignal): Promise<void> {
    const { lookEveryMs = LOOK_EVERY_MS, random = Math.random } = this.#options;
    while (!signal.aborted) {
      await sleep(jitteredMs(lookEveryMs, random()), signal);
      const reading = signal.aborted ? undefined : await this.#look(signal);
      // A look that the stop broke off says nothing about the file.
      if (reading !== undefined && !signal.aborted) this.#take(reading);
    }
  }

  async #look(signal: AbortSignal): Promise<FileReading> {
    // Where a file system hangs, the same look is waited for again: a further one would only hold
    // another of the few threads that every file and every name look-up needs.
    this.#looking ??= lookAtFile(
      this.#file.path,
      this.#state.seen.version,
      MAX_SETTINGS_BYTES,
    ).finally(() => {
      this.#looking = undefined;
    });
    try {
      const { path } = this.#file;
      return await unlessAborted(withDeadline(this.#looking, LOOK_TIMEOUT_MS, path), signal);
    } catch (error) {
      return { kind: 'failed', problem: readingProblemOf(error) };
    }
  }

  #take(reading: FileReading): void {
    const before = this.#state;
    this.#state = afterReading(before, reading, this.#file.parse, this.#options.now());
    for (const note of notesOn(before, this.#state)) this.#tell(note);
    this.#options.observer.setBroken(this.#state.broken !== undefined);
  }

  #tell(note: FileNote): void {
    const { logger, observer } = this.#options;
    const { name: file, path } = this.#file;
    switch (note.kind) {
      case 'changed':
        observer.onReload('changed');
        logger.info({ file, path }, 'a settings file was read again');
        break;
      case 'failed': {
        observer.onReload('failed');
        const { problems } = note;
        const told = { problems: problems.slice(0, MAX_FAULTS_TOLD), faults: problems.length };
        logger.error(
          { file, path, ...told },
          'a settings file cannot be used; its last good contents stay in force',
        );
        break;
      }
      case 'recovered':
        logger.info({ file, path }, 'a settings file can be used again');
        break;
    }
  }
}

/**
 * Reads a file of settings once.
 *
 * @throws SettingsFileError when it cannot be used
 */
export async function readSettingsFile<T>(file: SettingsFile<T>): Promise<T> {
  return (await readFirst(file, Date.now)).value;
}

async function readFirst<T>(file: SettingsFile<T>, now: () => number): Promise<FileState<T>> {
  const looking = lookAtFile(file.path, undefined, MAX_SETTINGS_BYTES);
  const { version, bytes } = await withDeadline(looking, LOOK_TIMEOUT_MS, file.path).catch(
    (cause: unknown) => {
      throw new SettingsFileError(file, [`it ${readingProblemOf(cause)}`], { cause });
    },
  );
  const parsed = file.parse(bytes);
  if (parsed.kind === 'invalid') throw new SettingsFileError(file, parsed.problems);
  const seen = { version, problems: undefined };
  return { value: parsed.value, loadedAtMs: now(), seen, broken: undefined };
}
