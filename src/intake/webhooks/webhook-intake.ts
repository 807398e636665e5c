import { judgeEvent } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import {
  type AppendedEntry,
  type AppendRecord,
  digestOf,
  type EntryOnce,
  RECORD_SECONDS,
} from '../../redis/append-once.ts';
import type { Keys } from '../../redis/keys.ts';
import { encodeParkedWebhook } from '../../redis/quarantine-entry.ts';
import type { Appender } from '../appender.ts';
import type {
  Forge,
  HeadOfPullRequest,
  IntakeObserver,
  MappedWebhook,
  WebhookAnswer,
  WebhookRequest,
} from '../intake.ts';
import { CommitLinks } from './commit-links.ts';
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
  /** The JSON as it came. */
  readonly text: string;
  /** Its own, so that all that it does together has a limit of time. */
  readonly appender: Appender;
}

/** What names a webhook's type and its delivery; Gitea gives GitHub's names as well as its own. */
const HEADERS: Readonly<Record<Forge, { type: readonly string[]; delivery: readonly string[] }>> = {
  github: { type: ['x-github-event'], delivery: ['x-github-delivery'] },
  gitea: {
    type: ['x-gitea-event', 'x-forgejo-event', 'x-gogs-event', 'x-github-event'],
    delivery: ['x-gitea-delivery', 'x-forgejo-delivery', 'x-gogs-delivery', 'x-github-delivery'],
  },
};

/**
 * Appends what forges tell by webhook, each once. (PROTOCOL.md, "Webhooks")
 *
 * One is known again by the id of its delivery, and by its contents. The id is in a header, which no
 * forge signs: whoever has got hold of a webhook could send it again under any other id, and move a
 * task back to what it was. Two webhooks with the same contents say the same of the same moment,
 * because a payload holds its object with the times of its last change; such a pair is a redelivery,
 * or that of a repository and of its organisation, which are both told the same. The second changes
 * nothing where it comes right behind the first, and would be wrong where something else came
 * between. What counts are the contents that are mapped, not the bytes of the body: in a form of
 * Gitea only these are signed, and the rest of it could be anything.
 */
export class WebhookIntake {
  readonly #options: WebhookIntakeOptions;

  constructor(options: WebhookIntakeOptions) {
    this.#options = options;
  }

  /**
   * @throws IntakeUnavailableError when nothing can be appended now; the same again is safe
   * @throws what `request.admit` throws
   */
  async accept(request: WebhookRequest): Promise<WebhookAnswer> {
    const { forge, header, body } = request;
    const appender = this.#options.appender.forRequest();
    if (!(await isFromForge(this.#options.secrets[forge], request))) {
      return { kind: 'bad_signature' };
    }
    await request.admit();
    const json = readWebhookBody(body, header('content-type'));
    if (json.kind === 'invalid') return { kind: 'invalid_body', reason: json.reason };
    const firstOf = (names: readonly string[]) => names.map(header).find(Boolean);
    const deliveryId = firstOf(HEADERS[forge].delivery);
    const name = firstOf(HEADERS[forge].type);
    if (name === undefined) {
      const reason = `the type of the webhook is missing: send ${HEADERS[forge].type[0]}`;
      return { kind: 'invalid_body', reason };
    }
    const webhook: Webhook = { forge, name, deliveryId, text: json.text, appender };
    const mapped = mapWebhook(forge, name, json.value, { id: deliveryId });
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
    const judged = judgeEvent(mapped, this.#options.nowMs());
    if (judged.kind === 'invalid') {
      return await this.#park(webhook, judged.problem.field, judged.problem.detail);
    }
    const { forge } = webhook;
    const { event } = judged;
    const records = this.#recordsOf(webhook, 'webhook', event.executionId);
    const links = this.#linksFor(webhook);
    return this.#answer(forge, await links.appendRun({ forge, event, commit, records }));
  }

  async #acceptPullRequest(
    webhook: Webhook,
    { openedAt, ...head }: HeadOfPullRequest,
  ): Promise<WebhookAnswer> {
    // A forge whose clock is ahead must not make events that are refused where they are applied.
    const now = new Date(this.#options.nowMs()).toISOString();
    const occurred = { ...head, openedAt: openedAt < now ? openedAt : now };
    const { forge } = webhook;
    const appended = await this.#linksFor(webhook).appendPullRequest(forge, occurred);
    return appended.length > 0
      ? this.#answer(forge, appended)
      : { kind: 'results', results: [], reason: 'no run of this commit lacks the link' };
  }

  /** Keeps a payload whole that cannot be read, so that a mapping mended later can still apply it. */
  async #park(webhook: Webhook, field: string, problem: string): Promise<WebhookAnswer> {
    const { observer } = this.#options;
    const { forge, name, deliveryId: delivery = '', text: payload, appender } = webhook;
    const refusal = {
      field,
      reason: 'unmapped_payload',
      detail: `${problem}; the payload was kept in the quarantine`,
    } as const;
    const parked = { forge, name, delivery, payload, field, detail: problem };
    const pairs = encodeParkedWebhook(parked);
    const records = this.#recordsOf(webhook, 'unmapped');
    const entry: EntryOnce = { stream: 'quarantine', pairs, records };
    const isRepeat = (await appender.append([entry])).some((each) => each.isRepeat);
    observer.onEvents(forge, isRepeat ? 'repeated' : 'quarantined', 1);
    if (!isRepeat) observer.onUnmapped(forge, name, refusal);
    return { kind: 'results', results: [{ error: refusal }], reason: undefined };
  }

  /** @param kind of digests, so that what was parked before is not taken for an event */
  #recordsOf(
    { forge, deliveryId, text }: Webhook,
    kind: 'webhook' | 'unmapped',
    ...subject: readonly string[]
  ): [AppendRecord, ...AppendRecord[]] {
    const recordOf = (...texts: string[]): AppendRecord => ({
      key: this.#options.keys.intake.record(digestOf(kind, forge, ...texts, ...subject)),
      keepSeconds: RECORD_SECONDS,
    });
    const ofContents = recordOf('contents', text);
    return deliveryId === undefined ? [ofContents] : [recordOf('id', deliveryId), ofContents];
  }

  #linksFor({ appender }: Webhook): CommitLinks {
    const { redis, keys } = this.#options;
    return new CommitLinks({ redis, keys, appender });
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
