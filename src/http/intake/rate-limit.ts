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
