import type { EntryOnce } from '../../redis/append-once.ts';

/** A script stays small enough to hold up nobody else in Redis. */
export const MAX_BATCH_LINES = 500;
export const MAX_BATCH_BYTES = 256 * 1024;

/** How far the inputs have been read. */
export interface Place {
  /** The path of the input, where there are several. */
  readonly file: string | undefined;
  /** 0 before the first one. */
  readonly line: number;
  /** Of all inputs up to there. */
  readonly bytes: number;
}

export interface EntryLine {
  readonly entry: EntryOnce;
  /** Of the entry's fields and values. */
  readonly bytes: number;
  readonly place: Place;
}

export interface Batch {
  /** In the order of the inputs; empty where nothing was to be appended. */
  readonly lines: readonly EntryLine[];
  /** With this batch everything up to there is done, lines that are no event included. */
  readonly through: Place;
}

/**
 * The batch that is prepared while the one before it is on its way. It is taken as soon as there is
 * anything in it, so that a line of a slow input does not wait for others; and it has an end, so that
 * an input is read only as fast as batches are taken. One puts lines in, one takes batches.
 */
export class NextBatch {
  #lines: EntryLine[] = [];
  #bytes = 0;
  #through: Place | undefined;
  #isEnded = false;
  #taking: (() => void) | undefined;
  #adding: (() => void) | undefined;

  /** Resolves once the line is in the batch; after the end it is left out. */
  async add(line: EntryLine): Promise<void> {
    while (!this.#hasRoomFor(line) && !this.#isEnded) {
      await new Promise<void>((resolve) => {
        this.#adding = resolve;
      });
    }
    if (this.#isEnded) return;
    this.#lines.push(line);
    this.#bytes += line.bytes;
    this.pass(line.place);
  }

  /** Takes note of a line of which nothing is appended. */
  pass(place: Place): void {
    if (this.#isEnded) return;
    this.#through = place;
    this.#taking?.();
  }

  /** What is in the batch can still be taken; nothing more is put in. */
  end(): void {
    this.#isEnded = true;
    this.#taking?.();
    this.#adding?.();
  }

  /** Resolves with what there is, once there is something; undefined at the end. */
  async take(): Promise<Batch | undefined> {
    while (this.#through === undefined && !this.#isEnded) {
      await new Promise<void>((resolve) => {
        this.#taking = resolve;
      });
    }
    if (this.#through === undefined) return undefined;
    const batch = { lines: this.#lines, through: this.#through };
    this.#lines = [];
    this.#bytes = 0;
    this.#through = undefined;
    this.#adding?.();
    return batch;
  }

  #hasRoomFor(line: EntryLine): boolean {
    const { length } = this.#lines;
    return (
      length === 0 || (length < MAX_BATCH_LINES && this.#bytes + line.bytes <= MAX_BATCH_BYTES)
    );
  }
}
