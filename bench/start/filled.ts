import { setTimeout as delay } from 'node:timers/promises';
import { EVENTS_STREAM, formatPosition, parseStreamId, type StreamId } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { KEYS } from '../../src/redis/keys.ts';
import { type Setting, startSetting } from '../../test/rigs/setting.ts';
import { LOAD_CORE, pin, processOf } from '../harness/processes.ts';

const BATCH = 1000;
const POLL_MS = 20;

/** A Redis whose feed holds so many changes, with no projector any more. */
export async function startFilled(
  changes: number,
  env: Readonly<Record<string, string>>,
): Promise<Setting> {
  await using resources = new AsyncDisposableStack();
  const setting = resources.use(await startSetting(env));
  const { redis } = setting;
  await pin(await processOf(redis), LOAD_CORE);
  const projector = await setting.start('projector', 'projector');
  for (let from = 0; from < changes; from += BATCH) {
    const pipeline = redis.pipeline();
    for (let number = from; number < Math.min(changes, from + BATCH); number += 1) {
      pipeline.xadd(EVENTS_STREAM, '*', ...Object.entries(eventOf(number)).flat());
    }
    await pipeline.exec();
  }
  while ((await redis.xlen(KEYS.updates)) < changes) await delay(POLL_MS);
  await projector.stop();
  const owned = resources.move();
  return { ...setting, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** What a client has that misses so many of the latest changes. */
export async function positionBehind(redis: Redis, changes: number): Promise<string> {
  const found = await redis.xrevrange(KEYS.updates, '+', '-', 'COUNT', changes + 1);
  const id = parseStreamId((found as [string, string[]][]).at(-1)?.[0] ?? '') as StreamId;
  return formatPosition({ epoch: (await redis.hget(KEYS.projector, 'epoch')) ?? '', id });
}

function eventOf(number: number) {
  return {
    executionId: `run-${number}`,
    project: `acme/service-${number % 20}`,
    status: 'in_progress',
    occurredAt: new Date().toISOString(),
    taskName: `Build and test of pull request ${number % 4000}`,
    actor: JSON.stringify({ provider: 'slack', id: `U${number % 500}`, displayName: 'A person' }),
    prLinks: JSON.stringify([`https://github.com/acme/service/pull/${number % 4000}`]),
    message: 'Installing dependencies, compiling 214 modules and running the unit tests of it.',
  };
}
