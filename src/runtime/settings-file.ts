import type { Look } from './file-look.ts';

/**
 * A file of settings: what it is, and which contents are in force as it changes. Decided here
 * without a clock and without I/O; `watched-file.ts` reads it.
 */
export interface SettingsFile<T> {
  /** What it is called in messages, logs and metrics. */
  readonly name: string;
  readonly path: string;
  /** Pure, and total over all contents. */
  readonly parse: (contents: Uint8Array) => ParsedFile<T>;
}

/** All faults of a document, each a line for a person that begins with its place. */
export type ParsedFile<T> =
  | { readonly kind: 'valid'; readonly value: T }
  | { readonly kind: 'invalid'; readonly problems: readonly string[] };

/** A file that cannot be used at start. Every fault at once, each with its place. */
export class SettingsFileError extends Error {
  override readonly name = 'SettingsFileError';
  readonly path: string;
  readonly problems: readonly string[];

  constructor(
    { name, path }: Pick<SettingsFile<unknown>, 'name' | 'path'>,
    problems: readonly string[],
    options?: ErrorOptions,
  ) {
    super(`correct the ${name} file ${path}:\n  ${problems.join('\n  ')}`, options);
    this.path = path;
    this.problems = problems;
  }
}

/** A file that held good contents once. */
export interface FileState<T> {
  /** What the last good contents say: it stays in force whatever happens to the file later. */
  readonly value: T;
  readonly loadedAtMs: number;
  /** The contents that were read last, and why they are not in force, if they are not. */
  readonly seen: { readonly version: string; readonly problems: readonly string[] | undefined };
  /** Undefined while the file can be read and its contents are in force. */
  readonly broken: Broken | undefined;
}

interface Broken {
  /** When this was first noticed; it stays while the reason changes. */
  readonly sinceMs: number;
  /** For the log: it may quote the file. */
  readonly problems: readonly string[];
  /** For anybody who asks for readiness: it quotes nothing. */
  readonly summary: string;
}

/** What came of a look. A failure is told in words that go on from the file's name. */
export type FileReading = Look | { readonly kind: 'failed'; readonly problem: string };

export function afterReading<T>(
  state: FileState<T>,
  reading: FileReading,
  parse: SettingsFile<T>['parse'],
  nowMs: number,
): FileState<T> {
  const sinceMs = state.broken?.sinceMs ?? nowMs;
  switch (reading.kind) {
    case 'failed': {
      const { problem } = reading;
      return { ...state, broken: { sinceMs, problems: [`it ${problem}`], summary: problem } };
    }
    case 'unchanged': {
      const { problems } = state.seen;
      const broken = problems && { sinceMs, problems, summary: summaryOf(problems) };
      return { ...state, broken };
    }
    case 'contents': {
      const { version, bytes } = reading;
      const parsed = parse(bytes);
      if (parsed.kind === 'valid') {
        const seen = { version, problems: undefined };
        return { value: parsed.value, loadedAtMs: nowMs, seen, broken: undefined };
      }
      const { problems } = parsed;
      const broken = { sinceMs, problems, summary: summaryOf(problems) };
      return { ...state, seen: { version, problems }, broken };
    }
  }
}

function summaryOf(problems: readonly string[]): string {
  return `has ${problems.length} fault(s), which the log names`;
}

/** What a log and a metric tell about a step from one state to the next: only what is different. */
export type FileNote =
  /** Other contents are in force. */
  | { readonly kind: 'changed' }
  | { readonly kind: 'failed'; readonly problems: readonly string[] }
  | { readonly kind: 'recovered' };

/** A lasting trouble is told once, and again when the reason is another one. */
export function notesOn<T>(before: FileState<T>, after: FileState<T>): FileNote[] {
  const notes: FileNote[] = [];
  const problems = after.broken?.problems;
  if (problems !== undefined && problems.join() !== before.broken?.problems.join()) {
    notes.push({ kind: 'failed', problems });
  }
  if (problems === undefined && before.broken !== undefined) notes.push({ kind: 'recovered' });
  if (after.value !== before.value) notes.push({ kind: 'changed' });
  return notes;
}
