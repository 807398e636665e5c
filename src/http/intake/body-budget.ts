/** How much of a budget one owner may have: enough to work, and too little to keep others out. */
const OWNER_SHARE = 1 / 4;

/**
 * The memory for bodies that are received or worked on at the same time, and how much of it each
 * owner has. It is taken before memory is: what is refused then costs nothing.
 */
export class BodyBudget {
  readonly #bytesPerOwner: number;
  readonly #heldBytes = new Map<string, number>();
  #freeBytes: number;

  constructor(bytes: number) {
    this.#freeBytes = bytes;
    this.#bytesPerOwner = bytes * OWNER_SHARE;
  }

  /** Takes so many bytes until what it returns is disposed of; undefined: they are not there. */
  reserve(bytes: number, owner: string): Disposable | undefined {
    const heldBytes = this.#heldBytes.get(owner) ?? 0;
    if (bytes > this.#freeBytes || heldBytes + bytes > this.#bytesPerOwner) return undefined;
    this.#move(bytes, owner);
    let isHeld = true;
    return {
      [Symbol.dispose]: () => {
        if (isHeld) this.#move(-bytes, owner);
        isHeld = false;
      },
    };
  }

  #move(bytes: number, owner: string): void {
    this.#freeBytes -= bytes;
    const heldBytes = (this.#heldBytes.get(owner) ?? 0) + bytes;
    if (heldBytes === 0) this.#heldBytes.delete(owner);
    else this.#heldBytes.set(owner, heldBytes);
  }
}
