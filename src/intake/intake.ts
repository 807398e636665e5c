import type { EventRefusal, EventResult, TaskEventInput } from '@tasktrail/contract';
import type { Producer } from '../auth/auth.ts';
import type { INTAKE_EVENT_RESULTS, INTAKE_SOURCES } from '../runtime/intake-metrics.ts';

/**
 * Intake: what bots and forges tell over HTTP becomes entries of the event stream, each of them once.
 *
 * `events/` is a request to emit: `event-body.ts` takes a body apart, `cloud-event.ts` reads the
 * CloudEvents in it, `project-scope.ts` decides which projects a producer may write to,
 * `event-entries.ts` makes the entries and what they are known again by, `event-intake.ts` does all of
 * it.
 *
 * `webhooks/` is what forges tell: `signature.ts` proves where it comes from, `webhook-body.ts` finds
 * its JSON, `webhook-map.ts` says what it tells: by `github.ts` and `gitea.ts`, whose payloads
 * (`*-payloads.ts`, all that is read of them) become one form (`*-subject.ts`, `*-status.ts`) and that
 * a task event (`webhook-subject.ts`). `commit-links.ts` and its pure part, `commit-entries.ts`,
 * connect pull requests and the runs of their head. `webhook-intake.ts` does all of it.
 *
 * `execution-id.ts` names the tasks of forges; `appender.ts` appends, and tries again while Redis is
 * away; `rate-limits.ts` counts requests. The mappings are pure, and statuses are not decided here.
 */
export interface Intake {
  /**
   * Appends the events of a body. A part that is no event is a result, never a reason to refuse the
   * others.
   *
   * @throws IntakeUnavailableError when nothing can be appended now; the same again is safe
   */
  acceptEvents(request: EventsRequest): Promise<EventsAnswer>;
  /**
   * Appends what a webhook tells of.
   *
   * @throws IntakeUnavailableError
   */
  acceptWebhook(request: WebhookRequest): Promise<WebhookAnswer>;
}

export const EVENT_MEDIA_TYPES = [
  'application/json',
  'application/x-ndjson',
  'application/cloudevents+json',
  'application/cloudevents-batch+json',
] as const;

export type EventMediaType = (typeof EVENT_MEDIA_TYPES)[number];

/** Events of one request. */
export const MAX_EVENTS = 1000;

export interface EventsRequest {
  readonly producer: Producer;
  readonly mediaType: EventMediaType;
  readonly body: Buffer;
  /** The `Idempotency-Key` header. */
  readonly idempotencyKey: string | undefined;
}

export type EventsAnswer =
  | {
      readonly kind: 'results';
      /** One for each event, in order. */
      readonly results: readonly EventResult[];
      /** Some were appended by an earlier request, and none by this one. */
      readonly isRepeat: boolean;
    }
  | { readonly kind: 'invalid_body'; readonly reason: string }
  | { readonly kind: 'too_many_events'; readonly max: number }
  /** The `Idempotency-Key` stands for a request with other contents. */
  | { readonly kind: 'key_reused' };

export const FORGES = ['github', 'gitea'] as const;

export type Forge = (typeof FORGES)[number];

export interface WebhookRequest {
  readonly forge: Forge;
  /** The value of a header by its lower-case name; undefined when it is missing. */
  readonly header: (name: string) => string | undefined;
  /** Exactly what came over the wire: that is what was signed. */
  readonly body: Buffer;
  /**
   * Awaited once, when the signature holds and before anything else is done: only what a forge has
   * signed counts towards its rate limit, or anybody could use that up. What it throws,
   * `acceptWebhook` throws as it is, with nothing appended.
   */
  readonly admit: () => Promise<void>;
}

export type WebhookAnswer =
  | { readonly kind: 'bad_signature' }
  | { readonly kind: 'invalid_body'; readonly reason: string }
  /** A webhook of a type that tells of no task. */
  | { readonly kind: 'unmapped'; readonly reason: string }
  | {
      readonly kind: 'results';
      readonly results: readonly EventResult[];
      /** Why there are none, where there are none. */
      readonly reason: string | undefined;
    };

/** Redis is away, full or loading. The same request again is safe: nothing is appended twice. */
export class IntakeUnavailableError extends Error {
  override readonly name = 'IntakeUnavailableError';
}

export type IntakeSource = (typeof INTAKE_SOURCES)[number];

export type IntakeOutcome = (typeof INTAKE_EVENT_RESULTS)[number];

export interface IntakeObserver {
  onEvents(source: IntakeSource, outcome: IntakeOutcome, count: number): void;
  /** What a mapping could not read: the forge's delivery, and where in the payload. */
  onUnmapped(source: Forge, webhook: string, refusal: EventRefusal): void;
  /**
   * Requests are counted by this process alone from now on, with the reason, or over all servers
   * again: told once for each change.
   */
  onRateLimitsLocal(isLocal: boolean, reason?: string): void;
}

/** How often one source may ask, over all servers. */
export interface RateLimits {
  /** Counts a request of an address, or of a producer or forge by its name. */
  count(kind: RateKind, name: string): Promise<RateVerdict>;
}

export type RateKind = 'address' | 'producer' | 'forge';

export type RateVerdict =
  | { readonly kind: 'passed' }
  | { readonly kind: 'limited'; readonly retryAfterMs: number };

/** What a webhook says, in the words of task events. */
export type MappedWebhook =
  /** A field that is undefined is absent from the event. */
  | {
      readonly kind: 'event';
      readonly event: TaskEventInput;
      /** The commit that it ran on, for pull requests that have it as their head. */
      readonly commit?: string | undefined;
    }
  /** A pull request, and the commit that is its head now. */
  | { readonly kind: 'pull_request'; readonly pullRequest: HeadOfPullRequest }
  /** A fine webhook that tells nothing of a task. Its sender did nothing wrong. */
  | { readonly kind: 'ignored'; readonly reason: string }
  /** A webhook of a type that is not mapped. */
  | { readonly kind: 'unmapped'; readonly reason: string }
  /** Not of the documented form. `field` is a path into the payload; empty: the payload itself. */
  | { readonly kind: 'invalid'; readonly field: string; readonly reason: string };

export interface HeadOfPullRequest {
  readonly project: string;
  readonly commit: string;
  /** As a person opens it. */
  readonly url: string;
  /** When it was opened: what the link says is no newer than that. */
  readonly openedAt: string;
}

export interface WebhookDelivery {
  /** The delivery header: a redelivery repeats it, so it makes the event idempotent. */
  readonly id?: string | undefined;
}
