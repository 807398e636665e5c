/** What a bot was told of one event that it sent. */
export interface Told {
  readonly marker: string;
  readonly via: 'package' | 'raw' | 'http';
  /** How a copy of it in the stream is known. */
  readonly field: 'eventId' | 'marker' | 'message';
  /**
   * - confirmed: it is in the stream, under this id;
   * - refused: it is not, by the request that was answered;
   * - unknown: nobody said.
   */
  outcome: 'confirmed' | 'refused' | 'unknown';
  id?: string;
  /** Whether a refusal says that it will never be there. */
  isFinal?: boolean;
  /** When it was confirmed, by the clock on the wall. */
  atMs?: number;
}

/** Every event of a round that somebody tried to append. */
export class Ledger {
  readonly entries: Told[] = [];
  /** What bots met that no bot should meet. */
  readonly faults: string[] = [];
  /** Events that were confirmed and then something else: fine only where the first was lost. */
  readonly moved: string[] = [];

  open(marker: string, via: Told['via'], field: Told['field']): Told {
    const told: Told = { marker, via, field, outcome: 'unknown' };
    this.entries.push(told);
    return told;
  }

  confirm(told: Told, id: string): void {
    if (told.outcome === 'confirmed' && told.id !== id) {
      this.moved.push(`${told.marker} was confirmed as ${told.id} and then as ${id}`);
    }
    Object.assign(told, { outcome: 'confirmed', id, atMs: Date.now() });
  }

  /**
   * @param isFinal not where its execution was unknown: it may have become known to another server,
   *   which still had an attempt that was not waited for
   */
  refuse(told: Told, isFinal: boolean): void {
    if (told.outcome === 'confirmed') {
      this.moved.push(`${told.marker} was confirmed as ${told.id} and then refused`);
    }
    Object.assign(told, { outcome: 'refused', isFinal });
  }
}
