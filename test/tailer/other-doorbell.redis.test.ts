import { expect, test } from 'vitest';
import { KEYS } from '../../src/redis/keys.ts';
import { eventually } from '../fixtures/facts.ts';
import { useRedis } from '../fixtures/redis.ts';
import { Feed } from './feed.ts';
import { runTailer } from './running-tailer.ts';

const oldPrimary = useRedis();
const newPrimary = useRedis();

/** Two servers with the same history, as after a failover of which only one connection knows. */
async function afterFailover() {
  const [old, fresh] = [oldPrimary.connect(), newPrimary.connect()];
  const feeds = { old: new Feed(old), fresh: new Feed(fresh) };
  for (const [redis, feed] of [[old, feeds.old] as const, [fresh, feeds.fresh] as const]) {
    await feed.commit(3);
    await redis.hset(KEYS.projector, 'epoch', 'e1');
  }
  return { ...feeds, redis: { old, fresh } };
}

test('INV7: a doorbell at an old primary judges no history: the new one keeps its epoch', async () => {
  const { old, fresh } = await afterFailover();
  const tailer = await runTailer(newPrimary.url, { doorbellUrl: oldPrimary.url });
  await tailer.whenAt(fresh.head);
  await fresh.commit(5);
  await tailer.whenAt(fresh.head);
  // As if it went on after the others: past everything that was read.
  await old.commit(0, { silent: 6 });
  await old.commit(2);
  await eventually(() => expect(tailer.restarts()).toBeGreaterThan(0));
  expect(await fresh.epoch()).toBe('e1');
  expect(tailer.resets.map(({ cause }) => cause)).toEqual(['start']);
});

test('a doorbell that another Redis rings makes it ask in bounds', async () => {
  const { old, fresh, redis } = await afterFailover();
  const tailer = await runTailer(newPrimary.url, { doorbellUrl: oldPrimary.url });
  await fresh.commit(5);
  await tailer.whenAt(fresh.head);
  await old.commit(0, { silent: 6 });
  await old.commit(2);
  await eventually(() => expect(tailer.restarts()).toBeGreaterThan(3));
  const calls = /cmdstat_evalsha:calls=(\d+)/.exec(await redis.old.info('commandstats'))?.[1];
  expect(Number(calls)).toBeLessThan(50);
});

test('INV7: what an old primary still tells is found to be lost while it goes on telling', async () => {
  const { old, fresh } = await afterFailover();
  const tailer = await runTailer(newPrimary.url, { doorbellUrl: oldPrimary.url });
  await tailer.whenAt(fresh.head);
  await eventually(async () => {
    await old.commit(1);
    expect(tailer.resets.map(({ cause }) => cause)).toEqual(['start', 'epoch']);
  });
  expect(await fresh.formerEpochs()).toContain('e1');
});
