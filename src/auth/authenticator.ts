import { normalizePrincipal, type Principal } from '@tasktrail/contract';
import type { Logger } from 'pino';
import type { HealthCheck, Service } from '../runtime/service.ts';
import type { ParsedFile } from '../runtime/settings-file.ts';
import { WatchedFile } from '../runtime/watched-file.ts';
import { isApiKey } from './api-key.ts';
import {
  type Authenticator,
  ForbiddenError,
  type Producer,
  type ProducerAuthenticator,
  ProducerRefusedError,
  UnauthorizedError,
  type Viewer,
} from './auth.ts';
import { Certificates } from './certificates.ts';
import { GoogleVerifier } from './google-verifier.ts';
import { NO_IDENTITIES, parseIdentities } from './identities.ts';
import { NO_PRODUCERS, parseProducers } from './producers.ts';
import type { ClaimRules } from './token-claims.ts';
import type { Sight } from './visibility.ts';

/** The auth slice of the configuration, and who may emit. */
export interface AuthenticatorOptions extends ClaimRules {
  /** Where Google's certificates are: a JSON object from key id to PEM. */
  readonly certsUrl: string;
  /** Principals that see every task. */
  readonly admins: readonly string[];
  readonly enforceVisibility: boolean;
  /** Undefined: nobody has aliases. */
  readonly identitiesPath: string | undefined;
  /** Undefined: nobody may emit. */
  readonly producersPath: string | undefined;
}

export interface AuthenticatorDependencies {
  /** Milliseconds since 1970, by the machine's clock. */
  readonly now: () => number;
  readonly logger: Logger;
  readonly files: FileObserver;
  /** Between two looks at a file, in milliseconds. Default 2000. */
  readonly lookEveryMs?: number | undefined;
}

type FileName = 'identities' | 'producers';

/** Told of the files that are read again while the process runs. */
export interface FileObserver {
  /** A file had changed. `failed`: it cannot be used, and its last good contents stay in force. */
  onReload(file: FileName, outcome: 'changed' | 'failed'): void;
  setBroken(file: FileName, isBroken: boolean): void;
}

/**
 * Makes tokens into viewers and producers. Nobody is both: an account of the producers file is
 * forbidden to read, also where the lists of viewers would admit it, and an API key is no better
 * there than any other text that is no token.
 */
export interface GoogleAuthenticator extends Authenticator, ProducerAuthenticator {
  /** For readiness details. */
  readonly certificates: HealthCheck;
  /** The files that are configured. While they run, a change takes effect with the next request. */
  readonly files: readonly (Service & HealthCheck)[];
}

/**
 * Reads the files. No certificate is fetched before the first token.
 *
 * @throws SettingsFileError when a file cannot be used
 */
export async function openAuthenticator(
  options: AuthenticatorOptions,
  { now, logger, files: observer, lookEveryMs }: AuthenticatorDependencies,
): Promise<GoogleAuthenticator> {
  const certificates = new Certificates({ url: options.certsUrl, now });
  const verifier = new GoogleVerifier(options, certificates, now);
  const admins = new Set(options.admins.map(normalizePrincipal));
  const files: (Service & HealthCheck)[] = [];

  async function openFile<T>(
    name: FileName,
    path: string | undefined,
    parse: (contents: Uint8Array) => ParsedFile<T>,
    none: T,
  ): Promise<{ readonly current: T }> {
    if (path === undefined) return { current: none };
    const file = await WatchedFile.open(
      { name, path, parse },
      {
        now,
        logger,
        lookEveryMs,
        observer: {
          onReload: (outcome) => observer.onReload(name, outcome),
          setBroken: (isBroken) => observer.setBroken(name, isBroken),
        },
      },
    );
    files.push(file);
    return file;
  }

  const { identitiesPath, producersPath } = options;
  const identities = await openFile('identities', identitiesPath, parseIdentities, NO_IDENTITIES);
  const producers = await openFile('producers', producersPath, parseProducers, NO_PRODUCERS);

  function sightOf(principals: ReadonlySet<Principal>): Sight {
    const isAdmin = [...principals].some((principal) => admins.has(principal));
    if (!options.enforceVisibility || isAdmin) return { kind: 'everything' };
    return { kind: 'own', principals };
  }

  async function authenticate(token: string): Promise<Viewer> {
    const claims = await verifier.verify(token);
    const { identity } = claims;
    const isProducer = producers.current.findByIdentity(identity) !== undefined;
    if (claims.kind === 'forbidden' || isProducer) throw new ForbiddenError(identity);
    return {
      identity,
      sight: sightOf(identities.current.principalsOf(identity)),
      tokenExpiresAtMs: claims.expiresAtMs,
    };
  }

  async function authenticateProducer(token: string): Promise<Producer> {
    if (isApiKey(token)) {
      const producer = producers.current.findByKey(token);
      if (producer !== undefined) return producer;
      throw new ProducerRefusedError('unauthorized', 'unknown_api_key');
    }
    const identity = await identityOfProducer(token);
    if (!identity.startsWith('google:')) throw new ProducerRefusedError('forbidden', 'no_email');
    const producer = producers.current.findByIdentity(identity);
    if (producer !== undefined) return producer;
    throw new ProducerRefusedError('forbidden', 'no_producer');
  }

  /** Whom a token is of. That the lists of viewers do not admit it says nothing of producers. */
  async function identityOfProducer(token: string): Promise<Principal> {
    try {
      return (await verifier.verify(token)).identity;
    } catch (error) {
      if (!(error instanceof UnauthorizedError)) throw error;
      throw new ProducerRefusedError('unauthorized', error.reason);
    }
  }

  return { authenticate, authenticateProducer, certificates, files };
}
