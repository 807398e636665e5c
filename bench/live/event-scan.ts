import { MARK } from './workload.ts';

const NEEDLE = Buffer.from(MARK);
const AT = Buffer.from(' at ').length;
const [ZERO, NINE, SPACE] = [0x30, 0x39, 0x20];
/** An event's mark, number and time are no longer than this. */
const LONGEST = 64;
/** With these ends nothing that is looked for: a line, an array, an object. */
const ENDS: ReadonlySet<number | undefined> = new Set([0x0a, 0x5d, 0x7d]);

/** Finds the events in a stream of bytes, whatever carries them and wherever the bytes are cut. */
export class EventScan {
  #rest: Buffer | undefined;

  /** @param onEvent its number, and when it was made in microseconds of the machine's clock */
  feed(bytes: Buffer, onEvent: (number: number, atUs: number) => void): void {
    const text = this.#rest === undefined ? bytes : Buffer.concat([this.#rest, bytes]);
    this.#rest = undefined;
    let done = 0;
    for (;;) {
      const found = text.indexOf(NEEDLE, done);
      if (found < 0) break;
      let index = found + NEEDLE.length;
      let number = 0;
      for (let digit = text[index]; isDigit(digit); digit = text[++index]) {
        number = number * 10 + digit - ZERO;
      }
      index += AT;
      let atUs = 0;
      for (let digit = text[index]; isDigit(digit); digit = text[++index]) {
        atUs = atUs * 10 + digit - ZERO;
      }
      if (text[index] !== SPACE) break;
      onEvent(number, atUs);
      done = index;
    }
    if (ENDS.has(text.at(-1))) return;
    // Copied: the bytes are in memory that the next read overwrites.
    this.#rest = Buffer.from(text.subarray(Math.max(done, text.length - LONGEST)));
  }
}

function isDigit(byte: number | undefined): byte is number {
  return byte !== undefined && byte >= ZERO && byte <= NINE;
}
