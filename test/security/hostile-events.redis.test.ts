import { parseStreamId, type StreamId } from '@tasktrail/contract';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KEYS } from '../../src/redis/keys.ts';
import { collidingEntry } from '../fixtures/events.ts';
import { whenProjected } from '../fixtures/facts.ts';
import { useGoogle } from '../fixtures/google.ts';
import { useRedis } from '../fixtures/redis.ts';
import { StreamViewer } from '../fixtures/viewer.ts';
import { mutated, nastyJson, nastyTexts } from './arbitraries.ts';
import { CostWatch } from './cost-watch.ts';
import { startTarget } from './hostile.ts';

const redis = useRedis();
const google = useGoogle();

const ENTRIES = 3000;
const AT_ONCE = 50;

type Piece = string | Uint8Array;

/** A value that somebody may have meant for a field, and others. */
const values: fc.Arbitrary<Piece> = fc.oneof(
  nastyTexts.map((text) => text.toWellFormed()),
  nastyJson.filter((text) => text.length < 10_000),
  fc.uint8Array({ maxLength: 40 }),
  mutated(
    fc.constantFrom(
      'run-1',
      '2026-11-20T12:00:00.000Z',
      'acme/shop',
      'in_progress',
      '{"provider":"slack","id":"U1","displayName":"Ana"}',
      '["https://example.com/1"]',
      '{"responsibleUsers":["slack:U1","google:ANA@example.com"]}',
      '2',
    ),
  ).map((text) => text.toWellFormed()),
);

const names = fc.oneof(
  fc.constantFrom('taskName', 'flow', 'actor', 'prLinks', 'visibility', 'message', 'attempt'),
  fc.constantFrom('executionId', 'occurredAt', 'project', 'status', 'eventId'),
  fc.constantFrom('__proto__', 'constructor', 'sourceId', 'producer', 'reason', 'field', 'entry'),
  nastyTexts.map((text) => text.toWellFormed()),
  fc.uint8Array({ minLength: 1, maxLength: 20 }),
);

const faults = fc.array(fc.tuple<[Piece, Piece]>(names, values), { maxLength: 3 });

/** Entries of few tasks, most of which are nearly right, in whatever order. */
const entries: fc.Arbitrary<readonly Piece[]> = fc.oneof(
  { arbitrary: collidingEntry, weight: 60 },
  {
    arbitrary: fc.tuple(collidingEntry, faults).map(([pairs, more]) => [...pairs, ...more.flat()]),
    weight: 120,
  },
  { arbitrary: faults.filter((all) => all.length > 0).map((all) => all.flat()), weight: 20 },
  {
    arbitrary: fc
      .tuple(collidingEntry, fc.constantFrom(100, 3600))
      .map(([pairs, count]) => [
        ...pairs,
        ...Array.from({ length: count }, (_, n) => [`f${n}`, '']).flat(),
      ]),
    weight: 1,
  },
  {
    arbitrary: fc
      .tuple(collidingEntry, fc.constantFrom(60_000, 70_000))
      .map(([pairs, length]) => [...pairs, 'padding', 'x'.repeat(length)]),
    weight: 1,
  },
);

test('whatever stands in the stream is applied or quarantined, and nobody is shown what is not valid', async () => {
  const target = await startTarget(redis, google);
  const client = redis.connect();
  // They fail on the first page or frame that is not as PROTOCOL.md says.
  const viewerOf = (email: string, principals?: string[]) =>
    new StreamViewer({
      url: () => target.url,
      token: google.standIn.sign({ email }),
      principals,
    }).start();
  await using root = viewerOf('root@example.com');
  await using ana = viewerOf('ana@example.com', ['google:ana@example.com', 'slack:U1']);
  let last: StreamId | undefined;
  using costs = new CostWatch();

  await fc.assert(
    fc.asyncProperty(fc.array(entries, { minLength: AT_ONCE, maxLength: AT_ONCE }), async (all) => {
      await costs.run(all.length, ENTRIES, async () => {
        const ids = await Promise.all(
          all.map((pairs) => client.xadd(KEYS.events, '*', ...pairs.map(toArgument))),
        );
        last = parseStreamId(ids.at(-1) ?? '');
        expect(last).toBeDefined();
        if (last !== undefined) await whenProjected(client, last);
      });
    }),
    { numRuns: ENTRIES / AT_ONCE },
  );

  for (const viewer of [root, ana]) if (last !== undefined) await viewer.whenAt(last);
  costs.expectBounded();
  const quarantined = await client.xlen(KEYS.quarantine);
  expect(quarantined).toBeGreaterThan(ENTRIES / 10);
  expect(quarantined).toBeLessThan(ENTRIES);
  expect(root.tasks.size).toBeGreaterThan(0);
  await using late = viewerOf('root@example.com');
  await late.when(() => late.tasks.size > 0);
  expect(new Map(late.tasks)).toEqual(new Map(root.tasks));
  await target.expectAlive();
}, 120_000);

function toArgument(piece: Piece): string | Buffer {
  return typeof piece === 'string' ? piece : Buffer.from(piece);
}
