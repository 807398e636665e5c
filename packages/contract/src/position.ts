import { z } from 'zod';
import { parseStreamId, type StreamId } from './stream-id.ts';

/**
 * A place in one history of `task-events:v1`.
 *
 * The epoch names the history: it is replaced whenever what was read before can no longer be
 * trusted, because ids alone cannot show that. (PROTOCOL.md, "Positions")
 */
export interface Position {
  readonly epoch: string;
  readonly id: StreamId;
}

/** What a client sent: without an epoch it is a bare stream id, taken as of the current epoch. */
export interface ClientPosition {
  readonly epoch: string | undefined;
  readonly id: StreamId;
}

const VERSION = 'v1';
const EPOCH = /^[0-9a-z]{1,32}$/;
/** Longer texts are no position, and are not looked at: 3 + 32 + 1 + 41 characters fit. */
const MAX_LENGTH = 80;

export const PositionSchema = z
  .string()
  .regex(/^v1\.[0-9a-z]{1,32}\.\d{1,20}-\d{1,20}$/)
  .meta({
    id: 'Position',
    description: 'Where a reader is. Opaque to clients: keep it and send it back as it came.',
    example: 'v1.k3f9x2.1795211160000-0',
  });

/** `v1.<epoch>.<ms>-<seq>` */
export function formatPosition({ epoch, id }: Position): string {
  return `${VERSION}.${epoch}.${id}`;
}

/** Reads a position or a bare stream id; undefined when the text is neither. */
export function parsePosition(text: string): ClientPosition | undefined {
  if (text.length > MAX_LENGTH) return undefined;
  const bare = parseStreamId(text);
  if (bare !== undefined) return { epoch: undefined, id: bare };
  const [version, epoch = '', idText = '', ...rest] = text.split('.');
  const id = parseStreamId(idText);
  if (version !== VERSION || !EPOCH.test(epoch) || id === undefined || rest.length > 0) {
    return undefined;
  }
  return { epoch, id };
}
