import { describe, expect, test } from 'vitest';
import { eventually } from '../../fixtures/facts.ts';
import { aStep } from '../../hub/histories.ts';
import { frameId, HEARTBEAT_MS, HOUR_MS, RunningStreams } from './running-streams.ts';

const FIVE = Array.from({ length: 5 }, (_, task) => aStep({ task }));

describe('INV9: no stream outlives its token:', () => {
  test('it is told to get a new one, and closed', async () => {
    await using streams = new RunningStreams({ random: () => 0.5 });
    const token = streams.signIn({ tokenExpiresAtMs: streams.clockMs + 60_000 });
    await using client = await streams.connect({ token });
    streams.advance([aStep()], { silent: 2 });
    await client.whenCame('task_status_updated');
    expect(client.end).toBe('open');
    streams.clockMs += 60_000;
    await client.whenEnded();
    expect(client.last).toEqual({
      name: 'reconnect',
      id: frameId(3),
      data: { reason: 'token_expired', retryAfterMs: 2500 },
    });
    expect(client.end).toBe('whole');
    expect(client.retries).toEqual([2500, 2500]);
    await eventually(() => expect(streams.counts.closed).toEqual(['token_expired']));
  });

  test('it ends before its token does, by as much as the timer may be late', async () => {
    await using streams = new RunningStreams();
    const token = streams.signIn({ tokenExpiresAtMs: streams.clockMs + 60_000 });
    await using client = await streams.connect({ token });
    streams.clockMs += 60_000 - 250;
    expect((await client.whenCame('reconnect')).data.reason).toBe('token_expired');
  });

  test('a change after its end is not sent, however late the timer is, and comes on the next', async () => {
    await using streams = new RunningStreams({ ticks: false });
    const token = streams.signIn({ tokenExpiresAtMs: streams.clockMs + 60_000 });
    await using client = await streams.connect({ token });
    streams.advance([aStep()], { silent: 2 });
    streams.clockMs += 60_000;
    streams.advance(FIVE);
    await client.whenEnded();
    expect(client.named('task_status_updated').map(({ id }) => id)).toEqual([frameId(1)]);
    expect(client.last).toMatchObject({ name: 'reconnect', id: frameId(3) });
    await using next = await streams.connect({ lastEventId: client.last?.id });
    await next.whenCame('keepalive');
    expect(next.named('task_status_updated').map(({ id }) => id)).toEqual(
      FIVE.map((_, index) => frameId(4 + index)),
    );
  });

  test('one that is ahead is told of its own position', async () => {
    await using streams = new RunningStreams({ ticks: false });
    const token = streams.signIn({ tokenExpiresAtMs: streams.clockMs + 60_000 });
    await using client = await streams.connect({ token, path: `?cursor=${frameId(9)}` });
    streams.advance([aStep()]);
    streams.clockMs += 60_000;
    streams.advance(FIVE);
    await client.whenEnded();
    expect(client.frames).toEqual([
      { name: 'reconnect', id: frameId(9), data: { reason: 'token_expired', retryAfterMs: 1000 } },
    ]);
  });
});

describe('a stream that has lasted its time', () => {
  test.each([
    [0, HOUR_MS],
    [0.5, 0.95 * HOUR_MS],
    [0.999, 0.9001 * HOUR_MS],
  ])('ends with max_lifetime, with jitter %d after %d ms', async (random, lifetimeMs) => {
    await using streams = new RunningStreams({ random: () => random });
    await using client = await streams.connect();
    await client.whenCame('keepalive');
    streams.clockMs += lifetimeMs - 1;
    await client.whenCame('keepalive', 2);
    expect(client.end).toBe('open');
    streams.clockMs += 1;
    expect((await client.whenCame('reconnect')).data.reason).toBe('max_lifetime');
    await client.whenEnded();
  });
});

