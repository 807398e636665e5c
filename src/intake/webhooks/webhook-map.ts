import type { Forge, MappedWebhook, WebhookDelivery } from '../intake.ts';
import { mapGiteaWebhook } from './gitea.ts';
import { mapGithubWebhook } from './github.ts';

/**
 * Says in the words of task events what a webhook tells. The same for the same payload, whenever it
 * is asked, so that a payload that was kept can be mapped again by a later version. Never throws.
 *
 * @param name the type of the webhook, as the forge's header has it; empty where there was none
 * @param payload any JSON value
 */
export function mapWebhook(
  forge: Forge,
  name: string,
  payload: unknown,
  delivery: WebhookDelivery = {},
): MappedWebhook {
  switch (forge) {
    case 'github':
      return mapGithubWebhook(name, payload, delivery);
    case 'gitea':
      return mapGiteaWebhook(name, payload, delivery);
  }
}
