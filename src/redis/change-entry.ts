import type { StreamId, TaskChange } from '@tasktrail/contract';
import { z } from 'zod';

/**
 * A change as an entry of `task-updates:v1`: the fields `item` and `previous` as JSON, `previous`
 * absent for a new task. (PROTOCOL.md, "The change")
 */

/** An entry of the feed that is no change: something else than the projector wrote it. */
export class CorruptChangeError extends Error {
  override readonly name = 'CorruptChangeError';
  readonly id: StreamId;

  constructor(id: StreamId, cause: unknown) {
    super(`the change ${id} cannot be read: nothing but the projector may write the change feed`, {
      cause,
    });
    this.id = id;
  }
}

export function encodeChange(change: TaskChange): string[] {
  const { item, previous } = encodeChangeTexts(change);
  return previous === undefined ? ['item', item] : ['item', item, 'previous', previous];
}

/** The values of the fields; undefined for one that is absent. */
export function encodeChangeTexts({ item, previous }: TaskChange): {
  readonly item: string;
  readonly previous: string | undefined;
} {
  return {
    item: JSON.stringify(item),
    previous: previous === null ? undefined : JSON.stringify(previous),
  };
}

/**
 * What readers rely on. Not every rule of the change: those were checked when the event came in,
 * and a rule that a later version adds must not make what is stored unreadable.
 */
const ReadableChangeSchema = z.object({
  item: z.looseObject({
    executionId: z.string(),
    project: z.string(),
    status: z.string(),
    actor: z.looseObject({ provider: z.string(), id: z.string() }).nullable(),
    visibility: z.looseObject({ responsibleUsers: z.array(z.string()) }),
    lastEventId: z.string(),
  }),
  previous: z.object({ status: z.string(), audience: z.array(z.string()) }).nullable(),
});

/** @throws CorruptChangeError */
export function decodeChange(id: StreamId, pairs: readonly string[]): TaskChange {
  const fields = new Map<string, string>();
  for (let i = 0; i + 1 < pairs.length; i += 2) fields.set(pairs[i] ?? '', pairs[i + 1] ?? '');
  try {
    const change = {
      item: JSON.parse(fields.get('item') ?? 'null'),
      previous: JSON.parse(fields.get('previous') ?? 'null'),
    };
    // Checked and not replaced, so that frames keep the order of an item's fields.
    ReadableChangeSchema.parse(change);
    return change;
  } catch (cause) {
    throw new CorruptChangeError(id, cause);
  }
}