describe('a stream that is idle', () => {
  test('gets a keepalive after each heartbeat, whose position grows with what it is not told', async () => {
    await using streams = new RunningStreams();
    await using client = await streams.connect({ path: '?project=houlak/none' });
    for (const beat of [1, 2, 3]) {
      expect((await client.whenCame('keepalive', beat)).id).toBe(frameId((beat - 1) * 7));
      streams.advance(FIVE, { silent: 2 });
      streams.clockMs += HEARTBEAT_MS;
    }
    expect((await client.whenCame('keepalive', 4)).data.at).toBe(
      new Date(streams.clockMs).toISOString(),
    );
    expect(client.frames.map(({ name }) => name)).toEqual(Array(4).fill('keepalive'));
  });

  test('beats on while the clock on the wall is set back, and outlives its being set forward', async () => {
    await using streams = new RunningStreams();
    await using client = await streams.connect();
    await client.whenCame('keepalive');
    streams.wallAheadMs = -HOUR_MS;
    streams.clockMs += HEARTBEAT_MS;
    await client.whenCame('keepalive', 2);
    streams.wallAheadMs = HOUR_MS;
    streams.clockMs += HEARTBEAT_MS;
    await client.whenCame('keepalive', 3);
    expect(client.frames.map(({ name }) => name)).toEqual(Array(3).fill('keepalive'));
  });

  test('beats at a time of its own, up to a quarter earlier than others, and not before', async () => {
    let random = 0;
    await using streams = new RunningStreams({ random: () => random });
    await using late = await streams.connect();
    random = 0.999;
    await using early = await streams.connect();
    await Promise.all([late.whenCame('keepalive'), early.whenCame('keepalive')]);
    streams.clockMs += HEARTBEAT_MS - 1;
    await early.whenCame('keepalive', 2);
    expect(late.frames).toHaveLength(1);
  });
});

describe('a client that vanishes', () => {
  test('leaves nothing behind', async () => {
    await using streams = new RunningStreams();
    const clients = await Promise.all(Array.from({ length: 5 }, () => streams.connect()));
    await Promise.all(clients.map((client) => client.whenCame('keepalive')));
    expect(streams.registry.open).toBe(5);
    for (const client of clients) client.cut();
    await eventually(() => expect(streams.registry.open).toBe(0));
    expect(streams.counts).toMatchObject({ open: 0, closed: Array(5).fill('client') });
    expect(streams.hub.followers.size).toBe(0);
    streams.advance(FIVE);
    streams.reset('epoch', 'e2');
  });

  test('while its token is verified leaves nothing behind either', async () => {
    const authentication = Promise.withResolvers<void>();
    const asked = Promise.withResolvers<void>();
    await using streams = new RunningStreams({
      authentication: () => {
        asked.resolve();
        return authentication.promise;
      },
    });
    const connecting = new AbortController();
    const opening = streams.connect({ signal: connecting.signal }).catch(() => 'cut');
    await asked.promise;
    connecting.abort();
    expect(await opening).toBe('cut');
    await streams.whenClosed(1);
    authentication.resolve();
    await using next = await streams.connect();
    await next.whenCame('keepalive');
    expect(streams.registry.open).toBe(1);
    expect(streams.counts.open).toBe(1);
  });
});

describe('a history that is replaced, or not proven', () => {
  test.each([
    ['epoch', 'cursor_epoch', 'e2'],
    ['resync', 'resync', 'e1'],
  ] as const)('by %s is told to every client, which goes on live', async (cause, reason, epoch) => {
    await using streams = new RunningStreams();
    const sight = { kind: 'own', principals: new Set(['slack:U1']) } as const;
    await using all = await streams.connect();
    await using own = await streams.connect({ token: streams.signIn({ sight }) });
    await using ahead = await streams.connect({ path: `?cursor=${frameId(3)}` });
    await Promise.all([all, own].map((client) => client.whenCame('keepalive')));
    streams.reset(cause, epoch);
    for (const client of [all, own, ahead]) {
      expect(await client.whenCame('snapshot_refresh_required')).toEqual({
        name: 'snapshot_refresh_required',
        id: frameId(0, epoch),
        data: { reason },
      });
    }
    streams.advance([aStep({ actor: 'slack:U1' })], { epoch });
    for (const client of [all, own, ahead]) {
      expect((await client.whenCame('task_status_updated')).id).toBe(frameId(1, epoch));
    }
  });
});
