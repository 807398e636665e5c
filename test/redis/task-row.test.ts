import { TASK_STATUSES, TaskItemSchema } from '@tasktrail/contract';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  CorruptRowError,
  decodeTaskRow,
  encodeTaskRow,
  type Task,
  toItem,
} from '../../src/redis/task-row.ts';
import { aTask, streamIdOf } from '../read-model/stored-tasks.ts';

const texts = fc.string({ unit: 'binary' });
const times = fc.date({ noInvalidDate: true }).map((date) => date.toISOString());
const nullable = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: null });

const tasks: fc.Arbitrary<Task> = fc.record({
  executionId: fc.string({ minLength: 1 }),
  taskName: texts,
  status: fc.constantFrom(...TASK_STATUSES),
  project: texts,
  occurredAt: times,
  flow: nullable(texts),
  actor: nullable(
    fc.record(
      { provider: texts, id: texts, displayName: texts },
      { requiredKeys: ['provider', 'id'], noNullPrototype: true },
    ),
  ),
  prLinks: fc.array(texts),
  visibility: fc.record({ responsibleUsers: fc.array(texts) }, { noNullPrototype: true }),
  lastEventId: fc
    .tuple(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.nat())
    .map(([ms, seq]) => streamIdOf(`${ms}-${seq}`)),
  createdAt: times,
  startedAt: nullable(times),
  finishedAt: nullable(times),
  attempt: fc.integer({ min: 1 }),
  message: nullable(texts),
  recentEventIds: fc.array(texts, { maxLength: 8 }),
});

describe('a task row', () => {
  test('gives back the task, from pairs and from a record', () => {
    fc.assert(
      fc.property(tasks, (task) => {
        const pairs = encodeTaskRow(task);
        expect(decodeTaskRow(pairs)).toEqual(task);
        expect(decodeTaskRow(toRecord(pairs))).toEqual(task);
      }),
    );
  });

  test('has one field for each of the task, each at most once and named as in the item', () => {
    fc.assert(
      fc.property(tasks, (task) => {
        const names = Object.keys(toRecord(encodeTaskRow(task)));
        expect(names).toHaveLength(encodeTaskRow(task).length / 2);
        expect(Object.keys(task)).toEqual(expect.arrayContaining(names));
      }),
    );
  });

  test('leaves out what is null or empty', () => {
    const names = Object.keys(toRecord(encodeTaskRow(aTask({ executionId: 'run-1' }))));
    expect(names.sort()).toEqual([
      'attempt',
      'createdAt',
      'executionId',
      'lastEventId',
      'occurredAt',
      'project',
      'status',
      'taskName',
    ]);
  });

  test('that does not exist is no task', () => {
    expect(decodeTaskRow([])).toBeUndefined();
    expect(decodeTaskRow({})).toBeUndefined();
  });

  test('may have fields that a later version wrote', () => {
    const task = aTask({ executionId: 'run-1' });
    expect(decodeTaskRow([...encodeTaskRow(task), 'owner', 'ana', '__proto__', 'x'])).toEqual(task);
  });

  test.for([
    ['executionId', undefined],
    ['status', undefined],
    ['status', 'running'],
    ['occurredAt', 'yesterday'],
    ['startedAt', ''],
    ['lastEventId', '7'],
    ['attempt', '0'],
    ['attempt', 'two'],
    ['actor', '{'],
    ['actor', 'null'],
    ['actor', '{"provider":"slack"}'],
    ['prLinks', '{}'],
    ['prLinks', '[1]'],
    ['visibility', '[]'],
    ['visibility', '{"responsibleUsers":"google:ana@example.com"}'],
    ['recentEventIds', '"e1"'],
  ] as const)('whose %s is %s is corrupt, and the error names the field', ([field, value]) => {
    const row = toRecord(encodeTaskRow(aTask({ executionId: 'run-1' })));
    if (value === undefined) delete row[field];
    else row[field] = value;
    const error = catchError(() => decodeTaskRow(row));
    expect(error).toBeInstanceOf(CorruptRowError);
    expect(error).toMatchObject({ field, executionId: row.executionId });
    expect((error as Error).message).toContain(field);
  });
});

describe('the item of a task', () => {
  test("has exactly the contract's fields, in its order", () => {
    const { recentEventIds, ...item } = aTask({ executionId: 'run-1', recentEventIds: ['e1'] });
    expect(recentEventIds).toEqual(['e1']);
    const task: Task = { recentEventIds, ...item };
    expect(toItem(task)).toEqual(item);
    expect(Object.keys(toItem(task))).toEqual(Object.keys(TaskItemSchema.shape));
  });
});

function toRecord(pairs: readonly string[]): Record<string, string> {
  const record: Record<string, string> = {};
  for (let i = 0; i < pairs.length; i += 2) record[pairs[i] as string] = pairs[i + 1] as string;
  return record;
}

function catchError(action: () => unknown): unknown {
  try {
    return action();
  } catch (error) {
    return error;
  }
}
