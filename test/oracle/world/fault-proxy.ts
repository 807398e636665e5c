import { once } from 'node:events';
import {
  type AddressInfo,
  createServer,
  connect as dial,
  type Server,
  type Socket,
} from 'node:net';
import { Lane, type Weather } from './lane.ts';
import type { Tally } from './tally.ts';

/** What becomes of a request whose sender ends while it is on its way. */
export type Fate = 'arrives' | 'arrives-late' | 'is-cut';

interface Trap {
  readonly pattern: string;
  readonly fate: Fate;
  /** Ends the sender; resolves once it is gone. */
  readonly spring: () => Promise<void>;
  readonly sprung: () => void;
}

interface Link {
  readonly client: Socket;
  readonly redis: Socket;
  readonly there: Lane;
  readonly back: Lane;
  /** Its other end will never be heard of again. */
  isDead: boolean;
}

/** The network between one process and Redis, with everything that networks do. */
export class FaultProxy implements AsyncDisposable {
  readonly #target: { readonly host: string; readonly port: number };
  readonly #server: Server;
  readonly #tally: Tally;
  readonly #links = new Set<Link>();
  readonly #weather: Weather = { delayMs: 0, isHolding: false };
  #isSilent = false;
  #trap: Trap | undefined;
  #cutAfter: number | undefined;

  static async open(redisUrl: string, tally: Tally): Promise<FaultProxy> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FaultProxy(server, redisUrl, tally);
  }

  private constructor(server: Server, redisUrl: string, tally: Tally) {
    const { hostname, port } = new URL(redisUrl);
    this.#target = { host: hostname, port: Number(port) };
    this.#tally = tally;
    this.#server = server.on('connection', (client) => this.#accept(client));
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  slowDown(delayMs: number): void {
    this.#weather.delayMs = delayMs;
  }

  /** Nothing passes; what is sent arrives when it is released, as by retransmissions. */
  hold(): void {
    this.#weather.isHolding = true;
  }

  release(): void {
    this.#weather.isHolding = false;
    for (const { there, back } of this.#links) {
      there.pump();
      back.pump();
    }
  }

  /** Connections stand, and everything that is sent on them is lost, also after `hear`. */
  fallSilent(): void {
    this.#isSilent = true;
    for (const link of this.#links) link.isDead = true;
  }

  /** New connections work again. */
  hear(): void {
    this.#isSilent = false;
  }

  reset(): void {
    this.#tally.add('connections reset', this.#links.size);
    this.#end();
  }

  #end(): void {
    for (const { client, redis } of this.#links) {
      client.resetAndDestroy();
      redis.resetAndDestroy();
    }
  }

  /** The next longer reply ends after so many bytes, and its connection with it. */
  cutNextReply(afterBytes: number): void {
    this.#cutAfter = afterBytes;
  }

  /** Waits for a request that holds a text, and ends its sender while it is on its way. */
  whileSending(pattern: string, fate: Fate, spring: () => Promise<void>): Promise<void> {
    return new Promise((sprung) => {
      this.#trap = { pattern, fate, spring, sprung };
    });
  }

  forget(): void {
    this.#trap?.sprung();
    this.#trap = undefined;
    this.#cutAfter = undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #accept(client: Socket): void {
    const redis = dial(this.#target);
    const link: Link = {
      ...{ client, redis, isDead: this.#isSilent },
      ...{ there: new Lane(redis, this.#weather), back: new Lane(client, this.#weather) },
    };
    this.#links.add(link);
    for (const socket of [client, redis]) {
      socket.setNoDelay(true);
      socket.on('error', () => {});
      socket.on('close', () => this.#close(link));
    }
    client.on('data', (bytes) => this.#request(link, bytes));
    redis.on('data', (bytes) => this.#reply(link, bytes));
  }

  #close(link: Link): void {
    this.#links.delete(link);
    link.there.close();
    link.back.close();
    link.client.destroy();
    // What was sent before is still delivered.
    link.redis.end();
  }

  /** Whether what is sent may go on its way. */
  #isHeard({ isDead }: Link): boolean {
    const { delayMs, isHolding } = this.#weather;
    if (isDead || isHolding) this.#tally.add('packets lost or held');
    else if (delayMs > 0) this.#tally.add('packets delayed');
    return !isDead;
  }

  #request(link: Link, bytes: Buffer): void {
    if (!this.#isHeard(link)) return;
    const trap = this.#trap;
    if (trap === undefined || !bytes.includes(trap.pattern)) {
      link.there.send(bytes);
      return;
    }
    this.#trap = undefined;
    void spring(link, bytes, trap);
  }

  #reply(link: Link, bytes: Buffer): void {
    if (!this.#isHeard(link)) return;
    this.#tally.judgeReply(bytes);
    const cutAfter = this.#cutAfter;
    if (cutAfter === undefined || bytes.length <= cutAfter) {
      link.back.send(bytes);
      return;
    }
    this.#cutAfter = undefined;
    this.#tally.add('replies cut');
    link.client.end(bytes.subarray(0, cutAfter));
    link.redis.destroy();
  }
}

/** What Redis does with the request is its own matter from here on: nobody hears its reply. */
async function spring(link: Link, bytes: Buffer, trap: Trap): Promise<void> {
  const { client, redis } = link;
  const { fate, spring: end, sprung } = trap;
  link.isDead = true;
  // Its sender's end closes this side, too, but not before the request has arrived.
  if (fate === 'arrives-late') client.removeAllListeners('close');
  if (fate === 'arrives') redis.write(bytes);
  if (fate === 'is-cut') redis.write(bytes.subarray(0, bytes.length >> 1));
  await end();
  if (fate === 'arrives-late') redis.end(bytes);
  sprung();
}
