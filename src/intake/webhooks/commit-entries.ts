import { encodeEntry, type TaskEvent } from '@tasktrail/contract';
import {
  type AppendNote,
  type AppendRecord,
  digestOf,
  type EntryOnce,
  RECORD_SECONDS,
} from '../../redis/append-once.ts';
import type { Keys } from '../../redis/keys.ts';
import type { Forge } from '../intake.ts';
import { MAX_LINKS } from './pull-request-links.ts';

/** An event of a run, job, check or the like, and the commit that it ran on. */
export interface RunEvent {
  readonly forge: Forge;
  readonly event: TaskEvent;
  readonly commit: string | undefined;
  /** What this event is known again by, at least one: unlike any other event's. */
  readonly records: readonly [AppendRecord, ...AppendRecord[]];
}

/** Where link events come from, and what they have in common. */
export interface LinkSource {
  readonly forge: Forge;
  readonly project: string;
  readonly commit: string;
  /** UTC with milliseconds. */
  readonly occurredAt: string;
}

/** For how long pull requests and runs of a commit find each other. */
export const LINKS_SECONDS = 30 * 24 * 60 * 60;

/** The links that addresses make: the same in whatever order they came, and as many as may be. */
export function linksOf(addresses: Iterable<string>): string[] {
  return [...new Set(addresses)].sort().slice(0, MAX_LINKS);
}

/**
 * The entry of a run's event, with these links. In the same step the run joins the executions of its
 * commit, and its own links the commit's pull requests.
 */
export function runEntry(run: RunEvent, links: readonly string[], keys: Keys): EntryOnce {
  const { forge, event, commit, records } = run;
  const { executionId, project } = event;
  const linked = links.length === 0 ? event : { ...event, prLinks: [...links] };
  const notes: AppendNote[] = [];
  if (project !== undefined) {
    const key = keys.intake.projectOf(executionId);
    notes.push({ kind: 'claim', key, value: project, keepSeconds: RECORD_SECONDS });
  }
  if (project !== undefined && commit !== undefined) {
    const executions = keys.intake.executionsOf(forge, project, commit);
    notes.push({ kind: 'add', key: executions, value: executionId, keepSeconds: LINKS_SECONDS });
    const pullRequests = keys.intake.pullRequestsOf(forge, project, commit);
    for (const value of event.prLinks ?? []) {
      notes.push({ kind: 'add', key: pullRequests, value, keepSeconds: LINKS_SECONDS });
    }
    if (links.length > 0) notes.push(toldNote(executionId, links, records[0], keys));
  }
  return { ...eventEntry(forge, linked), records, notes };
}

/**
 * The entry of a link event, which gives an execution all links of its commit; undefined where it
 * was told them, or where there are none: links are never taken away.
 *
 * @param told the value at `linksTold`; null where there is none
 */
export function linkEntry(
  source: LinkSource,
  executionId: string,
  links: readonly string[],
  told: string | null,
  keys: Keys,
): (EntryOnce & { readonly record: AppendRecord }) | undefined {
  const digest = digestOf(...links);
  if (links.length === 0 || told?.startsWith(`${digest} `)) return undefined;
  const { forge, project, occurredAt } = source;
  const name = digestOf('links', executionId, told ?? '', digest);
  const record = { key: keys.intake.record(name), keepSeconds: RECORD_SECONDS };
  const event: TaskEvent = {
    executionId,
    occurredAt,
    project,
    prLinks: [...links],
    eventId: `links:${name}`,
  };
  const notes = [toldNote(executionId, links, record, keys)];
  return { ...eventEntry(forge, event), record, records: [record], notes };
}

function toldNote(
  executionId: string,
  links: readonly string[],
  record: AppendRecord,
  keys: Keys,
): AppendNote {
  const value = `${digestOf(...links)} ${record.key}`;
  return {
    kind: 'set',
    key: keys.intake.linksTold(executionId),
    value,
    keepSeconds: LINKS_SECONDS,
  };
}

function eventEntry(forge: Forge, event: TaskEvent): Pick<EntryOnce, 'stream' | 'pairs'> {
  return { stream: 'events', pairs: [...encodeEntry(event), 'producer', forge] };
}
