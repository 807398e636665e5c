import { type StreamId, type TaskChange, TaskChangeSchema } from '@tasktrail/contract';

/**
 * A change as an entry of `task-updates:v1`: the fields `item` and `previous` as JSON, `previous`
 * absent for a new task. (PROTOCOL.md, "The change")
 */

/** An entry of the feed that is no change: something else than the projector wrote it. */
export class CorruptChangeError extends Error {
  override readonly name = 'CorruptChangeError';

  constructor(id: StreamId, cause: unknown) {
    super(`the change ${id} cannot be read: nothing but the projector may write the change feed`, {
      cause,
    });
  }
}

export function encodeChange({ item, previous }: TaskChange): string[] {
  const pairs = ['item', JSON.stringify(item)];
  if (previous !== null) pairs.push('previous', JSON.stringify(previous));
  return pairs;
}

/** @throws CorruptChangeError */
export function decodeChange(id: StreamId, pairs: readonly string[]): TaskChange {
  const fields = new Map<string, string>();
  for (let i = 0; i + 1 < pairs.length; i += 2) fields.set(pairs[i] ?? '', pairs[i + 1] ?? '');
  try {
    return TaskChangeSchema.parse({
      item: JSON.parse(fields.get('item') ?? 'null'),
      previous: JSON.parse(fields.get('previous') ?? 'null'),
    });
  } catch (cause) {
    throw new CorruptChangeError(id, cause);
  }
}
