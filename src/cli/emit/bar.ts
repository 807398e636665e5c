import { MultiBar } from 'cli-progress';
import type { EmitCounts } from './texts.ts';

/** The screen of a person: a stream that a bar can be drawn on and drawn over. */
export type EmitTerminal = NodeJS.WritableStream & {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
};

/** With a size the part of its bytes that is done; without one only counts. */
const FORMATS = { sized: '[{bar}] {percentage}%  {counts}', endless: '{counts}' };
const BAR_COLUMNS = 30;

/** Draws how far the inputs are on one line of a terminal, with lines of text above it. */
export class EmitBar {
  readonly #bars: MultiBar;
  readonly #bar: ReturnType<MultiBar['create']>;

  /** @param sizeBytes of all inputs; undefined where it is unknown */
  constructor(terminal: EmitTerminal, sizeBytes: number | undefined) {
    this.#bars = new MultiBar({
      stream: terminal,
      format: sizeBytes === undefined ? FORMATS.endless : FORMATS.sized,
      barsize: BAR_COLUMNS,
      // Whatever a line above has wiped out comes back with the next frame.
      forceRedraw: true,
      // Else lines above it that are longer than the terminal is wide would be cut.
      linewrap: true,
      // It would handle signals by itself.
      gracefulExit: false,
    });
    this.#bar = this.#bars.create(sizeBytes ?? 0, 0, { counts: 'nothing yet' });
  }

  update(doneBytes: number, counts: EmitCounts, elapsedMs: number): void {
    this.#bar.update(doneBytes, { counts: countsText(counts, elapsedMs) });
  }

  /** Writes a line above the bar. */
  log(text: string): void {
    this.#bars.log(`${text}\n`);
    this.#bars.update();
  }

  stop(): void {
    this.#bars.stop();
  }
}

/** `1200 events, 400/s`, and what was refused. */
export function countsText(counts: EmitCounts, elapsedMs: number): string {
  const { appended, repeated, refused } = counts;
  const events = appended + repeated;
  const rate = elapsedMs > 0 ? Math.round((events * 1000) / elapsedMs) : 0;
  const problems = refused === 0 ? '' : `, ${refused} refused`;
  return `${events} ${events === 1 ? 'event' : 'events'}, ${rate}/s${problems}`;
}
