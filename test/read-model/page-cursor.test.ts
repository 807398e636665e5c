import { createHash } from 'node:crypto';
import {
  formatPosition,
  PageCursorSchema,
  type Position,
  TASK_STATUSES,
  type TaskStatus,
} from '@tasktrail/contract';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  formatPageCursor,
  type PageCursor,
  parsePageCursor,
  requireSameHistory,
} from '../../src/read-model/page-cursor.ts';
import { PageCursorError, type TaskFilter } from '../../src/read-model/read-model.ts';
import { streamIdOf } from './stored-tasks.ts';

const NO_FILTER: TaskFilter = { project: undefined, statuses: [] };

const positions: fc.Arbitrary<Position> = fc.record(
  {
    epoch: fc.stringMatching(/^[0-9a-z]{1,32}$/),
    id: fc
      .tuple(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.nat())
      .map(([ms, seq]) => streamIdOf(`${ms}-${seq}`)),
  },
  { noNullPrototype: true },
);

const cursors: fc.Arbitrary<PageCursor> = fc.record(
  {
    walkedFrom: positions,
    after: fc.record(
      {
        score: fc.maxSafeInteger(),
        executionId: fc.stringMatching(/^[\x21-\x7e]{1,200}$/),
      },
      { noNullPrototype: true },
    ),
  },
  { noNullPrototype: true },
);

const filters: fc.Arbitrary<TaskFilter> = fc.record({
  project: fc.constantFrom(undefined, 'owner/repo', 'owner/Repo', 'owner/repo/null'),
  statuses: fc.subarray([...TASK_STATUSES]),
});

const SAMPLE: PageCursor = {
  walkedFrom: { epoch: 'k3f9x2', id: streamIdOf('1795211160000-0') },
  after: { score: 1_795_211_160_000, executionId: 'run-4711' },
};

describe('a page cursor', () => {
  test('brings back what it was made of, for the same filter', () => {
    fc.assert(
      fc.property(cursors, filters, (cursor, filter) => {
        const text = formatPageCursor(cursor, filter);
        expect(PageCursorSchema.safeParse(text).success).toBe(true);
        expect(parsePageCursor(text, filter)).toEqual(cursor);
      }),
    );
  });

  test('takes the longest position and execution id', () => {
    const max = 2n ** 64n - 1n;
    const cursor: PageCursor = {
      walkedFrom: { epoch: 'z'.repeat(32), id: streamIdOf(`${max}-${max}`) },
      after: { score: Number.MIN_SAFE_INTEGER, executionId: '\\'.repeat(200) },
    };
    expect(parsePageCursor(formatPageCursor(cursor, NO_FILTER), NO_FILTER)).toEqual(cursor);
  });

  test('holds for a filter that means the same', () => {
    const reversed: TaskStatus[] = [...TASK_STATUSES].reverse();
    const pairs: [TaskFilter, TaskFilter][] = [
      [NO_FILTER, { project: undefined, statuses: reversed }],
      [
        { project: 'o/r', statuses: ['queued', 'error'] },
        { project: 'o/r', statuses: ['error', 'queued'] },
      ],
    ];
    for (const [made, used] of pairs) {
      expect(parsePageCursor(formatPageCursor(SAMPLE, made), used)).toEqual(SAMPLE);
    }
  });

  test('is refused for a filter that means another', () => {
    fc.assert(
      fc.property(filters, filters, (made, used) => {
        fc.pre(meaningOf(made) !== meaningOf(used));
        expectRefusal(() => parsePageCursor(formatPageCursor(SAMPLE, made), used), /statuses/);
      }),
    );
  });

  test('is refused when damaged anywhere', () => {
    const text = formatPageCursor(SAMPLE, NO_FILTER);
    const edits = fc.record({
      at: fc.nat({ max: text.length }),
      removed: fc.nat({ max: text.length }),
      added: fc.oneof(fc.string({ maxLength: 3 }), fc.stringMatching(/^[A-Za-z0-9_.=-]{0,3}$/)),
    });
    fc.assert(
      fc.property(edits, ({ at, removed, added }) => {
        const damaged = text.slice(0, at) + added + text.slice(at + removed);
        fc.pre(damaged !== text);
        expectRefusal(() => parsePageCursor(damaged, NO_FILTER));
      }),
      { numRuns: 1000 },
    );
  });

  test('is refused when it is any other text', () => {
    const [, payload, checksum] = formatPageCursor(SAMPLE, NO_FILTER).split('.');
    const others = [
      '',
      'p1',
      'p1..',
      formatPosition(SAMPLE.walkedFrom),
      '1795211160000-0',
      `p2.${payload}.${checksum}`,
      `p1.${payload}`,
      `p1.${payload}.${checksum}.`,
      `p1.${payload}=.${checksum}`,
      `p1.${'A'.repeat(100_000)}.${checksum}`,
    ];
    for (const other of others) expectRefusal(() => parsePageCursor(other, NO_FILTER));
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (other) => {
        expectRefusal(() => parsePageCursor(other, NO_FILTER));
      }),
    );
  });

  test('is refused when somebody made one whose checksum is right and whose place is none', () => {
    const [position, digest, score, executionId] = fieldsOf(formatPageCursor(SAMPLE, NO_FILTER));
    const payloads = [
      'not JSON',
      'null',
      '{}',
      '[]',
      JSON.stringify([position, digest, 'NaN', executionId]),
      JSON.stringify([position, digest, 1.5, executionId]),
      JSON.stringify([position, digest, score]),
      JSON.stringify(['1795211160000-0', digest, score, executionId]),
      JSON.stringify([7, digest, score, executionId]),
    ];
    for (const payload of payloads) {
      expectRefusal(() => parsePageCursor(forge(payload), NO_FILTER), /names no place/);
    }
    const rightOne = forge(JSON.stringify([position, digest, score, executionId]));
    expect(parsePageCursor(rightOne, NO_FILTER)).toEqual(SAMPLE);
  });

  test('holds within its history only', () => {
    const { epoch, id } = SAMPLE.walkedFrom;
    requireSameHistory(SAMPLE, { epoch, id: streamIdOf('1795211169999-0') });
    expectRefusal(() => requireSameHistory(SAMPLE, { epoch: 'other', id }), /replaced/);
  });
});

function expectRefusal(action: () => unknown, message = /./): void {
  expect(action).toThrow(PageCursorError);
  expect(action).toThrow(message);
  expect(action).toThrow(/Load the first page again/);
}

function meaningOf({ project, statuses }: TaskFilter): string {
  const isAny = statuses.length === 0 || statuses.length === TASK_STATUSES.length;
  return JSON.stringify([project, isAny ? 'any' : [...statuses].sort()]);
}

function fieldsOf(cursor: string): unknown[] {
  return JSON.parse(Buffer.from(cursor.split('.')[1] ?? '', 'base64url').toString());
}

/** There is no secret in a cursor, so anybody can do this. */
function forge(payload: string): string {
  const body = `p1.${Buffer.from(payload).toString('base64url')}`;
  const hash = createHash('sha256').update(body).digest().subarray(0, 12);
  return `${body}.${hash.toString('base64url')}`;
}
