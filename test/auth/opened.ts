import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import {
  type AuthenticatorOptions,
  type FileObserver,
  openAuthenticator,
} from '../../src/auth/authenticator.ts';
import { createLogger } from '../../src/runtime/logging.ts';
import type { TestGoogle } from '../fixtures/google.ts';
import { makeDirectory, replaceFile } from '../projects/directory.ts';

/** Long enough not to spin, short enough not to wait for. */
const LOOK_EVERY_MS = 5;

/** Opens an authenticator that trusts the stand-in, and runs its files until the test ends. */
export async function openFor(google: TestGoogle, options: Partial<AuthenticatorOptions>) {
  const told: string[] = [];
  const broken = new Map<string, boolean>();
  const lines: string[] = [];
  const files: FileObserver = {
    onReload: (file, outcome) => told.push(`${file} ${outcome}`),
    setBroken: (file, isBroken) => broken.set(file, isBroken),
  };
  const logger = createLogger({
    level: 'trace',
    pretty: false,
    destination: { write: (line) => lines.push(line) },
  });
  const authenticator = await openAuthenticator(google.authOptions(options), {
    now: google.now,
    logger,
    files,
    lookEveryMs: LOOK_EVERY_MS,
  });
  const stopping = new AbortController();
  const ended = Promise.all(authenticator.files.map((file) => file.run(stopping.signal)));
  onTestFinished(async () => {
    stopping.abort();
    await ended;
  });
  return { authenticator, told, broken, logged: () => lines.join('') };
}

/** A file of its own that ends with the test, and what puts other contents in its place. */
export async function makeFile(content: unknown) {
  const path = join(await makeDirectory(), 'settings.json');
  const replace = (next: unknown) => replaceFile(path, JSON.stringify(next));
  await replace(content);
  return { path, replace };
}
