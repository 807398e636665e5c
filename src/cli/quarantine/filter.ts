import { parseStreamId, STREAM_START, type StreamId, TaskEventSchema } from '@tasktrail/contract';
import { type Command, InvalidArgumentError } from 'commander';
import { QUARANTINE_REASONS, type QuarantineEntry } from '../../redis/quarantine-entry.ts';
import type { Subject } from './subject.ts';

/** Which entries of the quarantine a command is about. All that is given must hold. */
export interface QuarantineFilter {
  readonly reason?: readonly string[];
  readonly field?: string;
  readonly execution?: string;
  readonly project?: string;
  /** From here on. */
  readonly since?: Bound;
  /** Before here. */
  readonly until?: Bound;
}

/** A place in the quarantine: an id, or so many milliseconds ago. */
export type Bound =
  | { readonly kind: 'id'; readonly id: StreamId }
  | { readonly kind: 'ago'; readonly ms: number };

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

export function addFilterOptions(command: Command): Command {
  const when = 'an id, an ISO-8601 time with Z or an offset, or how long ago: 30s, 15m, 2h, 7d';
  return command
    .option('--reason <reason>', `only these; may be repeated: ${known()}`, reasons)
    .option('--field <field>', 'only where this was at fault; empty: the entry as a whole')
    .option('--execution <id>', 'only of this execution')
    .option('--project <owner/repo>', 'only of this project')
    .option('--since <when>', `quarantined then or later: ${when}`, bound)
    .option('--until <when>', 'quarantined before then; the same forms', bound);
}

export function hasFilter(filter: QuarantineFilter): boolean {
  const { reason, field, execution, project, since, until } = filter;
  return [reason, field, execution, project, since, until].some((given) => given !== undefined);
}

/** @param nowMs by the clock of Redis */
export function boundId(bound: Bound | undefined, nowMs: number): StreamId | undefined {
  if (bound?.kind !== 'ago') return bound?.id;
  return parseStreamId(`${Math.max(0, nowMs - bound.ms)}-0`);
}

/** Whether an entry passes; where it was put is not looked at. */
export function isWanted(
  { reason, field }: QuarantineEntry,
  subject: Subject,
  filter: QuarantineFilter,
): boolean {
  return (
    (filter.reason?.includes(reason) ?? true) &&
    (filter.field ?? field) === field &&
    (filter.execution === undefined || filter.execution === subject.executionId) &&
    (filter.project === undefined || filter.project === subject.project)
  );
}

/** Takes an id of the quarantine. */
export function idArgument(text: string, before: readonly StreamId[] = []): readonly StreamId[] {
  const id = parseStreamId(text);
  if (id !== undefined) return [...before, id];
  throw new InvalidArgumentError(`It must be an id as list prints it, such as ${STREAM_START}.`);
}

export function countArgument(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError('It must be 1 or more.');
  return Number(text);
}

function reasons(text: string, before: readonly string[] = []): readonly string[] {
  if (QUARANTINE_REASONS.includes(text)) return [...before, text];
  throw new InvalidArgumentError(`It must be one of ${known()}.`);
}

function bound(text: string): Bound {
  const id = parseStreamId(text);
  if (id !== undefined) return { kind: 'id', id };
  const [, count, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (count !== undefined) {
    return { kind: 'ago', ms: Number(count) * UNIT_MS[unit as keyof typeof UNIT_MS] };
  }
  const time = TaskEventSchema.shape.occurredAt.safeParse(text).data;
  const atTime = time && parseStreamId(`${Date.parse(time)}-0`);
  if (atTime) return { kind: 'id', id: atTime };
  throw new InvalidArgumentError(
    'It must be an id, a time such as 2026-11-20T12:00:00Z, or how long ago, such as 2h.',
  );
}

function known(): string {
  return QUARANTINE_REASONS.join(', ');
}
