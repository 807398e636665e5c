import { setTimeout as delay } from 'node:timers/promises';
import type { Stored } from '../judge/stored.ts';
import type { World } from '../world/world.ts';

/** How many changes of the feed are looked at. */
export const AUDITED_CHANGES = 50;
const MOST_MOMENTS = 10;
const GAP_MS = [50, 900] as const;

/** All of one moment, since nothing else happens in Redis while a script runs. */
const READ_MOMENT = `#!lua flags=no-writes
local hashes, sets, others = {}, {}, {}
for _, key in ipairs(redis.call('KEYS', 'task-tracking:*')) do
  local kind = redis.call('TYPE', key).ok
  if key == KEYS[1] or key == KEYS[2] then
  elseif kind == 'hash' then
    hashes[#hashes + 1] = { key, redis.call('HGETALL', key) }
  elseif kind == 'zset' then
    sets[#sets + 1] = { key, redis.call('ZRANGE', key, 0, -1, 'WITHSCORES') }
  else
    others[#others + 1] = key
  end
end
local feed = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', ARGV[1])
return { redis.call('HGETALL', KEYS[1]), hashes, sets, others, feed }`;

type Flat = [key: string, flat: string[]];
type Reply = [string[], Flat[], Flat[], string[], [id: string, pairs: string[]][]];

/** Somebody who looks at the read model in the middle of everything: it may never be half written. */
export async function runAuditor(
  { store, plan }: World,
  moments: Stored[],
  signal: AbortSignal,
): Promise<void> {
  const dice = plan.dice.of('auditor');
  const redis = store.connect('auditor');
  const keys = ['task-tracking:projector', 'task-tracking:projector:lease', 'task-updates:v1'];
  while (!signal.aborted && moments.length < MOST_MOMENTS) {
    await delay(dice.between(...GAP_MS), undefined, { signal }).catch(() => {});
    // While Redis is away there is nothing to be seen.
    const reply = await redis
      .eval(READ_MOMENT, keys.length, ...keys, AUDITED_CHANGES)
      .catch(() => {});
    if (reply !== undefined) moments.push(toStored(reply as Reply));
  }
}

function toStored([projector, hashes, sets, others, feed]: Reply): Stored {
  const scores = ([key, flat]: Flat) => {
    const members = pairsOf(flat).map(([member, score]) => [member, Number(score)] as const);
    return [key, new Map(members)] as const;
  };
  return {
    ...{ events: [], quarantine: [], others },
    projector: Object.fromEntries(pairsOf(projector)),
    hashes: new Map(hashes.map(([key, flat]) => [key, Object.fromEntries(pairsOf(flat))])),
    sets: new Map(sets.map(scores)),
    feed: feed
      .toReversed()
      .map(([id, pairs]) => ({ id, pairs: pairs.map((one) => Buffer.from(one)) })),
  };
}

function pairsOf(flat: readonly string[]): [string, string][] {
  return flat.flatMap((name, index) =>
    index % 2 === 0 ? [[name, flat[index + 1] ?? ''] as [string, string]] : [],
  );
}
