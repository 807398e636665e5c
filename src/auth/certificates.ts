import type { Health, HealthCheck } from '../runtime/service.ts';
import { CertificatesUnavailableError } from './auth.ts';
import {
  type CertificateState,
  endsOf,
  freshForMs,
  lookUpKey,
  whetherToFetch,
} from './certificate-policy.ts';
import { type CertificateSourceError, fetchCertificates } from './certificate-source.ts';

export interface CertificatesOptions {
  /** Where the JSON object from key id to PEM is. */
  readonly url: string;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** How long one fetch may take, in milliseconds. Default 5000. */
  readonly timeoutMs?: number | undefined;
}

/**
 * The signing certificates: fetched when a token needs them, kept as long as the source allows, and
 * while the source is broken until they expire by themselves. One fetch runs at a time, and whoever needs
 * its outcome waits for that one. `certificate-policy.ts` decides when.
 *
 * Health is for readiness details only and never says unready: a broken source concerns nobody
 * whose key is known.
 */
export class Certificates implements HealthCheck {
  readonly name = 'certificates';
  #state: CertificateState = { held: undefined, lastAttempt: undefined };
  #fetching: Promise<void> | undefined;
  readonly #options: CertificatesOptions;

  constructor(options: CertificatesOptions) {
    this.#options = options;
  }

  /**
   * The PEM of a key; undefined when there is no such key.
   *
   * @throws CertificatesUnavailableError when that cannot be known now
   */
  async find(keyId: string): Promise<string | undefined> {
    const fetching = whetherToFetch(this.#state, keyId, this.#options.now());
    if (fetching === 'first') await this.#fetch();
    if (fetching === 'beside') void this.#fetch();
    const lookup = lookUpKey(this.#state, keyId, this.#options.now());
    switch (lookup.kind) {
      case 'found':
        return lookup.pem;
      case 'unknown':
        return undefined;
      case 'unavailable':
        throw new CertificatesUnavailableError(
          'the signing certificates cannot be read: see the cause, and check TASK_DASHBOARD_GOOGLE_CERTS_URL',
          { cause: lookup.error },
        );
    }
  }

  health(): Health {
    const { held, lastAttempt } = this.#state;
    const ends = endsOf(held, this.#options.now());
    const details = {
      keys: ends.length,
      /** Should the source stay away: from here on some tokens cannot be judged, then none. */
      firstExpiresAt: timeOrNull(ends.at(0)),
      lastExpiresAt: timeOrNull(ends.at(-1)),
      fetchedAt: timeOrNull(held?.fetchedAtMs),
      freshForMs: held?.freshForMs ?? null,
      lastAttemptAt: timeOrNull(lastAttempt?.atMs),
      failure: lastAttempt?.error?.message ?? null,
    };
    return { ready: true, details };
  }

  /** Never rejects: the state says what came of it. */
  #fetch(): Promise<void> {
    this.#fetching ??= this.#fetchOnce().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #fetchOnce(): Promise<void> {
    const { url, now, timeoutMs } = this.#options;
    try {
      const { certificates, headers } = await fetchCertificates(url, now, timeoutMs);
      const fetchedAtMs = now();
      this.#state = {
        held: { certificates, fetchedAtMs, freshForMs: freshForMs(headers) },
        lastAttempt: { atMs: fetchedAtMs, error: undefined },
      };
    } catch (error) {
      this.#state = {
        held: this.#state.held,
        lastAttempt: { atMs: now(), error: error as CertificateSourceError },
      };
    }
  }
}

function timeOrNull(ms: number | undefined): string | null {
  return ms === undefined ? null : new Date(ms).toISOString();
}
