import {
  lastValueOf,
  type ParkedWebhook,
  type QuarantineEntry,
} from '../../redis/quarantine-entry.ts';
import { mapAgain } from './replayable.ts';

/** What an entry is about, as far as it says so itself. */
export interface Subject {
  readonly executionId: string | undefined;
  readonly project: string | undefined;
}

/** Nothing that it says was judged: it may be no valid id or project. */
export function subjectOf(entry: QuarantineEntry): Subject {
  switch (entry.kind) {
    case 'event':
      return {
        executionId: lastValueOf(entry.pairs, 'executionId'),
        project: lastValueOf(entry.pairs, 'project') || undefined,
      };
    case 'webhook':
      return subjectOfWebhook(entry);
    case 'foreign':
      return { executionId: undefined, project: undefined };
  }
}

function subjectOfWebhook(entry: ParkedWebhook): Subject {
  const mapped = mapAgain(entry);
  if (mapped.kind === 'event') {
    const { executionId, project } = mapped.event;
    return { executionId, project };
  }
  return { executionId: undefined, project: repositoryOf(entry.payload) };
}

/** Every forge names the repository so, whatever else its payload is like. */
function repositoryOf(payload: string): string | undefined {
  try {
    const name: unknown = JSON.parse(payload)?.repository?.full_name;
    return typeof name === 'string' ? name : undefined;
  } catch {
    return undefined;
  }
}
