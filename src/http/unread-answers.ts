import type Koa from 'koa';
import { networkOf } from './client-address.ts';
import type { CutReason, RequestState } from './http.ts';

interface UnreadLimits {
  /** Of all answers together that wait for their clients. */
  readonly bytes: number;
  /** How long a client may take to read its answer. */
  readonly ms: number;
}

/** Room for hundreds of full pages of everyday tasks. */
const LIMITS: UnreadLimits = { bytes: 64 * 1024 * 1024, ms: 60_000 };

/** An answer that its client has not read to the end. */
interface Waiting {
  /** Whose it is, as limits count addresses. */
  readonly holder: string;
  /** A page that is kept is the same Buffer in the answers of all who load it. */
  readonly body: string | Buffer;
  readonly bytes: number;
  readonly cut: (reason: CutReason) => void;
}

/** All of them, by whose they are, each holder's in the order in which they came. */
class WaitingAnswers {
  /** The bytes of each answer count here, whether or not it shares them with others. */
  readonly #ofHolder = new Map<string, { bytes: number; readonly answers: Set<Waiting> }>();
  /** How many answers hold each Buffer. */
  readonly #holdings = new Map<Buffer, number>();
  #bytes = 0;

  /** That are in memory: of a Buffer once, however many answers hold it. */
  get bytes(): number {
    return this.#bytes;
  }

  add(waiting: Waiting): void {
    const held = this.#ofHolder.get(waiting.holder) ?? { bytes: 0, answers: new Set<Waiting>() };
    this.#ofHolder.set(waiting.holder, held);
    held.answers.add(waiting);
    held.bytes += waiting.bytes;
    if (this.#hold(waiting.body)) this.#bytes += waiting.bytes;
  }

  remove(waiting: Waiting): void {
    const held = this.#ofHolder.get(waiting.holder);
    if (held?.answers.delete(waiting) !== true) return;
    held.bytes -= waiting.bytes;
    if (this.#release(waiting.body)) this.#bytes -= waiting.bytes;
    if (held.answers.size === 0) this.#ofHolder.delete(waiting.holder);
  }

  /** The one that has waited longest with whoever holds most; undefined: there is none. */
  oldestOfHeaviest(): Waiting | undefined {
    let heaviest: { bytes: number; readonly answers: Set<Waiting> } | undefined;
    for (const held of this.#ofHolder.values()) {
      if (held.bytes > (heaviest?.bytes ?? 0)) heaviest = held;
    }
    const [oldest] = heaviest?.answers ?? [];
    return oldest;
  }

  /** Whether it is the first answer that holds the body. */
  #hold(body: string | Buffer): boolean {
    if (typeof body === 'string') return true;
    const holdings = this.#holdings.get(body) ?? 0;
    this.#holdings.set(body, holdings + 1);
    return holdings === 0;
  }

  /** Whether it was the last answer that held the body. */
  #release(body: string | Buffer): boolean {
    if (typeof body === 'string') return true;
    const holdings = (this.#holdings.get(body) ?? 0) - 1;
    if (holdings > 0) this.#holdings.set(body, holdings);
    else this.#holdings.delete(body);
    return holdings === 0;
  }
}

/**
 * Bounds the memory of answers that their clients are slow to read: a page is made in milliseconds,
 * and would then wait for as long as somebody likes. What takes too long is cut off, and when all of
 * them together are too much, those of the address that holds most, oldest first: else a few who read
 * nothing could have others cut off. Streams have bounds of their own.
 */
export function boundUnreadAnswers(
  onCut: (reason: CutReason) => void,
  limits = LIMITS,
): Koa.Middleware<RequestState> {
  const all = new WaitingAnswers();

  return async (ctx, next) => {
    await next();
    const { req, res, body } = ctx;
    if (ctx.respond === false || res.closed) return;
    if (typeof body !== 'string' && !Buffer.isBuffer(body)) return;
    const cut = (reason: CutReason) => {
      if (req.socket.destroyed) return;
      ctx.state.reason = 'unread_answer';
      onCut(reason);
      req.socket.destroy();
    };
    const holder = networkOf(ctx.state.clientAddress);
    const waiting = { holder, body, bytes: Buffer.byteLength(body), cut };
    const deadline = setTimeout(() => cut('time'), limits.ms);
    all.add(waiting);
    res.once('close', () => {
      clearTimeout(deadline);
      all.remove(waiting);
    });
    while (all.bytes > limits.bytes) {
      const heaviest = all.oldestOfHeaviest();
      if (heaviest === undefined || heaviest === waiting) break;
      all.remove(heaviest);
      heaviest.cut('memory');
    }
  };
}
