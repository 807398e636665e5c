import type { AppendedEntry } from '../../redis/append-once.ts';
import type { ProgressBar, Terminal } from '../progress-bar.ts';
import type { Batch, Place } from './batch.ts';
import { appendedLine, countsText, type EmitCounts, placeText, summaryText } from './texts.ts';

/** How an emit tells what became of lines: each on standard output, by a bar, or only in the end. */
export type OutputMode = 'lines' | 'bar' | 'summary';

/**
 * @param terminal where a bar can be drawn, when standard output is a terminal
 * @param isTyped a person types the lines, whom a bar would disturb
 */
export function outputModeOf(
  { quiet = false }: { readonly quiet?: boolean },
  terminal: Terminal | undefined,
  isTyped: boolean,
): OutputMode {
  if (quiet) return 'summary';
  return terminal?.isTTY === true && !isTyped ? 'bar' : 'lines';
}

export interface OutputOptions {
  readonly mode: OutputMode;
  /** Drawn on where the mode is `bar`. */
  readonly bar: ProgressBar | undefined;
  readonly write: (text: string) => void | Promise<void>;
  readonly writeError: (line: string) => void;
  readonly monotonicMs: () => number;
}

/** Counts what becomes of lines, and tells it. */
export class EmitOutput {
  readonly #options: OutputOptions;
  readonly #startedAt: number;
  #counts: EmitCounts = { appended: 0, repeated: 0, refused: 0 };

  constructor(options: OutputOptions) {
    this.#options = options;
    this.#startedAt = options.monotonicMs();
  }

  get counts(): EmitCounts {
    return this.#counts;
  }

  /** Resolves when standard output takes more. */
  async appended({ lines, through }: Batch, entries: readonly AppendedEntry[]): Promise<void> {
    const repeated = entries.filter(({ isRepeat }) => isRepeat).length;
    this.#counts = {
      ...this.#counts,
      appended: this.#counts.appended + entries.length - repeated,
      repeated: this.#counts.repeated + repeated,
    };
    const { mode, bar, monotonicMs, write } = this.#options;
    bar?.update(through.bytes, countsText(this.#counts, monotonicMs() - this.#startedAt));
    if (mode !== 'lines' || lines.length === 0) return;
    const told = entries.flatMap(({ id, isRepeat }, index) => {
      const line = lines[index];
      return line === undefined ? [] : [appendedLine(line.place, id, isRepeat)];
    });
    await write(told.join('\n'));
  }

  refused(place: Place, problem: string): void {
    this.#counts = { ...this.#counts, refused: this.#counts.refused + 1 };
    this.problem(`${placeText(place)}: ${problem}`);
  }

  problem(text: string): void {
    const { bar, writeError } = this.#options;
    if (bar === undefined) writeError(text);
    else bar.log(text);
  }

  /** @param text what is to be said in the end besides the summary */
  close(text: string | undefined): void {
    const { mode, bar, writeError } = this.#options;
    bar?.stop();
    if (text !== undefined) writeError(text);
    if (mode !== 'lines') writeError(summaryText(this.#counts));
  }
}
