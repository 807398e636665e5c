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
        'by hand. Run tasktrail repair --yes: it finds out how far events were applied',
      options,
    );
  }
}
