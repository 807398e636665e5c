import type { IncomingMessage } from 'node:http';
import { isIP, isIPv6 } from 'node:net';
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
    const address = withoutPort(
      proxyAddr(req as IncomingMessage, (hop, index) => isTrusted(withoutPort(hop), index)),
    );
    // A proxy may forward anything, such as "unknown"; limits and logs need an address.
    return unmapped(isIP(address) === 0 ? peer : address);
  };
}

/** Whether a connection comes from one of these proxies, and so from many clients. */
export function trustedPeer(trustedProxies: readonly string[]): (peer: string) => boolean {
  const isTrusted = proxyAddr.compile([...trustedProxies]);
  return (peer) => isTrusted(peer, 0);
}

/**
 * What limits count as one address. Of IPv6 that is the network of 64 bits: each of its addresses is
 * there for one client to take (RFC 4291, section 2.5.4).
 */
export function networkOf(peer: string): string {
  const address = unmapped(peer);
  if (!isIPv6(address)) return address;
  const [front = '', back] = address.replace(/%.*/, '').split('::');
  const before = groupsOf(front);
  const after = groupsOf(back ?? '');
  const zeros = back === undefined ? [] : Array<string>(8 - before.length - after.length).fill('0');
  const groups = [...before, ...zeros, ...after].slice(0, 4);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}

/** An IPv4 address at the end stands for two groups. */
function groupsOf(text: string): string[] {
  return text === ''
    ? []
    : text
        .replace(/:?[\d.]*\.[\d.]*$/, ':0:0')
        .replace(/^:/, '')
        .split(':');
}

/** Some proxies forward `192.0.2.1:4711` or `[2001:db8::1]:4711`. */
function withoutPort(address: string): string {
  return /^(?:\[([^\]]+)\]|([\d.]+))(?::\d+)?$/.exec(address)?.slice(1).join('') ?? address;
}

/** An IPv4 client of a socket that listens on IPv6 is the same client. */
function unmapped(address: string): string {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
}
