import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { networkOf, trustedPeer } from './client-address.ts';
import { KeyCounts } from './key-counts.ts';
import { rawAnswer, textOf } from './raw-answer.ts';

export interface ConnectionLimits {
  readonly maxConnections: number;
  /** Of one address. A trusted proxy stands for many clients, and has no limit of its own. */
  readonly maxConnectionsPerIp: number;
  readonly trustedProxies: readonly string[];
}

/** What the guard tells whoever measures it. */
export interface ConnectionObserver {
  onOpen(open: number): void;
  onRefused(limit: 'process' | 'address'): void;
}

/** Told so before they are cut off: a flood beyond this is cut off without a word. */
const MAX_TOLD = 100;
/** How long somebody who is refused may take to read why. */
const FAREWELL_MS = 1000;
const RETRY_LATER = { 'Retry-After': '5' };

/**
 * Bounds the open connections, whatever comes over them: also those that send half a head, byte by
 * byte, until the server's timeouts end them.
 */
export class ConnectionGuard {
  readonly #limits: ConnectionLimits;
  readonly #observer: ConnectionObserver;
  readonly #isTrusted: (peer: string) => boolean;
  readonly #byAddress = new KeyCounts();
  readonly #told = new Set<Duplex>();
  #open = 0;

  constructor(limits: ConnectionLimits, observer: ConnectionObserver) {
    this.#limits = limits;
    this.#observer = observer;
    this.#isTrusted = trustedPeer(limits.trustedProxies);
  }

  /** Whether a new connection stays. One that does not is answered with 503 and closed. */
  admit(socket: Socket): boolean {
    const address = this.#countedAs(socket.remoteAddress);
    const limit = this.#limitReached(address);
    if (limit === undefined) {
      this.#count(1, address);
      socket.once('close', () => this.#count(-1, address));
      return true;
    }
    this.#observer.onRefused(limit);
    this.#refuse(socket, limit);
    return false;
  }

  /** Whether the connection is on its way out: what comes over it is no request any more. */
  isRefused(socket: Duplex): boolean {
    return this.#told.has(socket);
  }

  #limitReached(address: string | undefined): 'process' | 'address' | undefined {
    const { maxConnections, maxConnectionsPerIp } = this.#limits;
    if (address !== undefined && this.#byAddress.of(address) >= maxConnectionsPerIp) {
      return 'address';
    }
    return this.#open >= maxConnections ? 'process' : undefined;
  }

  #countedAs(peer: string | undefined): string | undefined {
    return peer === undefined || this.#isTrusted(peer) ? undefined : networkOf(peer);
  }

  #count(by: 1 | -1, address: string | undefined): void {
    this.#open += by;
    if (address !== undefined) this.#byAddress.change(address, by);
    this.#observer.onOpen(this.#open);
  }

  #refuse(socket: Socket, limit: 'process' | 'address'): void {
    if (this.#told.size >= MAX_TOLD) {
      socket.destroy();
      return;
    }
    this.#told.add(socket);
    const cutOff = setTimeout(() => socket.destroy(), FAREWELL_MS);
    socket.once('close', () => {
      this.#told.delete(socket);
      clearTimeout(cutOff);
    });
    const whose = limit === 'address' ? 'of this address' : 'to this server';
    const message = `too many connections ${whose} are open; close some, or try again later`;
    const error = { error: 'unavailable', message } as const;
    // Not destroyed at once: what the client has sent unread would make it a reset, and it would lose
    // the answer.
    socket.end(textOf(rawAnswer(503, 'Service Unavailable', error, RETRY_LATER)));
  }
}
