import { type Actor, TaskEventSchema, type TaskStatus } from '@tasktrail/contract';
import type { z } from 'zod';
import type { Forge, MappedWebhook, WebhookDelivery } from '../intake.ts';
import type { ForgeState } from './github-status.ts';
import { lineOf } from './line.ts';

/** What payloads of all kinds say in common, each in its own words. */
export interface Subject {
  readonly executionId: string;
  readonly project: string;
  readonly state: ForgeState;
  readonly attempt?: number | undefined;
  readonly name: string | undefined;
  readonly flow?: string | undefined;
  readonly actor: Actor | undefined;
  readonly prLinks?: string[] | undefined;
  /** Null clears it; undefined leaves it to who knows more. */
  readonly message: string | null | undefined;
  readonly commit: string | undefined;
  /** When it came to each kind of status, in UTC: of several times, the first that is there. */
  readonly times: {
    readonly [S in 'queued' | 'in_progress' | 'ended']: readonly (string | null | undefined)[];
  };
}

export const MAX_NAME = 300;
export const MAX_FLOW = 100;

/** Reads a payload and makes of it what `map` does, or says what in it is not as documented. */
export function readPayload<S extends z.ZodType>(
  schema: S,
  payload: unknown,
  map: (payload: z.output<S>) => MappedWebhook,
): MappedWebhook {
  const parsed = schema.safeParse(payload);
  if (parsed.success) return map(parsed.data);
  const issue = parsed.error.issues[0] as z.core.$ZodIssue;
  return invalid(issue.path.join('.'), issue.message);
}

/** @param webhook its type, which is also where the payload has what it is about */
export function eventOf(
  forge: Forge,
  webhook: string,
  subject: Subject,
  delivery: WebhookDelivery,
): MappedWebhook {
  const { state } = subject;
  switch (state.kind) {
    case 'no_news':
      return { kind: 'ignored', reason: state.reason };
    case 'unknown_status':
      return { kind: 'ignored', reason: `the status of this ${webhook} is none that is known` };
    case 'no_conclusion':
      return invalid(`${webhook}.conclusion`, 'is required once the status is completed');
    case 'known':
      return knownEventOf(forge, webhook, subject, state.status, delivery);
  }
}

function knownEventOf(
  forge: Forge,
  webhook: string,
  subject: Subject,
  status: TaskStatus,
  delivery: WebhookDelivery,
): MappedWebhook {
  const occurredAt = timeOf(subject, status);
  if (occurredAt === undefined) return invalid(webhook, 'has no time for its status');
  const eventId = delivery.id ? `${forge}:${delivery.id}` : undefined;
  if (!TaskEventSchema.shape.eventId.safeParse(eventId).success) {
    const max = 199 - forge.length;
    return invalid('', `the delivery id must be one line of at most ${max} characters`);
  }
  const { executionId, project, name, flow, actor, prLinks, message, attempt, commit } = subject;
  return {
    kind: 'event',
    event: {
      executionId,
      occurredAt,
      project,
      status,
      taskName: name,
      flow,
      actor,
      prLinks,
      message,
      attempt,
      eventId,
    },
    commit,
  };
}

function timeOf({ times }: Subject, status: TaskStatus): string | undefined {
  const candidates = status === 'queued' || status === 'in_progress' ? times[status] : times.ended;
  return candidates.find(Boolean) ?? undefined;
}

/** `failure: Run the tests`, `timed out`, or what a check says of itself; null for nothing. */
export function messageOf(state: ForgeState, detail: string | null | undefined): string | null {
  const nuance = state.kind === 'known' ? state.nuance : undefined;
  return lineOf([nuance, detail].filter(Boolean).join(': '), 2000) ?? null;
}

/** @param name as they call themselves */
export function actorOf(
  forge: Forge,
  user: { readonly login: string } | null | undefined,
  name: string | null | undefined,
): Actor | undefined {
  if (!user) return undefined;
  const displayName = lineOf(name, 300);
  return { provider: forge, id: user.login, ...(displayName && { displayName }) };
}

function invalid(field: string, reason: string): MappedWebhook {
  return { kind: 'invalid', field, reason };
}
