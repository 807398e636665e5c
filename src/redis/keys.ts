import { EVENTS_STREAM, type Principal, type TaskStatus } from '@tasktrail/contract';

/**
 * Every Redis key, spelled once; the one that bots write to in the contract. (PROTOCOL.md, "Keys")
 *
 * All of them belong to one partition. A partitioned layout later is a hash-tagged copy of this
 * object per partition, so no other module may spell a key or assume that there is only one.
 */
export interface Keys {
  /** Stream: the facts, the source of truth. */
  readonly events: string;
  /** Stream: entries that are no valid event, whole, with the reason. */
  readonly quarantine: string;
  /** Stream: the change feed. */
  readonly updates: string;
  /**
   * Hash: `checkpoint`, `epoch`, `formerEpochs`, `layout` and the `program` that laid it out,
   * `entriesRead`; of trimming `eventsTrimmed`, `trimmedTo` and `eventsAccount`; of repairs `mends`.
   */
  readonly projector: string;
  /** String with expiry: who applies events now. */
  readonly lease: string;
  /** Hash: how far a repair has come, and what clients were not told of it. */
  readonly repair: string;
  /** Hash: one task. */
  execution(executionId: string): string;
  /** Ordered sets: score occurredAt in milliseconds, member executionId. */
  readonly executions: {
    all(): string;
    byStatus(status: TaskStatus): string;
    byProject(project: string): string;
    byProjectAndStatus(project: string, status: TaskStatus): string;
    byPrincipal(principal: Principal): string;
  };
  /** For whoever walks over all keys. */
  readonly readModel: {
    /** Of rows and ordered sets, as SCAN takes it; it matches a few others. */
    readonly pattern: string;
    /** What a key that matches holds; undefined for the others. */
    parse(key: string): ReadModelKey | undefined;
  };
  /** What intake remembers for a time. None of it is part of the read model. */
  readonly intake: {
    /** String: the id that was given to what has this digest, or what names a request. */
    record(digest: string): string;
    /** String: the project of an execution whose first event came in lately. */
    projectOf(executionId: string): string;
    /**
     * Set: executions of a commit. The forge is the one whose secret signed for it: of two that
     * have a project of the same name, neither puts links on the other's tasks.
     */
    executionsOf(forge: string, project: string, commit: string): string;
    /** Set: addresses of the pull requests whose head a commit is. */
    pullRequestsOf(forge: string, project: string, commit: string): string;
    /** String: the links that an execution was told last, and by which event. */
    linksTold(executionId: string): string;
    /** Prefix of strings that count requests. */
    readonly rate: string;
  };
}

/** What a key of the read model holds by its name. */
export type ReadModelKey =
  | { readonly kind: 'row'; readonly executionId: string }
  /** An ordered set of executions, also one that nothing demands. */
  | { readonly kind: 'executions'; readonly key: string };

/** The single partition of today's layout. */
export const KEYS: Keys = {
  events: EVENTS_STREAM,
  quarantine: 'task-events:v1:quarantine',
  updates: 'task-updates:v1',
  projector: 'task-tracking:projector',
  lease: 'task-tracking:projector:lease',
  repair: 'task-tracking:repair',
  execution: (executionId) => `task-tracking:execution:${executionId}`,
  executions: {
    all: () => 'task-tracking:executions',
    byStatus: (status) => `task-tracking:status:${status}:executions`,
    byProject: (project) => `task-tracking:project:${project}:executions`,
    byProjectAndStatus: (project, status) =>
      `task-tracking:project-status:${project}:${status}:executions`,
    byPrincipal: (principal) => `task-tracking:principal:${principal}:executions`,
  },
  readModel: {
    pattern: 'task-tracking:*execution*',
    parse: (key) => {
      const [, executionId] = /^task-tracking:execution:(.+)$/s.exec(key) ?? [];
      if (executionId !== undefined) return { kind: 'row', executionId };
      return /^task-tracking:(.+:)?executions$/s.test(key)
        ? { kind: 'executions', key }
        : undefined;
    },
  },
  intake: {
    record: (digest) => `task-intake:record:${digest}`,
    projectOf: (executionId) => `task-intake:project:${executionId}`,
    executionsOf: (forge, project, commit) =>
      `task-intake:commit:${forge}:${commit}:${project}:executions`,
    pullRequestsOf: (forge, project, commit) =>
      `task-intake:commit:${forge}:${commit}:${project}:pull-requests`,
    linksTold: (executionId) => `task-intake:links:${executionId}`,
    rate: 'task-intake:rate',
  },
};

/** The version of this layout; a program that finds another one refuses to write. */
export const LAYOUT_VERSION = '1';
