import { isIPv6 } from 'node:net';
import type { RateKind, RateLimits } from '../../intake/intake.ts';
import { Refusal } from '../refusal.ts';

/**
 * Counts a request.
 *
 * @throws Refusal `rate_limited`, with the time to wait in whole seconds, at least one
 */
export async function passLimit(limits: RateLimits, kind: RateKind, name: string): Promise<void> {
  const verdict = await limits.count(kind, name);
  if (verdict.kind === 'passed') return;
  const seconds = Math.max(1, Math.ceil(verdict.retryAfterMs / 1000));
  throw new Refusal('rate_limited', `too many requests of this ${kind}; wait ${seconds} s`, {
    headers: { 'Retry-After': String(seconds) },
    reason: `rate_limited_${kind}`,
  });
}

/**
 * Who counts as one client: an IPv4 address, and of IPv6 the /64 network, since whoever has one
 * address of that has all of them.
 *
 * @param address as `client-address.ts` finds it
 */
export function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  // A URL spells every address in one way: eight groups, of which `::` leaves out zeros.
  const [withoutZone = ''] = address.split('%');
  const spelled = new URL(`http://[${withoutZone}]`).hostname.slice(1, -1);
  const [before = [], after = []] = spelled
    .split('::')
    .map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = Array<string>(8 - before.length - after.length).fill('0');
  return `${[...before, ...zeros, ...after].slice(0, 4).join(':')}::/64`;
}
