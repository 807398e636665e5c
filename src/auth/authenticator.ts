import type { Logger } from 'pino';
import type { HealthCheck, Service } from '../runtime/service.ts';
import type { ParsedFile } from '../runtime/settings-file.ts';
import { WatchedFile } from '../runtime/watched-file.ts';
import { isApiKey } from './api-key.ts';
import {
  type Account,
  type Authenticator,
  ForbiddenError,
  type Producer,
  type ProducerAuthenticator,
  ProducerRefusedError,
  UnauthorizedError,
  type Viewer,
  type ViewerRights,
} from './auth.ts';
import { Certificates } from './certificates.ts';
import { GoogleVerifier } from './google-verifier.ts';
import { NO_IDENTITIES, parseIdentities } from './identities.ts';
import { Members, NO_MEMBERS, parseMembers } from './members.ts';
import { NO_PRODUCERS, parseProducers } from './producers.ts';
import { admitsAnyGoogleAccount, type ClaimRules } from './token-claims.ts';
import type { Sight } from './visibility.ts';

/** The auth slice of the configuration, and who may emit. */
export interface AuthenticatorOptions extends ClaimRules {
  /** Where Google's certificates are: a JSON object from key id to PEM. */
  readonly certsUrl: string;
  /** Google Workspace domains, compared with `hd`. */
  readonly allowedDomains: readonly string[];
  readonly allowedEmails: readonly string[];
  /** Principals that see every task. */
  readonly admins: readonly string[];
  /** Undefined: there are no members but those. */
  readonly membersPath: string | undefined;
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

type FileName = 'members' | 'identities' | 'producers';

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
export interface GoogleAuthenticator extends Authenticator, ProducerAuthenticator, ViewerRights {
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
  const files: (Service & HealthCheck)[] = [];
  const listeners: (() => void)[] = [];

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
          onReload: (outcome) => {
            observer.onReload(name, outcome);
            if (outcome === 'changed') for (const listener of listeners) listener();
          },
          setBroken: (isBroken) => observer.setBroken(name, isBroken),
        },
      },
    );
    files.push(file);
    return file;
  }

  const { membersPath, identitiesPath, producersPath } = options;
  const configured = new Members(options);
  const listed = await openFile('members', membersPath, parseMembers, NO_MEMBERS);
  const identities = await openFile('identities', identitiesPath, parseIdentities, NO_IDENTITIES);
  const producers = await openFile('producers', producersPath, parseProducers, NO_PRODUCERS);

  const admitsAnybody = admitsAnyGoogleAccount(options);

  function sightOf(account: Account): Sight | undefined {
    const { identity } = account;
    const members = [configured, listed.current];
    if (!admitsAnybody && !members.some((some) => some.admits(account))) return undefined;
    if (producers.current.findByIdentity(identity) !== undefined) return undefined;
    const principals = identities.current.principalsOf(identity);
    const isAdmin = members.some((some) => some.hasAdmin(principals));
    if (!options.enforceVisibility || isAdmin) return { kind: 'everything' };
    return { kind: 'own', principals };
  }

  async function authenticate(token: string): Promise<Viewer> {
    const { expiresAtMs, ...account } = await verifier.verify(token);
    const sight = sightOf(account);
    if (sight === undefined) throw new ForbiddenError(account.identity);
    return { ...account, sight, tokenExpiresAtMs: expiresAtMs };
  }

  async function authenticateProducer(token: string): Promise<Producer> {
    if (isApiKey(token)) {
      const producer = producers.current.findByKey(token);
      if (producer !== undefined) return producer;
      throw new ProducerRefusedError('unauthorized', 'unknown_api_key');
    }
    const { identity } = await accountOfProducer(token);
    if (!identity.startsWith('google:')) throw new ProducerRefusedError('forbidden', 'no_email');
    const producer = producers.current.findByIdentity(identity);
    if (producer !== undefined) return producer;
    throw new ProducerRefusedError('forbidden', 'no_producer');
  }

  /** Whom a token is of. That the lists of viewers do not admit it says nothing of producers. */
  async function accountOfProducer(token: string): Promise<Account> {
    try {
      return await verifier.verify(token);
    } catch (error) {
      if (!(error instanceof UnauthorizedError)) throw error;
      throw new ProducerRefusedError('unauthorized', error.reason);
    }
  }

  return {
    authenticate,
    authenticateProducer,
    sightOf,
    onChange: (listener) => listeners.push(listener),
    certificates,
    files,
  };
}
