import {
  decodeEntry,
  parseStreamId,
  STREAM_START,
  type StreamId,
  type TaskItem,
} from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { foldEvent } from '../projector/fold.ts';
import type { Keys } from '../redis/keys.ts';
import { type Task, toItem } from '../redis/task-row.ts';

/** What the events say, folded once more from the beginning: what a client should have arrived at. */
export interface ExpectedTasks {
  readonly events: number;
  readonly quarantined: number;
  readonly tasks: ReadonlyMap<string, TaskItem>;
}

/** Events read in one go. */
const READ_COUNT = 1000;

/** @param upTo the last event that counts; absent: the last that there is */
export async function foldAllEvents(
  redis: Redis,
  keys: Keys,
  upTo: StreamId | '+' = '+',
): Promise<ExpectedTasks> {
  const folded = new Map<string, Task>();
  let events = 0;
  let quarantined = 0;
  let after = STREAM_START;
  while (true) {
    const entries = await redis.xrange(keys.events, `(${after}`, upTo, 'COUNT', READ_COUNT);
    if (entries.length === 0) break;
    for (const [idText, pairs] of entries) {
      const id = parseStreamId(idText);
      if (id === undefined) throw new TypeError(`Redis named an entry ${idText}`);
      after = id;
      events += 1;
      const decoded = decodeEntry(id, pairs);
      if (decoded.kind === 'invalid') {
        quarantined += 1;
        continue;
      }
      const { executionId } = decoded.event;
      const outcome = foldEvent(folded.get(executionId), id, decoded.event);
      if (outcome.kind === 'applied') folded.set(executionId, outcome.task);
      if (outcome.kind === 'invalid') quarantined += 1;
    }
  }
  const tasks = new Map([...folded].map(([executionId, task]) => [executionId, toItem(task)]));
  return { events, quarantined, tasks };
}

/** The last event that there is. */
export async function readEnd(redis: Redis, keys: Keys): Promise<StreamId> {
  const [last] = await redis.xrevrange(keys.events, '+', '-', 'COUNT', 1);
  return parseStreamId(last?.[0] ?? '') ?? STREAM_START;
}

/** Every task in which the two differ, as `executionId: what differs`; none when they agree. */
export function differencesBetween(
  expected: ReadonlyMap<string, TaskItem>,
  seen: ReadonlyMap<string, TaskItem>,
): string[] {
  const ids = new Set([...expected.keys(), ...seen.keys()]);
  return [...ids].flatMap((id) => {
    const expectedTask = expected.get(id);
    const seenTask = seen.get(id);
    if (seenTask === undefined) return [`${id}: the client does not have it`];
    if (expectedTask === undefined) return [`${id}: the client has it and the events do not`];
    const fields = (Object.keys(expectedTask) as (keyof TaskItem)[]).filter(
      (field) => JSON.stringify(expectedTask[field]) !== JSON.stringify(seenTask[field]),
    );
    return fields.length === 0 ? [] : [`${id}: ${fields.join(', ')} differ`];
  });
}
