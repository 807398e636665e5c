import type { Forge, WebhookAnswer } from '../../intake/intake.ts';
import { networkOf } from '../client-address.ts';
import type { RequestContext } from '../http.ts';
import { Refusal } from '../refusal.ts';
import type { BodyBudget } from './body-budget.ts';
import { judgeContent } from './content-type.ts';
import { sendResults } from './events-route.ts';
import { headerText } from './header-text.ts';
import type { IntakeDependencies, RequestResult } from './intake-http.ts';
import { passLimit } from './rate-limit.ts';
import { withBody } from './request-body.ts';

/** Forges let whoever sets up a webhook choose. */
export const WEBHOOK_MEDIA_TYPES = [
  'application/json',
  'application/x-www-form-urlencoded',
] as const;

/** What a webhook of this forge becomes. */
export function createWebhookHandler(
  forge: Forge,
  { intake, limits }: IntakeDependencies,
  budget: BodyBudget,
) {
  return async (ctx: RequestContext): Promise<RequestResult> => {
    const { headers } = ctx.req;
    const content = judgeContent(headers, WEBHOOK_MEDIA_TYPES);
    if (content.kind === 'unsupported') throw new Refusal('unsupported_content', content.message);
    const header = (name: string) => {
      const value = headers[name];
      return typeof value === 'string' ? value : undefined;
    };
    const admit = async () => {
      ctx.state.producer = forge;
      await passLimit(limits, 'forge', forge);
    };
    return await withBody(ctx, budget, networkOf(ctx.state.clientAddress), async (body) =>
      respond(ctx, await intake.acceptWebhook({ forge, header, body, admit })),
    );
  };
}

function respond(ctx: RequestContext, answer: WebhookAnswer): RequestResult {
  switch (answer.kind) {
    case 'results':
      if (answer.reason !== undefined) ctx.set('Tasktrail-Reason', headerText(answer.reason));
      sendResults(ctx, answer.results);
      return 'accepted';
    case 'unmapped':
      ctx.set('Tasktrail-Reason', headerText(answer.reason));
      ctx.status = 204;
      return 'unmapped';
    case 'bad_signature':
      throw new Refusal('intake_unauthorized', undefined, { reason: 'bad_signature' });
    case 'invalid_body':
      throw new Refusal('invalid_body', answer.reason);
  }
}
