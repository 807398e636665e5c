/** Bytes of one line, without its end. */
export const MAX_LINE_BYTES = 1024 * 1024;

const LF = 0x0a;
const CR = 0x0d;
/** One more than a line has, for the CR that belongs to its end. */
const MAX_HELD_BYTES = MAX_LINE_BYTES + 1;
const FIRST_HELD_BYTES = 4096;

/** A line of an input, or why it cannot be read as one. */
export type InputLine = {
  /** The first one is 1. */
  readonly number: number;
  /** Bytes of the input up to and with the end of the line. */
  readonly endsAt: number;
} & (
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'unreadable'; readonly problem: string }
);

/**
 * Takes chunks of bytes apart into lines. A line ends with LF or CR LF, or with the input; a byte
 * order mark at its beginning is none of its text, since files that have one are also concatenated.
 *
 * Each line is decoded by itself, so that bytes which are no UTF-8 spoil no other one. Only a line
 * that goes on in the next chunk is held, and no longer than it may still become a fine one: of one
 * that is too long nothing is kept but that it is.
 */
export class LineSplitter {
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });
  #held: Uint8Array = new Uint8Array(0);
  #heldLength = 0;
  #isTooLong = false;
  #isInLine = false;
  #number = 0;
  #endsAt = 0;

  /** Bytes that this holds until their line ends. */
  get heldBytes(): number {
    return this.#held.length;
  }

  /** Whether the last chunk ended within a line. */
  get isInLine(): boolean {
    return this.#isInLine;
  }

  /** Gives the lines that end in the chunk. It must be read to its end before the next one. */
  *push(chunk: Uint8Array): Generator<InputLine> {
    let start = 0;
    for (let end = chunk.indexOf(LF); end >= 0; end = chunk.indexOf(LF, start)) {
      this.#endsAt += end + 1 - start;
      const part = chunk.subarray(start, end);
      start = end + 1;
      yield this.#finish(part);
    }
    if (start === chunk.length) return;
    this.#endsAt += chunk.length - start;
    this.#isInLine = true;
    this.#hold(chunk.subarray(start));
  }

  /** Gives the last line where the input ended without an end of line. */
  *end(): Generator<InputLine> {
    if (this.#isInLine) yield this.#finish(new Uint8Array(0));
  }

  #finish(part: Uint8Array): InputLine {
    let bytes = part;
    if (this.#isInLine) {
      this.#hold(part);
      bytes = this.#held.subarray(0, this.#heldLength);
    }
    if (bytes.at(-1) === CR) bytes = bytes.subarray(0, -1);
    const isTooLong = this.#isTooLong || bytes.length > MAX_LINE_BYTES;
    this.#number += 1;
    this.#heldLength = 0;
    this.#isInLine = false;
    this.#isTooLong = false;
    const place = { number: this.#number, endsAt: this.#endsAt };
    if (isTooLong) return { ...place, kind: 'unreadable', problem: 'is longer than 1 MiB' };
    try {
      return { ...place, kind: 'text', text: this.#decoder.decode(bytes) };
    } catch {
      return { ...place, kind: 'unreadable', problem: 'is no UTF-8' };
    }
  }

  #hold(part: Uint8Array): void {
    const length = this.#heldLength + part.length;
    if (this.#isTooLong || length > MAX_HELD_BYTES) {
      this.#isTooLong = true;
      this.#held = new Uint8Array(0);
      return;
    }
    if (length > this.#held.length) this.#grow(length);
    this.#held.set(part, this.#heldLength);
    this.#heldLength = length;
  }

  /** By doubling: a line may come byte by byte. */
  #grow(length: number): void {
    const wanted = Math.max(FIRST_HELD_BYTES, this.#held.length * 2, length);
    const larger = new Uint8Array(Math.min(MAX_HELD_BYTES, wanted));
    larger.set(this.#held.subarray(0, this.#heldLength));
    this.#held = larger;
  }
}
