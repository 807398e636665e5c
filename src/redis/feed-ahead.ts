import type { Keys } from './keys.ts';

/**
 * The feed holds ids that the checkpoint has not reached, which no commit does: one of the two was
 * changed by hand, and they are of different histories.
 */
export class FeedAheadError extends Error {
  override readonly name = 'FeedAheadError';

  constructor(keys: Keys, options?: ErrorOptions) {
    super(
      `${keys.updates} is ahead of the checkpoint in ${keys.projector}, so one of them was changed ` +
        `by hand. To rebuild the read model from the events, stop the projector, delete ` +
        `${keys.updates} and every key that begins with task-tracking: and start it again`,
      options,
    );
  }
}
