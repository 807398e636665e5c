import { KeyCounts } from '../key-counts.ts';

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
  readonly #byViewer = new KeyCounts();
  readonly #byAddress = new KeyCounts();

  get total(): number {
    return this.#total;
  }

  /** Whether one more stream of this viewer and address is within the limits. */
  judge(limits: StreamLimits, viewer: string, address: string): Admission {
    if (this.#byViewer.of(viewer) >= limits.maxStreamsPerViewer) return 'viewer';
    if (this.#byAddress.of(address) >= limits.maxStreamsPerIp) return 'address';
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
    this.#byViewer.change(viewer, by);
    this.#byAddress.change(address, by);
  }
}
