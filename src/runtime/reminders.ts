/** A silence of so long ends a trouble: the same one later is another one. */
const SILENCE_MS = 10_000;
/** A trouble that lasts is said again after so long, so that the end of a log shows it. */
const AGAIN_AFTER_MS = 60_000;

interface Said {
  saidAtMs: number;
  seenAtMs: number;
}

/** What is tried again every second fails every second: it is said at first, and then each minute. */
export class Reminders {
  readonly #said = new Map<string, Said>();

  /**
   * Whether to say that something happened.
   *
   * @param what the same text for what need not be said twice
   * @param nowMs of a clock that never goes back
   */
  isDue(what: string, nowMs: number): boolean {
    for (const [text, { seenAtMs }] of this.#said) {
      if (nowMs - seenAtMs >= SILENCE_MS) this.#said.delete(text);
    }
    const said = this.#said.get(what);
    if (said !== undefined) said.seenAtMs = nowMs;
    if (said !== undefined && nowMs - said.saidAtMs < AGAIN_AFTER_MS) return false;
    this.#said.set(what, { saidAtMs: nowMs, seenAtMs: nowMs });
    return true;
  }
}
