import type { Redis } from 'ioredis';
import type { Keys } from '../redis/keys.ts';
import { loadScript, runScript } from '../redis/script.ts';

const MARK_AHEAD = loadScript('mark-ahead');

/**
 * The checkpoint is, or was when it was looked at, of an event that the stream has not given yet.
 * Events that came since may be before it: none is applied until it is mended.
 */
export class CheckpointAheadError extends Error {
  override readonly name = 'CheckpointAheadError';

  constructor(keys: Keys) {
    super(
      `the checkpoint in ${keys.projector} is ahead of ${keys.events}, so that events would be skipped: ` +
        'it was changed by hand, or the events were deleted. Nothing is applied. Run tasktrail repair ' +
        '--yes, which sets it back',
    );
  }
}

/**
 * Looks whether the stored checkpoint is ahead of the events, and notes it.
 *
 * @throws CheckpointAheadError
 */
export async function refuseAhead(redis: Redis, keys: Keys): Promise<void> {
  const isAhead = await runScript(redis, MARK_AHEAD, [keys.projector, keys.events], []);
  if (isAhead === 1) throw new CheckpointAheadError(keys);
}
