const BUCKET_US = 20;
/** Of 20 s; whatever took longer counts as that. */
const BUCKETS = 1_000_000;

/** How long deliveries took, by the 20 µs: millions of them take no more memory than one. */
export class TimeCounts {
  readonly #counts = new Uint32Array(BUCKETS);
  #total = 0;

  get total(): number {
    return this.#total;
  }

  add(us: number): void {
    const bucket = Math.min(BUCKETS - 1, Math.max(0, Math.floor(us / BUCKET_US)));
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#total += 1;
  }

  /** In milliseconds; NaN where there are none. */
  quantile(share: number): number {
    if (this.#total === 0) return Number.NaN;
    let left = share * this.#total;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      left -= this.#counts[bucket] ?? 0;
      if (left <= 0) return ((bucket + 0.5) * BUCKET_US) / 1000;
    }
    return Number.NaN;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#total = 0;
  }
}
