import type {
  Difference,
  RepairMode,
  RepairObserver,
  RepairOutcome,
  RepairProgress,
} from '../../repair/repair.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { ProgressBar } from '../progress-bar.ts';
import { differenceText, notesOf, workText } from './text.ts';

export interface ReportOptions {
  readonly mode: RepairMode;
  /** Whether it is more than a dry run. */
  readonly writes: boolean;
  readonly isJson: boolean;
  readonly bar: ProgressBar | undefined;
  readonly clock: Clock;
  readonly write: (line: string) => void | Promise<void>;
  readonly writeError: (line: string) => void;
}

/** How often a line says how far it is, where no bar can be drawn. */
const PROGRESS_LINE_MS = 5000;

/** Tells every difference, but in a rebuild, where it counts them; and in the end what came of it. */
export class RepairReport implements RepairObserver {
  readonly #options: ReportOptions;
  readonly #startedAtMs: number;
  readonly #kinds = new Map<string, number>();
  #toldAtMs: number;

  constructor(options: ReportOptions) {
    this.#options = options;
    this.#startedAtMs = options.clock.monotonicMs();
    this.#toldAtMs = this.#startedAtMs;
  }

  async onDifference(difference: Difference, isMended: boolean): Promise<void> {
    const { mode, isJson, writes, write, bar } = this.#options;
    this.#kinds.set(difference.kind, (this.#kinds.get(difference.kind) ?? 0) + 1);
    if (mode === 'rebuild' && (isMended || !writes)) return;
    if (isJson) {
      const of = mode === 'check' ? difference : { ...difference, mended: isMended };
      await write(JSON.stringify(of));
      return;
    }
    const fate = isMended ? ': mended' : writes ? ': not mended' : '';
    const line = differenceText(difference, mode === 'check' ? '' : fate);
    if (bar === undefined) await write(line);
    else bar.log(line);
  }

  onProgress({ part, events, rows }: RepairProgress): void {
    const { bar, clock, writeError } = this.#options;
    const nowMs = clock.monotonicMs();
    const seconds = (nowMs - this.#startedAtMs) / 1000;
    const rate = seconds > 0 ? Math.round(events / seconds) : 0;
    const counts = `${events} events, ${rate}/s; ${rows} executions`;
    bar?.update(part, counts);
    if (bar !== undefined || nowMs - this.#toldAtMs < PROGRESS_LINE_MS) return;
    writeError(`${Math.floor(part * 100)} %  ${counts}`);
    this.#toldAtMs = nowMs;
  }

  onResume(part: number): void {
    this.#remark(`going on where an interrupted run was, at ${Math.floor(part * 100)} %`);
  }

  onWait(maxMs: number): void {
    const seconds = Math.ceil(maxMs / 1000);
    this.#remark(
      `nothing says how far events were applied: waiting ${seconds} s for a projector to begin`,
    );
  }

  /** Returns the exit code. */
  async end(outcome: RepairOutcome): Promise<number> {
    const { mode, isJson, writes, write, writeError } = this.#options;
    const say = isJson ? writeError : write;
    await say(`${this.#verdict(outcome)}; ${workText(outcome)}`);
    for (const note of notesOf(outcome)) await say(note);
    if (outcome.isStopped) {
      await say('stopped before the end: what was done stays; run this again to go on');
    }
    const left = outcome.differences - outcome.mended;
    if (left > 0 && mode === 'check') await say('tasktrail repair mends it');
    if (!writes && mode !== 'check') await say('dry run, nothing was written: --yes does it');
    const isUnfinished = outcome.isStopped || outcome.isWithoutCheckpoint;
    return left > 0 || isUnfinished ? 1 : 0;
  }

  /** Beside what was asked for. */
  #remark(text: string): void {
    const { bar, writeError } = this.#options;
    if (bar === undefined) writeError(text);
    else bar.log(text);
  }

  #verdict({ differences, mended, written }: RepairOutcome): string {
    const { mode, writes } = this.#options;
    const kinds = [...this.#kinds].map(([kind, count]) => `${count} ${kind}`).join(', ');
    const found = differences === 0 ? 'no difference' : `${differences} differences (${kinds})`;
    if (mode === 'check' || !writes) return found;
    const fates = differences === 0 ? found : `${found}, ${mended} mended`;
    return mode === 'rebuild' ? `${written} executions written anew; ${fates}` : fates;
  }
}
