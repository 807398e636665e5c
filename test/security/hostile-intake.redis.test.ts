import { createHmac } from 'node:crypto';
import { EventResultsSchema, TASK_STATUSES } from '@tasktrail/contract';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EVENT_MEDIA_TYPES, type Forge } from '../../src/intake/intake.ts';
import { arbitraryEvents } from '../fixtures/events.ts';
import { useGoogle } from '../fixtures/google.ts';
import { useRedis } from '../fixtures/redis.ts';
import { GITEA_CORPUS, GITHUB_CORPUS } from '../intake/webhooks/webhook-corpus.ts';
import { headerTexts, mutated, mutatedJson, nastyJson, nastyTexts } from './arbitraries.ts';
import { attack, type HostileRequest, SECRETS, startTarget } from './hostile.ts';

const redis = useRedis();
const google = useGoogle();

/** Of each type a few are enough: what is changed in them differs with every case. */
const CORPUS = [...GITHUB_CORPUS, ...GITEA_CORPUS].filter((_, index) => index % 5 === 0);

const cloudEvents = fc.record(
  {
    specversion: fc.constantFrom('1.0', '0.3', ''),
    id: nastyTexts,
    source: nastyTexts,
    type: fc.constantFrom(...TASK_STATUSES.map((status) => `com.example.${status}`), ''),
    subject: nastyTexts,
    time: fc.constantFrom('2026-11-20T12:00:00Z', 'yesterday', ''),
    data: fc.oneof(arbitraryEvents, fc.jsonValue({ maxDepth: 2 })),
    data_base64: nastyTexts,
  },
  { requiredKeys: ['specversion', 'id'], noNullPrototype: true },
);

const eventBodies = fc
  .oneof(
    nastyJson,
    mutatedJson(arbitraryEvents).map(json),
    mutatedJson(fc.array(arbitraryEvents, { maxLength: 5 })).map(json),
    mutatedJson(cloudEvents).map(json),
    mutated(fc.array(arbitraryEvents, { maxLength: 3 }).map(json)),
    fc.array(fc.oneof(nastyJson, arbitraryEvents.map(json)), { maxLength: 5 }).map(lines),
    fc.constant(`[${'{},'.repeat(1000)}{}]`),
    fc.constant('\n'.repeat(100_000)),
  )
  .map((text): Uint8Array => Buffer.from(text));

const bodies = fc.oneof(
  { arbitrary: eventBodies, weight: 9 },
  { arbitrary: fc.uint8Array({ maxLength: 200 }), weight: 1 },
);

function json(value: unknown): string {
  return JSON.stringify(value) ?? '';
}

function lines(parts: readonly string[]): string {
  return parts.join('\n');
}

test('whatever a producer sends, each event has a result or the request is refused', async () => {
  const target = await startTarget(redis, google);
  const [everywhere, limited] = target.keys;
  const requests = fc
    .record({
      body: bodies,
      key: fc.constantFrom(everywhere, limited, everywhere, `${limited}x`, 'ttk_', ''),
      contentType: fc.oneof(
        { arbitrary: fc.constantFrom(...EVENT_MEDIA_TYPES), weight: 9 },
        { arbitrary: headerTexts, weight: 1 },
      ),
      others: fc.record(
        {
          'idempotency-key': headerTexts,
          'content-encoding': fc.constantFrom('gzip', 'identity', '', 'x'),
          expect: fc.constantFrom('100-continue', '200-ok'),
          'transfer-encoding': fc.constant('chunked'),
        },
        { requiredKeys: [], noNullPrototype: true },
      ),
      hasOthers: fc.nat(3),
    })
    .map(({ body, key, contentType, others, hasOthers }): HostileRequest => {
      const headers: Record<string, string> = {
        ...(hasOthers === 0 ? others : {}),
        authorization: `Bearer ${key}`,
        'content-type': contentType,
      };
      if (!('transfer-encoding' in headers)) headers['content-length'] = String(body.length);
      return { method: 'POST', target: '/events', headers, body };
    });
  const met = await attack(target, requests, 2500, (answer) => {
    if (answer.status === 202) EventResultsSchema.strict().parse(JSON.parse(answer.body));
  });
  expect([...met.keys()]).toEqual(expect.arrayContaining([202, 400, 401, 415]));
  await target.expectAlive();
}, 120_000);

test('whatever a forge signs, it is mapped, kept or refused; and nothing that it does not', async () => {
  const target = await startTarget(redis, google);
  const payloads = fc.oneof(
    { arbitrary: mutatedJson(fc.constantFrom(...CORPUS.map(({ payload }) => payload))), weight: 8 },
    { arbitrary: fc.jsonValue(), weight: 1 },
  );
  const texts = fc.oneof(
    { arbitrary: payloads.map(json), weight: 8 },
    { arbitrary: nastyJson, weight: 1 },
  );
  const requests = fc
    .record({
      forge: fc.constantFrom<Forge>('github', 'gitea'),
      name: fc.oneof(
        { arbitrary: fc.constantFrom(...new Set(CORPUS.map(({ name }) => name))), weight: 9 },
        { arbitrary: headerTexts, weight: 1 },
      ),
      delivery: headerTexts,
      text: texts,
      isForm: fc.boolean(),
      signature: fc.oneof(
        { arbitrary: fc.constant(undefined), weight: 12 },
        { arbitrary: headerTexts, weight: 1 },
        { arbitrary: fc.stringMatching(/^(sha256=)?[0-9a-f]{64}$/), weight: 1 },
      ),
    })
    .map(({ forge, name, delivery, text, isForm, signature }): HostileRequest => {
      const body = Buffer.from(isForm ? `payload=${encodeURIComponent(text)}` : text);
      const digits = createHmac('sha256', SECRETS[forge]).update(body).digest('hex');
      const type = isForm ? 'application/x-www-form-urlencoded' : 'application/json';
      const title = forge === 'github' ? 'x-github' : 'x-gitea';
      return {
        method: 'POST',
        target: `/webhooks/${forge}`,
        headers: {
          'content-type': type,
          'content-length': String(body.length),
          [`${title}-event`]: name,
          [`${title}-delivery`]: delivery,
          'x-hub-signature-256': signature ?? `sha256=${digits}`,
        },
        body,
      };
    });
  const met = await attack(target, requests, 2000);
  expect([...met.keys()]).toEqual(expect.arrayContaining([202, 204, 400, 401]));
  await target.expectAlive();
}, 120_000);
