import type { EventResult, EventResults } from '@tasktrail/contract';
import { type Producer, ProducerRefusedError } from '../../auth/auth.ts';
import { EVENT_MEDIA_TYPES, type EventsAnswer } from '../../intake/intake.ts';
import type { HttpDependencies, RequestContext } from '../http.ts';
import { sendJson } from '../middleware.ts';
import { Refusal } from '../refusal.ts';
import type { BodyBudget } from './body-budget.ts';
import { judgeContent } from './content-type.ts';
import type { IntakeDependencies, RequestResult } from './intake-http.ts';
import { passLimit } from './rate-limit.ts';
import { withBody } from './request-body.ts';

export type FindToken = HttpDependencies['findToken'];

/** What a request with events becomes. */
export function createEventsHandler(
  { intake, producers, limits }: IntakeDependencies,
  findToken: FindToken,
  budget: BodyBudget,
) {
  async function authenticate({ req }: RequestContext): Promise<Producer> {
    // Never from the query: bots can set headers, and URLs end up in logs.
    const finding = findToken({ rawHeaders: req.rawHeaders, queryTokens: [] });
    if (finding.kind === 'refused') throw new ProducerRefusedError('unauthorized', finding.reason);
    return await producers.authenticateProducer(finding.token);
  }

  return async (ctx: RequestContext): Promise<RequestResult> => {
    const producer = await authenticate(ctx);
    ctx.state.producer = producer.name;
    await passLimit(limits, 'producer', producer.name);
    const idempotencyKey = readIdempotencyKey(ctx);
    const content = judgeContent(ctx.req.headers, EVENT_MEDIA_TYPES);
    if (content.kind === 'unsupported') throw new Refusal('unsupported_content', content.message);
    const { mediaType } = content;
    return await withBody(ctx, budget, producer.name, async (body) =>
      respond(ctx, await intake.acceptEvents({ producer, mediaType, body, idempotencyKey })),
    );
  };
}

/** @throws Refusal `invalid_query`: two could mean either, and an empty one all requests at once */
function readIdempotencyKey({ req }: RequestContext): string | undefined {
  const [key, second] = req.headersDistinct['idempotency-key'] ?? [];
  if (second !== undefined || key === '') {
    throw new Refusal('invalid_query', 'Idempotency-Key: must be given once, and not be empty');
  }
  return key;
}

function respond(ctx: RequestContext, answer: EventsAnswer): RequestResult {
  switch (answer.kind) {
    case 'results':
      if (answer.isRepeat) ctx.set('Idempotent-Replayed', 'true');
      sendResults(ctx, answer.results);
      return 'accepted';
    case 'too_many_events':
      throw new Refusal('body_too_large', `a request has at most ${answer.max} events`);
    case 'invalid_body':
      throw new Refusal('invalid_body', answer.reason);
    case 'key_reused':
      throw new Refusal('idempotency_key_reused');
  }
}

export function sendResults(ctx: RequestContext, results: readonly EventResult[]): void {
  const refused = results.filter((result) => 'error' in result).length;
  ctx.state.events = { accepted: results.length - refused, refused };
  sendJson(ctx, 202, { results: [...results] } satisfies EventResults);
}
