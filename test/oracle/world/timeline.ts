/** What happened when, for a person who looks into a failure. */
export class Timeline {
  readonly #lines: { readonly atMs: number; readonly what: string }[] = [];
  readonly #startedAt = performance.now();

  note(what: string): void {
    this.#lines.push({ atMs: Math.round(performance.now() - this.#startedAt), what });
  }

  /** A line for each, after so much space. */
  text(margin = ''): string {
    return this.#lines.map(({ atMs, what }) => `${margin}${atMs} ms: ${what}`).join('\n');
  }
}
