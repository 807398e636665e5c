import { createHash } from 'node:crypto';
import { judgeEvent } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { type AppendedEntry, digestOf, type EntryOnce } from '../redis/append-once.ts';
import type { Keys } from '../redis/keys.ts';
import type { Appender } from './appender.ts';
import { RECORD_SECONDS } from './commit-entries.ts';
import { CommitLinks } from './commit-links.ts';
import type {
  Forge,
  HeadOfPullRequest,
  IntakeObserver,
  MappedWebhook,
  WebhookAnswer,
  WebhookRequest,
} from './intake.ts';
import { isFromForge } from './signature.ts';
import { readWebhookBody } from './webhook-body.ts';
import { mapWebhook } from './webhook-map.ts';

export interface WebhookIntakeOptions {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly appender: Appender;
  /** Any one of them will do, so that one can be replaced by another. None: nobody is believed. */
  readonly secrets: Readonly<Record<Forge, readonly string[]>>;
  readonly observer: IntakeObserver;
  /** Milliseconds since 1970. */
  readonly nowMs: () => number;
}

/** A webhook that is signed, and JSON. */
interface Webhook {
  readonly forge: Forge;
  /** Its type, in the forge's words. */
  readonly name: string;
  readonly deliveryId: string | undefined;
  /** What it is known again by: a redelivery has the same. */
  readonly identity: readonly string[];
  /** The JSON as it came. */
  readonly text: string;
}

/** What names a webhook's type and its delivery; Gitea gives GitHub's names as well as its own. */
const HEADERS: Readonly<Record<Forge, { type: readonly string[]; delivery: readonly string[] }>> = {
  github: { type: ['x-github-event'], delivery: ['x-github-delivery'] },
  gitea: {
    type: ['x-gitea-event', 'x-forgejo-event', 'x-github-event'],
    delivery: ['x-gitea-delivery', 'x-forgejo-delivery', 'x-github-delivery'],
  },
};

/** Appends what forges tell by webhook, each delivery once. (PROTOCOL.md, "Webhooks") */
export class WebhookIntake {
  readonly #options: WebhookIntakeOptions;
  readonly #links: CommitLinks;

  constructor(options: WebhookIntakeOptions) {
    this.#options = options;
    this.#links = new CommitLinks(options);
  }

  /**
   * @throws IntakeUnavailableError when nothing can be appended now; the same again is safe
   * @throws what `request.admit` throws
   */
  async accept(request: WebhookRequest): Promise<WebhookAnswer> {
    const { forge, header, body } = request;
    if (!(await isFromForge(this.#options.secrets[forge], request))) {
      return { kind: 'bad_signature' };
    }
    await request.admit();
    const json = readWebhookBody(body, header('content-type'));
    if (json.kind === 'invalid') return { kind: 'invalid_body', reason: json.reason };
    const firstOf = (names: readonly string[]) => names.map(header).find(Boolean);
    const deliveryId = firstOf(HEADERS[forge].delivery);
    const webhook: Webhook = {
      forge,
      name: firstOf(HEADERS[forge].type) ?? '',
      deliveryId,
      identity:
        deliveryId === undefined ? [forge, 'body', digestOfBody(body)] : [forge, 'id', deliveryId],
      text: json.text,
    };
    const mapped = mapWebhook(forge, webhook.name, json.value, { id: deliveryId });
    switch (mapped.kind) {
      case 'event':
        return await this.#acceptEvent(webhook, mapped);
      case 'pull_request':
        return await this.#acceptPullRequest(webhook, mapped.pullRequest);
      case 'invalid':
        return await this.#park(webhook, mapped.field, mapped.reason);
      case 'ignored':
        return { kind: 'results', results: [], reason: mapped.reason };
      case 'unmapped':
        return mapped;
    }
  }

  async #acceptEvent(
    webhook: Webhook,
    { event: mapped, commit }: Extract<MappedWebhook, { readonly kind: 'event' }>,
  ): Promise<WebhookAnswer> {
    const { keys, nowMs } = this.#options;
    const { forge, identity } = webhook;
    const judged = judgeEvent(mapped, nowMs());
    if (judged.kind === 'invalid') {
      return await this.#park(webhook, judged.problem.field, judged.problem.detail);
    }
    const { event } = judged;
    const key = keys.intake.record(digestOf('webhook', ...identity, event.executionId));
    const record = { key, keepSeconds: RECORD_SECONDS };
    return this.#answer(forge, await this.#links.appendRun({ forge, event, commit, record }));
  }

  async #acceptPullRequest(
    { forge }: Webhook,
    { openedAt, ...head }: HeadOfPullRequest,
  ): Promise<WebhookAnswer> {
    // A forge whose clock is ahead must not make events that are refused where they are applied.
    const now = new Date(this.#options.nowMs()).toISOString();
    const occurred = { ...head, openedAt: openedAt < now ? openedAt : now };
    const appended = await this.#links.appendPullRequest(forge, occurred);
    return appended.length > 0
      ? this.#answer(forge, appended)
      : { kind: 'results', results: [], reason: 'no run of this commit lacks the link' };
  }

  /** Keeps a payload whole that cannot be read, so that a mapping mended later can still apply it. */
  async #park(webhook: Webhook, field: string, problem: string): Promise<WebhookAnswer> {
    const { keys, appender, observer } = this.#options;
    const { forge, name, deliveryId = '', identity, text } = webhook;
    const refusal = {
      field,
      reason: 'unmapped_payload',
      detail: `${problem}; the payload was kept in the quarantine`,
    } as const;
    const pairs = Object.entries({
      webhook: forge,
      name,
      delivery: deliveryId,
      payload: text,
      reason: refusal.reason,
      field,
      detail: problem,
      sourceId: '',
    }).flat();
    const key = keys.intake.record(digestOf('unmapped', ...identity));
    const records = [{ key, keepSeconds: RECORD_SECONDS }];
    const entry: EntryOnce = { stream: 'quarantine', pairs, records };
    const outcome = await appender.append([entry]);
    const isRepeat = outcome.kind === 'appended' && outcome.entries.some((each) => each.isRepeat);
    observer.onEvents(forge, isRepeat ? 'repeated' : 'quarantined', 1);
    if (!isRepeat) observer.onUnmapped(forge, name, refusal);
    return { kind: 'results', results: [{ error: refusal }], reason: undefined };
  }

  #answer(forge: Forge, appended: readonly AppendedEntry[]): WebhookAnswer {
    const repeated = appended.filter(({ isRepeat }) => isRepeat).length;
    const { observer } = this.#options;
    if (repeated < appended.length)
      observer.onEvents(forge, 'appended', appended.length - repeated);
    if (repeated > 0) observer.onEvents(forge, 'repeated', repeated);
    return { kind: 'results', results: appended.map(({ id }) => ({ id })), reason: undefined };
  }
}

function digestOfBody(body: Buffer): string {
  return createHash('sha256').update(body).digest('base64url');
}
