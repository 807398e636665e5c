import { MultiBar } from 'cli-progress';

/** The screen of a person: a stream that a bar can be drawn on and drawn over. */
export type Terminal = NodeJS.WritableStream & {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
};

/** With a size the part of it that is done; without one only counts. */
const FORMATS = { sized: '[{bar}] {percentage}%  {counts}', endless: '{counts}' };
const BAR_COLUMNS = 30;

/** Draws how far something is on one line of a terminal, with lines of text above it. */
export class ProgressBar {
  readonly #bars: MultiBar;
  readonly #bar: ReturnType<MultiBar['create']>;

  /** @param size of the whole, in any unit; undefined where it is unknown */
  constructor(terminal: Terminal, size: number | undefined) {
    this.#bars = new MultiBar({
      stream: terminal,
      format: size === undefined ? FORMATS.endless : FORMATS.sized,
      barsize: BAR_COLUMNS,
      // Whatever a line above has wiped out comes back with the next frame.
      forceRedraw: true,
      // Else lines above it that are longer than the terminal is wide would be cut.
      linewrap: true,
      // It would handle signals by itself.
      gracefulExit: false,
    });
    this.#bar = this.#bars.create(size ?? 0, 0, { counts: 'nothing yet' });
  }

  /**
   * @param done of the size
   * @param counts what was done, in words
   */
  update(done: number, counts: string): void {
    this.#bar.update(done, { counts });
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
