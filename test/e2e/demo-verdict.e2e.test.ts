import { setImmediate as nextTurn } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { KEYS } from '../../src/redis/keys.ts';
import { eventually } from '../fixtures/facts.ts';
import { usePrograms } from '../fixtures/program.ts';

const programs = usePrograms();

test('events that others append until the end do not upset it', async () => {
  const { demo, client } = await startDemo();
  let isOver = false;
  void demo.exited.then(() => {
    isOver = true;
  });
  const fields = ['executionId', 'mine-1', 'project', 'me/mine', 'status', 'in_progress'];
  while (!isOver) {
    const occurredAt = new Date().toISOString();
    await client.xadd(KEYS.events, '*', ...fields, 'occurredAt', occurredAt).catch(() => {});
    await nextTurn();
  }
  expect(demo.stdout).toContain('snapshot and stream equals the fold of the events.');
  expect(await demo.exited).toEqual({ code: 0, signal: null });
});

test('when an event is taken away under it, it says which task differs, and fails', async () => {
  const { demo, client } = await startDemo();
  const occurredAt = new Date().toISOString();
  const fields = ['executionId', 'mine-1', 'project', 'me/mine', 'status', 'queued'];
  const id = await client.xadd(KEYS.events, '*', ...fields, 'occurredAt', occurredAt);
  await eventually(async () => expect(await client.exists(KEYS.execution('mine-1'))).toBe(1));
  expect(await client.xdel(KEYS.events, id ?? '')).toBe(1);
  expect(await demo.exited).toEqual({ code: 1, signal: null });
  expect(demo.stdout).toContain('differs from the fold of the events in 1 tasks:');
  expect(demo.stdout).toContain('mine-1: the client has it and the events do not');
});

/** A short demo, and a client of its Redis. */
async function startDemo() {
  const demo = programs.start(['demo', '--duration', '2'], {});
  await demo.whenWritten(/^Redis +redis:/m);
  const url = /^Redis +(\S+)$/m.exec(demo.stdout)?.[1] ?? '';
  const client = new Redis(url, { retryStrategy: () => null, maxRetriesPerRequest: 0 });
  client.on('error', () => {});
  onTestFinished(() => client.disconnect());
  return { demo, client };
}
