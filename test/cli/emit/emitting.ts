import { randomUUID } from 'node:crypto';
import { Writable } from 'node:stream';
import { type EmitIo, runEmit } from '../../../src/cli/emit/emit.ts';
import type { EmitFlags } from '../../../src/cli/emit/events.ts';
import { EmitInputError } from '../../../src/cli/emit/input.ts';
import type { Terminal } from '../../../src/cli/progress-bar.ts';
import { KEYS } from '../../../src/redis/keys.ts';
import type { TestRedis } from '../../fixtures/redis.ts';

export interface Emitted {
  readonly code: number;
  readonly out: readonly string[];
  readonly err: readonly string[];
}

/** What an emit is given besides flags: lines of standard input, or files by their paths. */
export interface EmitGiven extends Partial<EmitIo> {
  readonly flags?: EmitFlags;
  readonly lines?: Iterable<string> | AsyncIterable<string>;
  readonly files?: Readonly<Record<string, string>>;
  /** Told of each line of output; what it returns is waited for. */
  readonly onLine?: (line: string) => void | Promise<void>;
}

export async function emit(redis: TestRedis, given: EmitGiven): Promise<Emitted> {
  const { flags = {}, lines = [], files = {}, onLine, ...io } = given;
  const out: string[] = [];
  const err: string[] = [];
  const code = await runEmit(Object.keys(files), flags, {
    redis: { url: redis.urlOf('emit') },
    keys: KEYS,
    standardInput: { sizeBytes: undefined, open: () => bytesOf(lines) },
    isTyped: false,
    openFile: async (path) => {
      const bytes = Buffer.from(files[path] ?? '');
      return { sizeBytes: bytes.length, open: () => chunksOf(bytes) };
    },
    write: async (text) => {
      for (const line of text.split('\n')) {
        out.push(line);
        await onLine?.(line);
      }
    },
    writeError: (line) => err.push(line),
    randomId: randomUUID,
    ...io,
  });
  return { code, out, err };
}

/** A file that is not there. */
export async function noFile(path: string): Promise<never> {
  throw new EmitInputError(`cannot read ${path}`);
}

/** The line of a valid first event. */
export function eventLine(executionId: string, fields: object = {}): string {
  return JSON.stringify({ executionId, project: 'acme/app', status: 'queued', ...fields });
}

/** So many different lines, whose executions are named in their order; a few events each. */
export function eventLines(count: number): string[] {
  return Array.from({ length: count }, (_, n) => eventLine(`run-${n % 97}`, { message: `${n}` }));
}

/** The fields of every event, in the order of the stream. */
export async function events(redis: TestRedis): Promise<Record<string, string>[]> {
  const entries = await redis.connect().xrange(KEYS.events, '-', '+');
  return entries.map(([, pairs]) =>
    Object.fromEntries(
      pairs.flatMap((name, i) => (i % 2 === 0 ? [[name, pairs[i + 1] ?? '']] : [])),
    ),
  );
}

/** What `eventLines` numbered, in the order of the stream. */
export async function messages(redis: TestRedis): Promise<(string | undefined)[]> {
  return (await events(redis)).map(({ message }) => message);
}

/** A terminal that keeps what is written, for a person without the sequences that move the cursor. */
export function fakeTerminal(isTTY = true): { terminal: Terminal; text: () => string } {
  const written: string[] = [];
  const stream = new Writable({
    decodeStrings: false,
    write: (text, _, done) => {
      written.push(String(text));
      done();
    },
  });
  return {
    terminal: Object.assign(stream, { isTTY, columns: 100 }),
    // biome-ignore lint/suspicious/noControlCharactersInRegex: taking them away is the purpose
    text: () => written.join('').replace(/\u001b\[\??[0-9;]*[a-zA-Z]/g, '\r'),
  };
}

async function* bytesOf(lines: Iterable<string> | AsyncIterable<string>) {
  for await (const line of lines) yield Buffer.from(`${line}\n`);
}

/** As a file is read. */
async function* chunksOf(bytes: Buffer) {
  for (let at = 0; at < bytes.length; at += 65_536) yield bytes.subarray(at, at + 65_536);
}
