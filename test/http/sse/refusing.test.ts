import { describe, expect, test } from 'vitest';
import { eventually } from '../../fixtures/facts.ts';
import type { SseClient } from '../../fixtures/sse.ts';
import { aStep } from '../../hub/histories.ts';
import { frameId, RunningStreams } from './running-streams.ts';

const FIVE = Array.from({ length: 5 }, (_, task) => aStep({ task }));

describe('a process that drains', () => {
  test('refuses new streams with 200, a reconnect with their own position, and an end', async () => {
    await using streams = new RunningStreams({ random: () => 0.5 });
    streams.advance(FIVE);
    await streams.registry.drain();
    const ids: (string | undefined)[] = [];
    for (const lastEventId of [frameId(2), frameId(9), frameId(3, 'e0'), undefined, 'nonsense']) {
      await using client = await streams.connect({ lastEventId });
      await client.whenEnded();
      expectRefusal(client, 'draining');
      ids.push(client.last?.id);
    }
    // What is no position is not replaced by one, or its holder would never be told to refresh.
    expect(ids).toEqual([frameId(2), frameId(9), frameId(3, 'e0'), frameId(5), undefined]);
    expect(streams.counts.refused).toEqual(Array(5).fill('draining'));
    expect(streams.registry.open).toBe(0);
  });

  test('ends the streams it has one after the other, each with its position', async () => {
    await using streams = new RunningStreams();
    const clients = await Promise.all(Array.from({ length: 4 }, () => streams.connect()));
    await Promise.all(clients.map((client) => client.whenCame('keepalive')));
    const drained = streams.registry.drain();
    await eventually(() => expect(clients.some(({ end }) => end === 'whole')).toBe(true));
    expect(clients.filter(({ end }) => end === 'open').length).toBeGreaterThanOrEqual(2);
    streams.advance(FIVE);
    await drained;
    await Promise.all(clients.map((client) => client.whenEnded()));
    for (const client of clients) {
      expect(client.last).toMatchObject({ name: 'reconnect', data: { reason: 'draining' } });
      const data = client.named('task_status_updated').map(({ id }) => id);
      expect(client.last?.id).toBe(data.at(-1) ?? frameId(0));
      expect(data).toHaveLength(client.last?.id === frameId(0) ? 0 : FIVE.length);
    }
    await eventually(() => expect(streams.counts.open).toBe(0));
  });

  test('takes no longer for many streams, and twice at once is as once', async () => {
    await using streams = new RunningStreams();
    const clients = await Promise.all(Array.from({ length: 40 }, () => streams.connect()));
    const startedAt = performance.now();
    await Promise.all([streams.registry.drain(), streams.registry.drain()]);
    expect(performance.now() - startedAt).toBeLessThan(6000);
    await Promise.all(clients.map((client) => client.whenEnded()));
    for (const client of clients) expect(client.named('reconnect')).toHaveLength(1);
  });
});

describe('a limit', () => {
  test('of the process is a 200 that says when to come back', async () => {
    await using streams = new RunningStreams({ limits: { maxStreams: 1 }, random: () => 0.5 });
    await using first = await streams.connect();
    await using second = await streams.connect({ path: `?cursor=${frameId(3)}` });
    await second.whenEnded();
    expectRefusal(second, 'capacity');
    expect(second.last?.id).toBe(frameId(3));
    first.cut();
    await eventually(() => expect(streams.registry.open).toBe(0));
    await using third = await streams.connect();
    await third.whenCame('keepalive');
    expect(streams.counts.refused).toEqual(['capacity']);
  });

  test('of a viewer is 429 for that one alone, and is free again when a stream has closed', async () => {
    await using streams = new RunningStreams({ limits: { maxStreamsPerViewer: 2 } });
    const token = streams.signIn();
    await using first = await streams.connect({ token });
    await using _second = await streams.connect({ token });
    await using third = await streams.connect({ token });
    expect(third.status).toBe(429);
    expect(JSON.parse(await third.body())).toMatchObject({ error: 'too_many_streams' });
    await using other = await streams.connect();
    expect(other.status).toBe(200);
    first.cut();
    await eventually(() => expect(streams.registry.open).toBe(2));
    await using fourth = await streams.connect({ token });
    expect(fourth.status).toBe(200);
    expect(streams.counts.refused).toEqual(['viewer']);
  });

  test('of an address is 429', async () => {
    await using streams = new RunningStreams({ limits: { maxStreamsPerIp: 1 } });
    await using _first = await streams.connect();
    await using second = await streams.connect();
    expect(second.status).toBe(429);
    expect(streams.counts.refused).toEqual(['address']);
  });
});

test('a server whose hub is not filled has no room yet, and says so', async () => {
  await using streams = new RunningStreams({ isFilled: false });
  await using client = await streams.connect({ path: `?cursor=${frameId(3)}` });
  await client.whenEnded();
  expectRefusal(client, 'capacity', 1000);
  expect(client.last?.id).toBe(frameId(3));
  await using unplaced = await streams.connect();
  await unplaced.whenEnded();
  expect(unplaced.last?.id).toBeUndefined();
  expect(streams.counts.refused).toEqual(['capacity', 'capacity']);
});

describe('a balancer that can ask another server', () => {
  const headers = { Prefer: 'respond-async, failover' };

  test('is answered 503 where others are told to come back, and its requests are counted', async () => {
    await using streams = new RunningStreams({ limits: { maxStreams: 1 }, random: () => 0.5 });
    await using admitted = await streams.connect({ headers });
    expect(admitted.status).toBe(200);
    await using crowded = await streams.connect({ headers });
    expect(crowded.status).toBe(503);
    expect(crowded.headers['retry-after']).toBe('3');
    expect(JSON.parse(await crowded.body())).toMatchObject({ error: 'unavailable' });
    await streams.registry.drain();
    await using drained = await streams.connect({ headers });
    expect(drained.status).toBe(503);
    expect(streams.counts.refused).toEqual(['capacity', 'draining']);
  });

  test('is answered 503 while the hub is not filled', async () => {
    await using streams = new RunningStreams({ isFilled: false });
    await using client = await streams.connect({ headers });
    expect(client.status).toBe(503);
  });

  test('is answered 429 where no other server would do better', async () => {
    await using streams = new RunningStreams({ limits: { maxStreamsPerIp: 1 } });
    await using _first = await streams.connect({ headers });
    await using second = await streams.connect({ headers });
    expect(second.status).toBe(429);
  });

  test.each(['failover-later', 'respond-async', ''])(
    'is not one that prefers "%s"',
    async (text) => {
      await using streams = new RunningStreams({ isFilled: false });
      await using client = await streams.connect({ headers: { Prefer: text } });
      expect(client.status).toBe(200);
    },
  );
});

function expectRefusal(client: SseClient, reason: string, retryAfterMs = 2500): void {
  expect(client.status).toBe(200);
  expect(client.end).toBe('whole');
  expect(client.opening.startsWith(`retry: ${retryAfterMs}\n\n`)).toBe(true);
  expect(client.frames).toHaveLength(1);
  expect(client.last).toMatchObject({ name: 'reconnect', data: { reason, retryAfterMs } });
}
