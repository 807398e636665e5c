/**
 * The memory for bodies that are received or worked on at the same time. It is taken before the first
 * byte is read: what is refused then costs nothing, and what was granted can come to its end.
 */
export class BodyBudget {
  #freeBytes: number;

  constructor(bytes: number) {
    this.#freeBytes = bytes;
  }

  /** Takes so many bytes until what it returns is disposed of; undefined: they are not there. */
  reserve(bytes: number): Disposable | undefined {
    if (bytes > this.#freeBytes) return undefined;
    this.#freeBytes -= bytes;
    let isHeld = true;
    return {
      [Symbol.dispose]: () => {
        if (isHeld) this.#freeBytes += bytes;
        isHeld = false;
      },
    };
  }
}
