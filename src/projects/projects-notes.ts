import type { ProjectsSource } from './projects-source.ts';
import { currentProblem, inForce, type Origin, type ProjectsState } from './projects-state.ts';

/** What a log says about a step from one state to the next: only what is different. */
export type ProjectsNote =
  | { readonly kind: 'loaded'; readonly origin: Origin; readonly projects: number }
  /** Nothing in force: there is no list at all. */
  | { readonly kind: 'broken'; readonly problem: string; readonly inForce: Origin | undefined }
  | { readonly kind: 'recovered' };

/** Compares what a reader of the log would see, so that a lasting trouble is told once. */
export function notesOn(
  before: ProjectsState,
  after: ProjectsState,
  kind: ProjectsSource['kind'],
): ProjectsNote[] {
  const notes: ProjectsNote[] = [];
  const list = inForce(after, kind);
  const problem = currentProblem(after);
  if (problem !== undefined && problem !== currentProblem(before)) {
    notes.push({ kind: 'broken', problem, inForce: list?.origin });
  }
  if (problem === undefined && before.source.broken !== undefined) {
    notes.push({ kind: 'recovered' });
  }
  if (list !== undefined && list.projects !== inForce(before, kind)?.projects) {
    notes.push({ kind: 'loaded', origin: list.origin, projects: list.projects.length });
  }
  return notes;
}
