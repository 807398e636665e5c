import { setTimeout as delay } from 'node:timers/promises';
import type { FirstSeen } from '../changes.ts';
import { RigViewer } from '../rig-viewer.ts';
import { SseSocket } from '../sse-socket.ts';
import type { CrowdOutcome, CrowdPlan } from './crowd-messages.ts';

const BYTE_MS = 1000;
/** A client vanishes up to so long after it has asked. */
const VANISH_WITHIN_MS = 300;
const READ_ON_MS = 120_000;
const POLL_MS = 50;

/** Viewers who misbehave, all in one process. */
export class Crowd implements Disposable {
  readonly #viewers: RigViewer[] = [];
  readonly #plan: CrowdPlan;
  #ticking: NodeJS.Timeout | undefined;
  #vanished = 0;
  #vanishing: Promise<void> | undefined;

  constructor(plan: CrowdPlan) {
    this.#plan = plan;
  }

  async misbehave(): Promise<void> {
    const { url, never, trickle, arriveMs } = this.#plan;
    this.#vanishing = this.#vanish();
    await spread(never + trickle, arriveMs, (n) => {
      const pace = n < never ? 'never' : 'trickle';
      this.#viewers.push(new RigViewer({ url, token: this.#tokenOf(n), pace }).start());
    });
    const slow = this.#viewers.slice(never);
    this.#ticking = setInterval(() => {
      for (const viewer of slow) viewer.readByte();
    }, BYTE_MS);
  }

  async readOn(last: number): Promise<CrowdOutcome> {
    await this.#vanishing;
    clearInterval(this.#ticking);
    for (const viewer of this.#viewers) viewer.readOn();
    const deadline = performance.now() + READ_ON_MS;
    const isAt = ({ number = -1, faults }: RigViewer) => number >= last || faults.length > 0;
    while (!this.#viewers.every(isAt) && performance.now() < deadline) await delay(POLL_MS);
    const good = this.#viewers.filter((viewer) => isAt(viewer) && viewer.faults.length === 0);
    const ends = countsOf(good.flatMap((viewer) => viewer.ends));
    this[Symbol.dispose]();
    return {
      whole: good.filter(({ refreshes }) => refreshes === 0).length,
      refreshed: good.filter(({ refreshes }) => refreshes > 0).length,
      reconnected: good.filter(({ reconnects }) => reconnects > 0).length,
      beginnings: onceEach(this.#viewers.flatMap(({ beginnings }) => beginnings)),
      behind: this.#viewers.length - good.length,
      vanished: this.#vanished,
      ends,
      faults: this.#viewers.flatMap(({ faults }) => faults).slice(0, 5),
    };
  }

  [Symbol.dispose](): void {
    clearInterval(this.#ticking);
    for (const viewer of this.#viewers) viewer.stop();
  }

  #tokenOf(n: number): string {
    const { tokens } = this.#plan;
    return tokens[n % tokens.length] ?? '';
  }

  async #vanish(): Promise<void> {
    const { url, vanish, vanishMs } = this.#plan;
    await spread(vanish, vanishMs, (n) => {
      const socket = new SseSocket({
        url,
        path: '/dashboard/tasks/stream',
        headers: { Authorization: `Bearer ${this.#tokenOf(n)}` },
        onFrame: () => {},
        onEnd: () => {},
      });
      setTimeout(() => socket.cut(), Math.random() * VANISH_WITHIN_MS);
      this.#vanished += 1;
    });
    await delay(VANISH_WITHIN_MS);
  }
}

/** Does something so many times, evenly over a time. */
async function spread(times: number, overMs: number, act: (n: number) => void): Promise<void> {
  const startedAt = performance.now();
  for (let n = 0; n < times; n += 1) {
    act(n);
    const dueMs = (n * overMs) / times - (performance.now() - startedAt);
    if (dueMs > 0) await delay(dueMs);
  }
}

function onceEach(beginnings: readonly FirstSeen[]): FirstSeen[] {
  return [...new Map(beginnings.map((one) => [`${one.after} ${one.number}`, one])).values()];
}

function countsOf(texts: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const text of texts) counts[text] = (counts[text] ?? 0) + 1;
  return counts;
}
