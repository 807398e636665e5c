import { TaskProducer } from '@tasktrail/producer';
import { expect, onTestFinished, test } from 'vitest';
import { DashboardClient } from '../../src/demo/dashboard-client.ts';
import { eventually } from '../fixtures/facts.ts';
import { useGoogle } from '../fixtures/google.ts';
import { dashboardEnvironment, usePrograms } from '../fixtures/program.ts';
import { useRedis } from '../fixtures/redis.ts';

const redis = useRedis();
const google = useGoogle();
const programs = usePrograms(google);

test("the demo's client outlives its tokens, and comes back when it was told to", async () => {
  const { program, client } = await follow(() => {
    google.clockMs = Date.now();
    return programs.signIn({ exp: Math.floor(Date.now() / 1000) + 3 });
  });
  await using producer = new TaskProducer({ redis: redis.urlOf('producer') });
  await producer.append({ executionId: 'run-1', project: 'acme/api', status: 'queued' });
  await eventually(() => expect(client.tasks.size).toBe(1));
  const expired = 'tasktrail_streams_closed_total{reason="token_expired"}';
  await eventually(async () => expect((await program.metrics()).get(expired)).toBe(1));
  await producer.append({ executionId: 'run-2', project: 'acme/api', status: 'queued' });
  await eventually(() => expect(client.tasks.size).toBe(2));
  expect((await program.metrics()).get('tasktrail_streams_opened_total')).toBe(2);
  expect(client.refreshes).toBe(0);
});

test("the demo's client gives up when it is refused for good", async () => {
  const { running } = await follow(() => programs.signIn({ email: 'eve@example.org' }));
  await expect(running).rejects.toThrow(/answered 403: .*dashboard_forbidden/);
});

/** A client of a program of its own, with a token from there for every request. */
async function follow(token: () => string) {
  const program = programs.start(['all'], dashboardEnvironment(redis, google));
  await program.whenReadyz(200);
  const client = new DashboardClient(await program.url(), token, () => {});
  const stop = new AbortController();
  const running = client.run(stop.signal);
  onTestFinished(async () => {
    stop.abort();
    await running.catch(() => {});
  });
  return { program, client, running };
}
