import type { EventRefusal, TaskEvent } from '@tasktrail/contract';
import type { Producer } from '../../auth/auth.ts';
import { isForgeTaskOfOther } from '../execution-id.ts';

/** A part of a request: an event, or why it is not appended. */
export type JudgedEvent =
  | { readonly kind: 'event'; readonly event: TaskEvent }
  | { readonly kind: 'refused'; readonly refusal: EventRefusal };

/**
 * The executions whose projects have to be known before these events are scoped, each once: those
 * of events that state none, and come after none of the same request that does.
 */
export function executionsToLookUp(
  producer: Producer,
  parts: readonly JudgedEvent[],
): readonly string[] {
  const unknown = new Set<string>();
  const stated = new Set<string>();
  for (const part of parts) {
    if (part.kind === 'refused') continue;
    const { executionId, project } = part.event;
    if (project === undefined) {
      if (!stated.has(executionId)) unknown.add(executionId);
    } else if (producer.mayWrite(project)) {
      stated.add(executionId);
    }
  }
  return [...unknown];
}

/**
 * Keeps a producer within its projects. Every event leaves with its project stated: the projector
 * quarantines one of another project than its execution's, so whatever was known here when it came
 * in, none can touch a task outside. An event without, of an execution that nobody knows, would end
 * there as well: it is refused here instead, where its sender hears of it, also where its producer
 * may write everywhere. (PROTOCOL.md, "Who may emit")
 *
 * @param known the projects of `executionsToLookUp`; absent where there is none
 * @returns one part for each, in order
 */
export function scopeEvents(
  producer: Producer,
  parts: readonly JudgedEvent[],
  known: ReadonlyMap<string, string>,
): JudgedEvent[] {
  const stated = new Map<string, string>();
  return parts.map((part) => {
    if (part.kind === 'refused') return part;
    const { executionId, project } = part.event;
    if (project !== undefined) {
      if (!producer.mayWrite(project)) return FORBIDDEN;
      if (!producer.mayWriteAll && isForgeTaskOfOther(executionId, project)) return RESERVED;
      // The first one is the one that an execution keeps.
      if (!stated.has(executionId)) stated.set(executionId, project);
      return part;
    }
    const found = stated.get(executionId) ?? known.get(executionId);
    // Whose execution it is stays unsaid: that of others is refused as one that nobody knows.
    if (found === undefined || !producer.mayWrite(found)) return UNKNOWN;
    return { kind: 'event', event: { ...part.event, project: found } };
  });
}

const FORBIDDEN: JudgedEvent = {
  kind: 'refused',
  refusal: {
    field: 'project',
    reason: 'project_forbidden',
    detail: 'must match the patterns of this producer in the producers file',
  },
};

const RESERVED: JudgedEvent = {
  kind: 'refused',
  refusal: {
    field: 'executionId',
    reason: 'project_forbidden',
    detail: 'is the id that a webhook of another project would give to its task',
  },
};

const UNKNOWN: JudgedEvent = {
  kind: 'refused',
  refusal: {
    field: 'project',
    reason: 'missing_field',
    detail: 'must be stated: no execution of this id is known in a project of this producer',
  },
};
