/** Something that really happened, as it is counted where it does. */
export type Incident =
  | 'processes killed'
  | 'commits or appends cut off'
  | 'processes stopped'
  | 'processes frozen'
  | 'power cuts'
  | 'commits refused'
  | 'packets lost or held'
  | 'connections reset'
  | 'packets delayed'
  | 'replies cut'
  | 'freezes of Redis'
  | 'connections killed'
  | 'pauses of clients'
  | 'script caches emptied'
  | 'restarts of Redis'
  | 'failovers'
  | 'torn logs'
  | 'events that Redis lost'
  | `${RefusalCode} replies`;

/** The first word of what Redis answers instead of obeying. */
export type RefusalCode = 'LOADING' | 'BUSY' | 'OOM' | 'NOREPLICAS' | 'READONLY' | 'NOSCRIPT';

const REFUSAL_CODES: ReadonlySet<string> = new Set<RefusalCode>([
  ...(['LOADING', 'BUSY', 'OOM', 'NOREPLICAS', 'READONLY', 'NOSCRIPT'] as const),
]);

/** What a fault met: one that was planned may come at a moment when there is nothing to break. */
export class Tally {
  readonly #counts = new Map<Incident, number>();

  add(incident: Incident, times = 1): void {
    if (times > 0) this.#counts.set(incident, this.of(incident) + times);
  }

  of(incident: Incident): number {
    return this.#counts.get(incident) ?? 0;
  }

  /** Counts a reply that begins with an error. */
  judgeReply(bytes: Buffer): void {
    if (bytes[0] !== MINUS) return;
    const [, code = ''] = /^-([A-Z]+) /.exec(bytes.toString('latin1', 0, 32)) ?? [];
    // A replica that lost its primary says so in one of two ways.
    const refusal = code === 'MASTERDOWN' ? 'READONLY' : code;
    if (isRefusalCode(refusal)) this.add(`${refusal} replies`);
  }

  entries(): [Incident, number][] {
    return [...this.#counts].toSorted(([a], [b]) => (a < b ? -1 : 1));
  }
}

const MINUS = 0x2d;

function isRefusalCode(text: string): text is RefusalCode {
  return REFUSAL_CODES.has(text);
}
