import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { EventMediaType, EventsRequest } from '../../../src/intake/intake.ts';
import { KEYS } from '../../../src/redis/keys.ts';
import { useRedis } from '../../fixtures/redis.ts';
import { aProducer, appendedTo, aRequest, openIntake, resultsOf } from '../emitting.ts';

const server = useRedis();

/** A part of a batch: what is sent, and whether it is an event that may be appended. */
interface Part {
  readonly sent: unknown;
  readonly isGood: boolean;
}

const good: fc.Arbitrary<Part> = fc
  .record(
    {
      executionId: fc.constantFrom('run-1', 'run-2', 'run-3'),
      occurredAt: fc.constantFrom('2026-11-20T12:00:00Z', '2026-11-20T13:00:01.5+01:00'),
      project: fc.constantFrom('owner/repo', 'owner/other'),
      status: fc.constantFrom('queued', 'success', ''),
      message: fc.constantFrom('', null, 'two\nlines', 'ä漢😀'),
      attempt: fc.integer({ min: 1, max: 3 }),
      unknown: fc.jsonValue(),
    },
    { requiredKeys: ['executionId', 'occurredAt', 'project'], noNullPrototype: true },
  )
  .map((sent) => ({ sent, isGood: true }));

const faults = fc.constantFrom<readonly [string, unknown]>(
  ['executionId', undefined],
  ['executionId', 'two words'],
  ['occurredAt', 'yesterday'],
  ['occurredAt', '2999-01-01T00:00:00Z'],
  ['project', 'nobody/else'],
  ['project', 'repo'],
  ['status', 'running'],
  ['attempt', 0],
  ['message', '\u0007'],
  ['prLinks', [`https://example.com/${'a'.repeat(65_536)}`]],
);

const bad: fc.Arbitrary<Part> = fc.oneof(
  fc.tuple(good, faults).map(([{ sent }, [field, value]]) => ({
    sent: { ...(sent as object), [field]: value },
    isGood: false,
  })),
  fc.constantFrom(null, 7, 'text', [], {}).map((sent) => ({ sent, isGood: false })),
);

const parts = fc.array(fc.oneof(good, good, bad), { minLength: 1, maxLength: 12 });

const requests = fc.record({
  parts,
  mediaType: fc.constantFrom<EventMediaType>('application/json', 'application/x-ndjson'),
  idempotencyKey: fc.constantFrom('key', undefined),
});

function bodyOf(events: readonly Part[], mediaType: EventMediaType): Buffer {
  const texts = events.map(({ sent }) => JSON.stringify(sent));
  return Buffer.from(mediaType === 'application/json' ? `[${texts.join(',')}]` : texts.join('\n'));
}

test('of any batch, the good events are what is appended, in order, and every one has its result', async () => {
  const redis = server.connect();
  const replicas = [openIntake(redis), openIntake(server.connect())];
  await fc.assert(
    fc.asyncProperty(requests, async ({ parts: sent, mediaType, idempotencyKey }) => {
      await redis.flushall();
      const producer = aProducer('ci', 'owner/repo', 'owner/other');
      const body = bodyOf(sent, mediaType);
      const request: EventsRequest = aRequest(undefined, {
        producer,
        mediaType,
        idempotencyKey,
        body,
      });
      const answer = await replicas[0]!.intake.accept(request);
      const results = resultsOf(answer);
      expect(results.map((result) => 'id' in result)).toEqual(sent.map(({ isGood }) => isGood));
      const appended = await appendedTo(redis);
      expect(results.flatMap((result) => ('id' in result ? [result.id] : []))).toEqual(
        appended.map(([id]) => id),
      );
      const expected = sent.flatMap(({ sent: event, isGood }) => (isGood ? [event as object] : []));
      for (const [place, event] of expected.entries()) {
        const { executionId, project } = event as Record<string, string>;
        expect(appended[place]?.[1]).toMatchObject({ executionId, project, producer: 'ci' });
      }
      if (idempotencyKey === undefined) return;
      const again = await replicas[1]!.intake.accept(request);
      expect(again).toEqual({ ...answer, isRepeat: appended.length > 0 });
      expect(await redis.xlen(KEYS.events)).toBe(appended.length);
    }),
    { numRuns: 200 },
  );
});
