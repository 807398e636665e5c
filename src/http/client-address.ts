import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import proxyAddr from 'proxy-addr';

/** A request as far as its sender's address goes. */
type Addressed = Pick<IncomingMessage, 'headers' | 'socket'>;

/**
 * Makes the function that finds the address of a request's client: the first one, from the server
 * outwards, that is no trusted proxy. It is always an IP address, or `unknown` when the client is
 * already gone.
 *
 * @param trustedProxies addresses and networks, as the configuration has checked them
 */
export function clientAddressOf(trustedProxies: readonly string[]): (req: Addressed) => string {
  const isTrusted = proxyAddr.compile([...trustedProxies]);
  return (req) => {
    const peer = req.socket.remoteAddress ?? 'unknown';
    if (!isTrusted(peer, 0)) return unmapped(peer);
    const address = withoutPort(proxyAddr(req as IncomingMessage, isTrusted));
    // A proxy may forward anything, such as "unknown"; limits and logs need an address.
    return unmapped(isIP(address) === 0 ? peer : address);
  };
}

/** Some proxies forward `192.0.2.1:4711` or `[2001:db8::1]:4711`. */
function withoutPort(address: string): string {
  return /^(?:\[([^\]]+)\]|([\d.]+))(?::\d+)?$/.exec(address)?.slice(1).join('') ?? address;
}

/** An IPv4 client of a socket that listens on IPv6 is the same client. */
function unmapped(address: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
}
