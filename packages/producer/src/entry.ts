import {
  encodeEntry,
  isTooLarge,
  MAX_ENTRY_BYTES,
  type TaskEventInput,
  TaskEventSchema,
} from '@tasktrail/contract';
import { InvalidEventError } from './errors.ts';

/** What `append` takes: an event whose time and idempotency key may be left to the producer. */
export type AppendInput = Omit<TaskEventInput, 'occurredAt' | 'eventId'> &
  Partial<Pick<TaskEventInput, 'occurredAt' | 'eventId'>>;

/** A valid event in the form in which it is sent, however often it has to be sent. */
export interface Entry {
  readonly executionId: string;
  /** field, value, field, value … */
  readonly pairs: readonly string[];
  readonly bytes: number;
}

/**
 * @param defaults what an absent `occurredAt` and `eventId` become
 * @throws InvalidEventError naming the first field at fault
 */
export function toEntry(
  input: AppendInput,
  defaults: { readonly occurredAt: string; readonly eventId: string },
): Entry {
  const parsed = TaskEventSchema.safeParse({
    ...input,
    occurredAt: input.occurredAt ?? defaults.occurredAt,
    eventId: input.eventId ?? defaults.eventId,
    ...(typeof input.message === 'string' ? { message: withNewlines(input.message) } : {}),
  });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const [field, ...path] = issue?.path ?? [];
    const isMissing = path.length === 0 && input[field as keyof AppendInput] === undefined;
    const reason = isMissing ? 'is required' : (issue?.message ?? 'is invalid');
    throw new InvalidEventError([field, ...path].join('.'), reason);
  }
  const pairs = encodeEntry(parsed.data);
  if (isTooLarge(pairs)) {
    throw new InvalidEventError('', `all its fields together exceed ${MAX_ENTRY_BYTES} bytes`);
  }
  let bytes = 0;
  for (const text of pairs) bytes += Buffer.byteLength(text);
  return { executionId: parsed.data.executionId, pairs, bytes };
}

/** Windows line ends would be control characters, which entries do not carry. */
function withNewlines(text: string): string {
  return text.replaceAll('\r\n', '\n');
}
