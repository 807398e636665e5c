import { describe, expect, test } from 'vitest';
import type { Sight } from '../../../src/auth/visibility.ts';
import { eventually } from '../../fixtures/facts.ts';
import type { SseClient } from '../../fixtures/sse.ts';
import { aStep } from '../../hub/histories.ts';
import { frameId, RunningStreams } from './running-streams.ts';

const own = (...principals: string[]): Sight => ({ kind: 'own', principals: new Set(principals) });
const EVERYTHING: Sight = { kind: 'everything' };

const ofU1 = aStep({ actor: 'slack:U1' });
const ofU2 = aStep({ task: 1, actor: 'slack:U2' });

/** A stream of a viewer, who then gets other rights. */
async function openWith(streams: RunningStreams, sight: Sight) {
  const token = streams.signIn({ sight, identity: 'google:ana@example.com' });
  const client = await streams.connect({ token });
  await client.whenCame('keepalive');
  return client;
}

function give(streams: RunningStreams, sight: Sight | undefined): void {
  streams.registry.reapply({
    sightOf: ({ identity }) => (identity === 'google:ana@example.com' ? sight : EVERYTHING),
  });
}

/** The tasks that a client was told of since the frames that it had. */
function toldSince(client: SseClient, count: number): string[] {
  return client.frames
    .slice(count)
    .flatMap(({ name, data }) => (name === 'task_status_updated' ? [data.executionId] : []));
}

describe('an open stream whose viewer is given other rights', () => {
  test.each([
    ['loses an alias', own('ana', 'slack:U1'), own('ana'), []],
    ['gains an alias', own('slack:U1'), own('slack:U1', 'slack:U2'), ['run-0', 'run-1']],
    ['gets another alias in its place', own('slack:U1'), own('slack:U2'), ['run-1']],
    ['loses every alias', own('slack:U1'), own(), []],
    ['is no longer an administrator', EVERYTHING, own('slack:U1'), ['run-0']],
    ['becomes an administrator', own('slack:U1'), EVERYTHING, ['run-0', 'run-1']],
  ])(
    'and %s: reloads, and is told of what it may see from then on',
    async (_, before, after, told) => {
      await using streams = new RunningStreams();
      await using client = await openWith(streams, before);
      await using witness = await streams.connect();
      streams.advance([ofU1, ofU2]);
      await witness.whenCame('task_status_updated', 2);
      give(streams, after);
      expect(await client.whenCame('snapshot_refresh_required')).toEqual({
        name: 'snapshot_refresh_required',
        id: frameId(2),
        data: { reason: 'resync' },
      });
      const had = client.frames.length;
      streams.advance([ofU1, ofU2]);
      await witness.whenCame('task_status_updated', 4);
      streams.clockMs += 60_000;
      await client.whenCame('keepalive', 2);
      expect(toldSince(client, had)).toEqual(told);
      expect(witness.named('snapshot_refresh_required')).toEqual([]);
      expect(client.end).toBe('open');
    },
  );

  test.each([
    ['everything', EVERYTHING, { kind: 'everything' } as const],
    ['the same principals in another order', own('a', 'b'), own('b', 'a')],
  ])('goes on undisturbed with %s', async (_, before, after) => {
    await using streams = new RunningStreams();
    await using client = await openWith(streams, before);
    give(streams, after);
    streams.clockMs += 60_000;
    await client.whenCame('keepalive', 2);
    expect(client.named('snapshot_refresh_required')).toEqual([]);
  });

  test('ends when the viewer may no longer read, and only its own does', async () => {
    await using streams = new RunningStreams();
    await using client = await openWith(streams, own('slack:U1'));
    await using witness = await streams.connect();
    give(streams, undefined);
    streams.advance([ofU1]);
    await client.whenEnded();
    await witness.whenCame('task_status_updated');
    expect(client.frames.slice(1).map(({ name, data }) => [name, data])).toEqual([
      ['snapshot_refresh_required', { reason: 'resync' }],
      ['reconnect', { reason: 'max_lifetime', retryAfterMs: 1000 }],
    ]);
    await eventually(() => expect(streams.hub.followers.size).toBe(1));
  });

  test('leaves nothing behind in the hub', async () => {
    await using streams = new RunningStreams();
    await using client = await openWith(streams, own('slack:U1'));
    give(streams, EVERYTHING);
    give(streams, own('slack:U2'));
    await client.whenCame('snapshot_refresh_required', 2);
    client.cut();
    await eventually(() => expect(streams.hub.followers.size).toBe(0));
    streams.advance([ofU1, ofU2]);
  });
});

describe('a client that does not read while its rights change', () => {
  /** More than a socket takes, so that the stream is parked. */
  async function park(streams: RunningStreams, client: SseClient): Promise<void> {
    client.stopReading();
    const steps = Array.from({ length: 100 }, (_, task) => aStep({ task, actor: 'slack:U1' }));
    for (let batch = 0; batch < 4; batch += 1) streams.advance(steps, { isLarge: true });
    await eventually(() => expect(streams.counts.parked).toBe(1));
  }

  test('is told when it reads again, and of nothing that it may no longer see', async () => {
    await using streams = new RunningStreams({ replayLimit: 1000 });
    await using client = await openWith(streams, own('slack:U1'));
    await park(streams, client);
    give(streams, own('slack:U2'));
    streams.advance([ofU1, ofU2]);
    client.readAgain();
    const refresh = await client.whenCame('snapshot_refresh_required');
    expect(refresh).toMatchObject({ id: frameId(402), data: { reason: 'resync' } });
    const had = client.frames.length;
    streams.advance([ofU1, ofU2]);
    await eventually(() => expect(toldSince(client, had)).toEqual(['run-1']));
    const before = client.frames.slice(0, client.frames.indexOf(refresh));
    expect(before.map(({ id }) => id)).not.toContain(frameId(401));
  });

  test('is told before its stream ends, since coming back would not show it', async () => {
    await using streams = new RunningStreams({ replayLimit: 1000, ticks: false });
    await using client = await openWith(streams, own('slack:U1'));
    await park(streams, client);
    give(streams, own('slack:U2'));
    const draining = streams.registry.drain();
    client.readAgain();
    await client.whenEnded();
    await draining;
    expect(client.frames.slice(-2).map(({ name, data }) => [name, data])).toEqual([
      ['snapshot_refresh_required', { reason: 'resync' }],
      ['reconnect', { reason: 'draining', retryAfterMs: 1000 }],
    ]);
  });
});
