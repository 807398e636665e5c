/** Who may open one more stream: the pure bookkeeping of the limits. */
export interface StreamLimits {
  readonly maxStreams: number;
  readonly maxStreamsPerViewer: number;
  readonly maxStreamsPerIp: number;
}

/**
 * `capacity` and `draining` pass by themselves, so the client is told to come back; `viewer` and
 * `address` last until the client closes something, so it is refused.
 */
export type Admission = 'admitted' | 'capacity' | 'draining' | 'viewer' | 'address';

export class StreamCounts {
  #total = 0;
  readonly #byViewer = new Map<string, number>();
  readonly #byAddress = new Map<string, number>();

  get total(): number {
    return this.#total;
  }

  /** Whether one more stream of this viewer and address is within the limits. */
  judge(limits: StreamLimits, viewer: string, address: string): Admission {
    if ((this.#byViewer.get(viewer) ?? 0) >= limits.maxStreamsPerViewer) return 'viewer';
    if ((this.#byAddress.get(address) ?? 0) >= limits.maxStreamsPerIp) return 'address';
    return this.#total >= limits.maxStreams ? 'capacity' : 'admitted';
  }

  add(viewer: string, address: string): void {
    this.#count(1, viewer, address);
  }

  remove(viewer: string, address: string): void {
    this.#count(-1, viewer, address);
  }

  #count(by: 1 | -1, viewer: string, address: string): void {
    this.#total += by;
    countBy(this.#byViewer, viewer, by);
    countBy(this.#byAddress, address, by);
  }
}

function countBy(counts: Map<string, number>, key: string, by: number): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count === 0) counts.delete(key);
  else counts.set(key, count);
}
