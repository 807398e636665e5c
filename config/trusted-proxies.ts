import { isIP } from 'node:net';
import proxyAddr from 'proxy-addr';

const NAMED_RANGES: ReadonlySet<string> = new Set(['loopback', 'linklocal', 'uniquelocal']);

/**
 * What is wrong with a list of trusted proxies; undefined when nothing is. Checked by hand because
 * proxy-addr also takes `1` for an address.
 */
export function findTrustedProxyFault(trustedProxies: readonly string[]): string | undefined {
  const wrong = trustedProxies.filter((entry) => !isAddressOrNetwork(entry));
  if (wrong.length === 0) return undefined;
  return (
    `has entries that are no address or network: ${wrong.join(', ')}; ` +
    'expected are such as 10.0.0.0/8, 2001:db8::1, loopback, linklocal or uniquelocal'
  );
}

function isAddressOrNetwork(entry: string): boolean {
  if (NAMED_RANGES.has(entry)) return true;
  if (isIP(entry.split('/')[0] ?? '') === 0) return false;
  try {
    proxyAddr.compile(entry);
    return true;
  } catch {
    return false;
  }
}
