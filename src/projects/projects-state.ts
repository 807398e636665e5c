import type { ProjectListItem } from '@tasktrail/contract';
import type { Look } from '../runtime/file-look.ts';
import { parseProjectList } from './project-list.ts';
import type { RefreshOutcome } from './projects.ts';
import type { ProjectsSource } from './projects-source.ts';

/**
 * Which list is in force, and what is wrong: decided here, without a clock and without I/O.
 *
 * A source keeps its last good list whatever happens to it later. The fallback counts only as long
 * as the source never had one, so that a broken source never takes the list back to an older one.
 */
export interface ProjectsState {
  readonly source: SourceState;
  readonly fallback: SourceState;
}

/** What is known of one source. */
export interface SourceState {
  /** The contents that were read last, and why they are no list; undefined before any were read. */
  readonly seen: { readonly version: string; readonly problem: string | undefined } | undefined;
  readonly good: GoodList | undefined;
  /** Undefined while the source can be read and holds a list, and before the first look. */
  readonly broken: Broken | undefined;
}

export interface GoodList {
  readonly projects: readonly ProjectListItem[];
  readonly loadedAtMs: number;
}

export interface Broken {
  /** When this was first noticed; it stays while the reason changes. */
  readonly sinceMs: number;
  readonly problem: string;
}

/** What came of a look. */
export type Reading = Look | { readonly kind: 'failed'; readonly problem: string };

/** Where the list in force comes from. */
export type Origin = ProjectsSource['kind'] | 'fallback';

const UNREAD: SourceState = { seen: undefined, good: undefined, broken: undefined };
export const NOTHING_READ: ProjectsState = { source: UNREAD, fallback: UNREAD };

/** Faults of a document that are told; the rest is only counted. */
const MAX_FAULTS_TOLD = 10;

export function afterReading(
  state: SourceState,
  reading: Reading,
  nowMs: number,
): { readonly state: SourceState; readonly outcome: RefreshOutcome } {
  switch (reading.kind) {
    case 'failed':
      return broken(state, reading.problem, nowMs);
    case 'unchanged': {
      if (state.seen === undefined) {
        return broken(state, 'claims to be unchanged, but was never read', nowMs);
      }
      if (state.seen.problem !== undefined) return broken(state, state.seen.problem, nowMs);
      return { state: { ...state, broken: undefined }, outcome: 'unchanged' };
    }
    case 'contents': {
      const { version, bytes } = reading;
      const parsed = parseProjectList(bytes);
      if (parsed.kind === 'invalid') {
        const problem = tellFaults(parsed.faults);
        return broken({ ...state, seen: { version, problem } }, problem, nowMs);
      }
      const seen = { version, problem: undefined };
      const good = { projects: parsed.projects, loadedAtMs: nowMs };
      return { state: { seen, good, broken: undefined }, outcome: 'changed' };
    }
  }
}

function broken(state: SourceState, problem: string, nowMs: number) {
  const sinceMs = state.broken?.sinceMs ?? nowMs;
  return { state: { ...state, broken: { sinceMs, problem } }, outcome: 'failed' } as const;
}

function tellFaults(faults: readonly string[]): string {
  const told = faults.slice(0, MAX_FAULTS_TOLD).join('; ');
  const untold = faults.length - MAX_FAULTS_TOLD;
  return `is no list of projects: ${told}${untold > 0 ? `; and ${untold} more` : ''}`;
}

/** Whether the fallback has to be looked at: the source is broken and never had a good list. */
export function needsFallback({ source }: ProjectsState): boolean {
  return source.broken !== undefined && source.good === undefined;
}

/** The list in force; undefined before there is any. */
export function inForce(
  state: ProjectsState,
  kind: ProjectsSource['kind'],
): (GoodList & { readonly origin: Origin }) | undefined {
  const { source, fallback } = state;
  if (source.good !== undefined) return { ...source.good, origin: kind };
  return fallback.good === undefined ? undefined : { ...fallback.good, origin: 'fallback' };
}

/** Everything that is wrong now; undefined when nothing is. */
export function currentProblem(state: ProjectsState): string | undefined {
  const { source, fallback } = state;
  if (source.broken === undefined) return undefined;
  if (!needsFallback(state) || fallback.broken === undefined) return source.broken.problem;
  return `${source.broken.problem}; the fallback ${fallback.broken.problem}`;
}
