import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EventResults, EventResultsSchema } from '@tasktrail/contract';
import { beforeAll, expect, test } from 'vitest';
import { KEYS } from '../../src/redis/keys.ts';
import { sleep } from '../../src/runtime/retry.ts';
import { idOf } from '../fixtures/events.ts';
import { whenProjected } from '../fixtures/facts.ts';
import { useGoogle } from '../fixtures/google.ts';
import { dashboardEnvironment, type Environment, usePrograms } from '../fixtures/program.ts';
import { useRedis } from '../fixtures/redis.ts';

const redis = useRedis();
const google = useGoogle();
const programs = usePrograms(google);

let environment: Environment = {};
let key = '';

beforeAll(async () => {
  const directory = await mkdtemp(join(tmpdir(), 'tasktrail-intake-'));
  const made = await programs.run(['keys', 'create', '--name', 'ci', '--project', '**', '--json']);
  const created = JSON.parse(made.stdout);
  key = created.key;
  const producers = join(directory, 'producers.json');
  await writeFile(producers, JSON.stringify({ producers: [created.entry] }));
  environment = dashboardEnvironment(redis, google, { TASK_INTAKE_PRODUCERS: producers });
  return () => rm(directory, { recursive: true });
});

function event(executionId: string, eventId: string) {
  const occurredAt = new Date().toISOString();
  return { executionId, eventId, occurredAt, project: 'acme/shop', status: 'in_progress' };
}

/** What a careful bot sends again; any other refusal is a mistake of its own. */
class UnavailableError extends Error {}

async function post(url: string, body: unknown): Promise<EventResults> {
  const answer = await fetch(`${url}/events`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${key}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  }).catch((cause) => {
    throw new UnavailableError('no answer', { cause });
  });
  if (answer.status === 503) throw new UnavailableError(await answer.text());
  if (answer.status !== 202) throw new Error(`${answer.status}: ${await answer.text()}`);
  const text = await answer.text().catch((cause) => {
    throw new UnavailableError('half an answer', { cause });
  });
  return EventResultsSchema.parse(JSON.parse(text));
}

/** As a careful bot does: the same again until it is answered 202. */
async function postUntilTaken(url: string, body: unknown): Promise<EventResults> {
  for (;;) {
    try {
      return await post(url, body);
    } catch (error) {
      if (!(error instanceof UnavailableError)) throw error;
      await sleep(20, AbortSignal.timeout(1000));
    }
  }
}

/** How often each event id is in the stream. */
async function appended(): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (const [, pairs] of await redis.connect().xrange(KEYS.events, '-', '+')) {
    const eventId = pairs[pairs.indexOf('eventId') + 1] as string;
    counts.set(eventId, (counts.get(eventId) ?? 0) + 1);
  }
  return counts;
}

test('10,000 events posted while the process is killed again and again are all there, each applied once', async () => {
  let server = programs.start(['all'], environment);
  const url = await server.url();
  const { port } = new URL(url);
  const total = 10_000;
  const size = 25;
  const ids = Array.from({ length: total }, () => randomUUID());
  let taken = 0;
  const poster = async (from: number) => {
    for (let i = from; i < total; i += 8 * size) {
      const batch = ids.slice(i, i + size).map((id, place) => event(`run-${i + place}`, id));
      const { results } = await postUntilTaken(url, batch);
      expect(results.every((result) => 'id' in result)).toBe(true);
      taken += batch.length;
    }
  };
  const posting = Promise.all(Array.from({ length: 8 }, (_, place) => poster(place * size)));
  for (const share of [0.2, 0.4, 0.6, 0.8]) {
    while (taken < share * total) await sleep(1, AbortSignal.timeout(1000));
    await server.kill();
    server = programs.start(['all'], { ...environment, TASK_DASHBOARD_PORT: port });
  }
  await posting;
  const counts = await appended();
  expect(counts.size).toBe(total);
  expect([...counts.values()].every((count) => count === 1)).toBe(true);
  await expectApplied(total);
}, 90_000);

/** Every event has an execution of its own: its task is there, as that event made it. */
async function expectApplied(total: number): Promise<void> {
  const client = redis.connect();
  const entries = await client.xrange(KEYS.events, '-', '+');
  await whenProjected(client, idOf(entries.at(-1)?.[0] ?? ''));
  expect(await client.zcard(KEYS.executions.all())).toBe(total);
  expect(await client.xlen(KEYS.quarantine)).toBe(0);
  const rows = client.pipeline();
  for (const [, pairs] of entries) {
    rows.hget(KEYS.execution(pairs[pairs.indexOf('executionId') + 1] ?? ''), 'lastEventId');
  }
  const applied = (await rows.exec())?.map(([, lastEventId]) => lastEventId);
  expect(applied).toEqual(entries.map(([id]) => id));
}

test('the same request to two servers at once is appended once, and both answer the same', async () => {
  const servers = [programs.start(['serve'], environment), programs.start(['serve'], environment)];
  const urls = await Promise.all(servers.map((server) => server.url()));
  for (let round = 0; round < 50; round += 1) {
    const body = [event(`twice-${round}`, `twice-${round}`), event(`${round}`, `other-${round}`)];
    const [first, second] = await Promise.all(urls.map((url) => postUntilTaken(url, body)));
    expect(second).toEqual(first);
  }
  const counts = await appended();
  expect(counts.size).toBe(100);
  expect([...counts.values()].every((count) => count === 1)).toBe(true);
}, 30_000);
