import { randomUUID } from 'node:crypto';
import { sign } from '@octokit/webhooks-methods';
import type { RecordedWebhook } from './recorded-webhooks.ts';

/** The server did not take a webhook as GitHub would have it taken. */
class DeliveryError extends Error {
  override readonly name = 'DeliveryError';
}

/** As long as GitHub waits for an answer. */
const ANSWER_TIMEOUT_MS = 10_000;

/** Delivers webhooks as GitHub does: signed, one delivery id each, and never a second time. */
export class ForgeStandIn {
  readonly #url: string;
  readonly #secret: string;

  /** @param url where the server is reached, without a path */
  constructor(url: string, secret: string) {
    this.#url = `${url}/webhooks/github`;
    this.#secret = secret;
  }

  /** @throws DeliveryError when the answer is neither 202 nor 204 */
  async deliver({ name, payload }: RecordedWebhook): Promise<void> {
    const body = JSON.stringify(payload);
    const answer = await fetch(this.#url, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        'X-GitHub-Event': name,
        'X-GitHub-Delivery': randomUUID(),
        'X-Hub-Signature-256': await sign(this.#secret, body),
      },
      body,
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    });
    const text = await answer.text();
    if (answer.status !== 202 && answer.status !== 204) {
      throw new DeliveryError(`a ${name} webhook was answered ${answer.status}: ${text}`);
    }
  }
}
