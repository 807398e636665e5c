import { parseStreamId, STREAM_START, type StreamId } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { encodeChange } from '../../src/redis/change-entry.ts';
import { KEYS } from '../../src/redis/keys.ts';
import { aStep, changesOf, placeId } from '../hub/histories.ts';

/** Feed and checkpoint as commits leave them, for tests that need no projector. */
export class Feed {
  /** Ids of every change, whether it is still in the feed or not. */
  readonly ids: StreamId[] = [];
  #place = 0;
  readonly #redis: Redis;

  constructor(redis: Redis) {
    this.#redis = redis;
  }

  /** The position of the latest event, also of one that changed nothing. */
  get head(): StreamId {
    return this.#place === 0 ? STREAM_START : placeId(this.#place);
  }

  /**
   * One commit: so many changes, then events that changed nothing.
   *
   * @param keep trims the feed to so many in the same step
   */
  async commit(changes: number, { silent = 0, keep = 0 } = {}): Promise<StreamId[]> {
    const steps = Array.from({ length: changes }, (_, task) => aStep({ task }));
    const placed = changesOf(steps, { from: this.#place + 1 });
    this.#place += changes + silent;
    const transaction = this.#redis.multi();
    for (const { position, change } of placed) {
      transaction.xadd(KEYS.updates, position.id, ...encodeChange(change));
    }
    if (keep > 0) transaction.xtrim(KEYS.updates, 'MAXLEN', keep);
    transaction.hset(KEYS.projector, 'checkpoint', this.head);
    await transaction.exec();
    const ids = placed.map(({ position }) => position.id);
    this.ids.push(...ids);
    return ids;
  }

  /** What Redis holds now, to be brought back later as a restore or a failover does. */
  async backUp(): Promise<() => Promise<void>> {
    const redis = this.#redis;
    const keys = [KEYS.projector, KEYS.updates];
    const dumps = await Promise.all(keys.map((key) => redis.dumpBuffer(key)));
    return async () => {
      const transaction = redis.multi().del(...keys);
      keys.forEach((key, index) => {
        const dump = dumps[index];
        if (dump) transaction.restore(key, 0, dump);
      });
      await transaction.exec();
    };
  }

  async epoch(): Promise<string | null> {
    return await this.#redis.hget(KEYS.projector, 'epoch');
  }

  async formerEpochs(): Promise<string[]> {
    const text = await this.#redis.hget(KEYS.projector, 'formerEpochs');
    return (text ?? '').split(' ').filter((name) => name !== '');
  }

  /** The ids that the feed holds. */
  async held(): Promise<(StreamId | undefined)[]> {
    const entries = await this.#redis.xrange(KEYS.updates, '-', '+');
    return entries.map(([id]) => parseStreamId(id));
  }
}
