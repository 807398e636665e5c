import { withDeadline } from '../runtime/deadline.ts';
import { lookAtFile, readingProblemOf } from '../runtime/file-look.ts';
import { SettingsFileError } from '../runtime/settings-file.ts';
import { type CredentialContents, type Credentials, parseCredentials } from './credentials.ts';

/** Files that are replaced while the program runs; undefined where there is none. */
export interface CredentialPaths {
  /** The password alone, for the user that the URL names. */
  readonly passwordFile?: string | undefined;
  /** PEM: the authorities that may vouch for Redis, and no others. */
  readonly caFile?: string | undefined;
  /** PEM: the client's certificate, and its key. */
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
}

const MAX_BYTES = 1024 * 1024;
/** A connection does not wait longer for a file system that hangs. */
const READING_MS = 1000;

type FileKind = keyof CredentialContents;

const NAMES: Readonly<Record<FileKind, string>> = {
  password: 'Redis password',
  ca: 'Redis CA',
  cert: 'Redis certificate',
  key: 'Redis key',
};

/**
 * What the files hold. They are read again before every connection, so that a password is rotated
 * and a certificate renewed without a restart. What cannot be used leaves in force what was read
 * before: half of a certificate and its key being replaced must not cost a connection.
 */
export class CredentialFiles {
  readonly #paths: Readonly<Record<FileKind, string | undefined>>;
  #current: Credentials = { password: undefined, secureContext: undefined };
  /** What `#current` was made of. */
  #seen: CredentialContents | undefined;
  #reading: Promise<void> | undefined;

  /** @throws SettingsFileError when a file cannot be used */
  static async open(paths: CredentialPaths): Promise<CredentialFiles> {
    const files = new CredentialFiles(paths);
    await files.refresh();
    return files;
  }

  private constructor({ passwordFile, caFile, certFile, keyFile }: CredentialPaths) {
    this.#paths = { password: passwordFile, ca: caFile, cert: certFile, key: keyFile };
  }

  get current(): Credentials {
    return this.#current;
  }

  get hasPassword(): boolean {
    return this.#paths.password !== undefined;
  }

  /**
   * Reads the files again.
   *
   * @throws SettingsFileError when one cannot be used; nothing has changed then
   * @throws DeadlineError when one cannot be read in time
   */
  async refresh(): Promise<void> {
    // The same reading for all: of a file system that hangs, each would hold one of the few threads
    // that every file and every name look-up needs.
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    await withDeadline(this.#reading, READING_MS, 'reading what signs in to Redis');
  }

  async #read(): Promise<void> {
    const [password, ca, cert, key] = await Promise.all([
      this.#contentsOf('password'),
      this.#contentsOf('ca'),
      this.#contentsOf('cert'),
      this.#contentsOf('key'),
    ]);
    const contents = { password, ca, cert, key };
    if (isSame(contents, this.#seen)) return;
    const parsed = parseCredentials(contents);
    if (parsed.kind === 'invalid') {
      throw this.#error(parsed.file, `it ${parsed.problem}`);
    }
    this.#current = parsed.credentials;
    this.#seen = contents;
  }

  async #contentsOf(file: FileKind): Promise<Uint8Array | undefined> {
    const path = this.#paths[file];
    if (path === undefined) return undefined;
    try {
      return (await lookAtFile(path, undefined, MAX_BYTES)).bytes;
    } catch (cause) {
      throw this.#error(file, `it ${readingProblemOf(cause)}`, cause);
    }
  }

  #error(file: FileKind, problem: string, cause?: unknown): SettingsFileError {
    const named = { name: NAMES[file], path: this.#paths[file] ?? '' };
    return new SettingsFileError(named, [problem], { cause });
  }
}

function isSame(contents: CredentialContents, seen: CredentialContents | undefined): boolean {
  if (seen === undefined) return false;
  return (Object.keys(NAMES) as FileKind[]).every((file) => {
    const [now, before] = [contents[file], seen[file]];
    return now === before || (now && before && Buffer.compare(now, before) === 0);
  });
}
