import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { MAX_WAITING_BYTES } from '../../../src/http/sse/frame-writer.ts';
import { eventually } from '../../fixtures/facts.ts';
import { aStep } from '../../hub/histories.ts';
import { frameId, HEARTBEAT_MS, LARGE_BYTES, RunningStreams } from './running-streams.ts';

/** Together more than the kernel takes for one socket. */
const BATCH = Array.from({ length: 100 }, (_, task) => aStep({ task }));
const BATCHES = 4;
/** What may wait for a client, and the one frame with which it becomes too much. */
const MOST_WAITING = 64 * 1024 + LARGE_BYTES + 2000;

describe('INV6: a client that does not read', () => {
  test('is parked, holds no more than its bound, and goes on exactly where it was', async () => {
    await using streams = new RunningStreams({ replayLimit: 1000 });
    await using slow = await streams.connect();
    await using other = await streams.connect();
    await slow.whenCame('keepalive');
    slow.stopReading();
    flood(streams);
    await other.whenCame('task_status_updated', BATCHES * BATCH.length);
    await eventually(() => expect(streams.counts.parked).toBe(1));
    expect(slow.named('task_status_updated').length).toBeLessThan(BATCHES * BATCH.length);

    slow.readAgain();
    await slow.whenCame('task_status_updated', BATCHES * BATCH.length);
    expect(slow.named('task_status_updated').map(({ id }) => id)).toEqual(allIds());
    expect(streams.counts.parked).toBe(0);
    expect(slow.named('snapshot_refresh_required')).toEqual([]);
    streams.advance([aStep()]);
    expect((await slow.whenCame('task_status_updated', BATCHES * BATCH.length + 1)).id).toBe(
      frameId(BATCHES * BATCH.length + 1),
    );
  });

  test('has no more waiting than the bound and one frame, however much happens', async () => {
    await using streams = new RunningStreams({ replayLimit: 1000 });
    await using slow = await streams.connect();
    await slow.whenCame('keepalive');
    slow.stopReading();
    const waiting: number[] = [];
    for (let batch = 0; batch < BATCHES; batch += 1) {
      streams.advance(BATCH, { isLarge: true });
      waiting.push(streams.writableLengths()[0] ?? 0);
      await new Promise(setImmediate);
    }
    await eventually(() => expect(streams.counts.parked).toBe(1));
    expect(Math.max(...waiting)).toBeGreaterThan(64 * 1024);
    expect(Math.max(...waiting)).toBeLessThanOrEqual(MOST_WAITING);
  });

  test('has no more waiting either where something waited before the turn began', async () => {
    await using streams = new RunningStreams({ replayLimit: 1000 });
    await using slow = await streams.connect();
    await slow.whenCame('keepalive');
    slow.stopReading();
    const waiting = () => streams.writableLengths()[0] ?? 0;
    // Until the kernel takes no more, and then as much as may wait.
    while (waiting() === 0) streams.advance(BATCH.slice(0, 40));
    while (waiting() < MAX_WAITING_BYTES / 2) streams.advance(BATCH.slice(0, 10));
    expect(waiting()).toBeLessThan(MAX_WAITING_BYTES);
    streams.advance([...BATCH, ...BATCH]);
    expect(waiting()).toBeGreaterThan(MAX_WAITING_BYTES);
    expect(waiting()).toBeLessThan(MAX_WAITING_BYTES + 2000);
    expect(streams.counts.parked).toBe(1);
  });

  test('is told to refresh when the window has moved on, and then goes on live', async () => {
    await using streams = new RunningStreams({ replayLimit: 50 });
    await using slow = await streams.connect();
    await slow.whenCame('keepalive');
    slow.stopReading();
    flood(streams);
    expect(streams.counts.parked).toBe(1);
    slow.readAgain();
    expect(await slow.whenCame('snapshot_refresh_required')).toEqual({
      name: 'snapshot_refresh_required',
      id: frameId(BATCHES * BATCH.length),
      data: { reason: 'slow_consumer' },
    });
    const before = slow.named('task_status_updated').map(({ id }) => id);
    expect(before).toEqual(allIds().slice(0, before.length));
    streams.advance([aStep()]);
    const next = await slow.whenCame('task_status_updated', before.length + 1);
    expect(next.id).toBe(frameId(BATCHES * BATCH.length + 1));
  });

  test('is told of a history that was replaced meanwhile, before anything of the new one', async () => {
    await using streams = new RunningStreams({ replayLimit: 1000 });
    await using slow = await streams.connect();
    await slow.whenCame('keepalive');
    slow.stopReading();
    flood(streams);
    streams.reset('epoch', 'e2');
    streams.advance([aStep()], { epoch: 'e2' });
    slow.readAgain();
    const refresh = await slow.whenCame('snapshot_refresh_required');
    expect(refresh.data.reason).toBe('cursor_epoch');
    expect(refresh.id).toBe(frameId(BATCHES * BATCH.length + 1, 'e2'));
    expect(slow.last).toBe(refresh);
    streams.advance([aStep()], { epoch: 'e2' });
    await eventually(() => expect(slow.last?.id).toBe(frameId(BATCHES * BATCH.length + 2, 'e2')));
  });

  test('is closed after a minute, with the position that it has', async () => {
    await using streams = new RunningStreams({ replayLimit: 1000 });
    await using slow = await streams.connect();
    await slow.whenCame('keepalive');
    slow.stopReading();
    flood(streams);
    await whenStuck(streams);
    streams.clockMs += 59_999 - HEARTBEAT_MS;
    await using witness = await streams.connect();
    await witness.whenCame('keepalive');
    streams.clockMs += HEARTBEAT_MS;
    // It came with the tick that has come to every stream.
    await witness.whenCame('keepalive', 2);
    expect(streams.counts.parked).toBe(1);
    streams.clockMs += 1;
    await eventually(() => expect(streams.counts.parked).toBe(0));
    slow.readAgain();
    await slow.whenEnded();
    expect(slow.end).toBe('whole');
    expect(slow.last).toMatchObject({ name: 'reconnect', data: { reason: 'slow_consumer' } });
    const ids = slow.named('task_status_updated').map(({ id }) => id);
    expect(ids).toEqual(allIds().slice(0, ids.length));
    expect(slow.last?.id).toBe(ids.at(-1));
    await eventually(() => expect(streams.counts.closed).toEqual(['slow_consumer']));
    expect(streams.registry.open).toBe(1);
  });

  test('and does not take its last frame either is cut off', async () => {
    await using streams = new RunningStreams({ replayLimit: 1000 });
    await using slow = await streams.connect();
    await slow.whenCame('keepalive');
    slow.stopReading();
    flood(streams);
    await whenStuck(streams);
    streams.clockMs += 60_000;
    await eventually(() => expect(streams.counts.parked).toBe(0));
    expect(streams.registry.open).toBe(1);
    streams.clockMs += 2000;
    await eventually(() => expect(streams.registry.open).toBe(0));
    expect(streams.counts.closed).toEqual(['slow_consumer']);
  });

  test('and vanishes while it is parked leaves nothing behind', async () => {
    await using streams = new RunningStreams({ replayLimit: 1000 });
    await using slow = await streams.connect();
    await slow.whenCame('keepalive');
    slow.stopReading();
    flood(streams);
    expect(streams.counts.parked).toBe(1);
    slow.cut();
    await eventually(() => expect(streams.registry.open).toBe(0));
    expect(streams.counts).toMatchObject({ open: 0, parked: 0, closed: ['client'] });
    expect(streams.hub.followers.size).toBe(0);
  });

  test('of a stream that waits behind another on its connection is cut off like any other', async () => {
    await using streams = new RunningStreams({ replayLimit: 1000 });
    const head = `GET /dashboard/tasks/stream HTTP/1.1\r\nHost: localhost\r\n`;
    const request = `${head}Authorization: Bearer ${streams.signIn()}\r\n\r\n`;
    const socket = connect(await streams.address()).resume();
    socket.write(request.repeat(2));
    await eventually(() => expect(streams.registry.open).toBe(2));
    flood(streams);
    // The first one reads; the second has no socket that could ever drain.
    await whenStuck(streams);
    streams.clockMs += 60_000;
    await eventually(() => expect(streams.counts.parked).toBe(0));
    streams.clockMs += 2000;
    await eventually(() => expect(streams.registry.open).toBe(0));
    expect(streams.counts.closed).toContain('slow_consumer');
    socket.destroy();
  });

  test('gets no change after its token has expired, not even what it drains for', async () => {
    await using streams = new RunningStreams({ replayLimit: 1000, ticks: false });
    const token = streams.signIn({ tokenExpiresAtMs: streams.clockMs + 30_000 });
    await using slow = await streams.connect({ token });
    await slow.whenCame('keepalive');
    slow.stopReading();
    flood(streams);
    expect(streams.counts.parked).toBe(1);
    streams.clockMs += 30_000;
    slow.readAgain();
    await slow.whenEnded();
    expect(slow.last).toMatchObject({ name: 'reconnect', data: { reason: 'token_expired' } });
    const ids = slow.named('task_status_updated').map(({ id }) => id);
    expect(ids.length).toBeLessThan(BATCHES * BATCH.length);
    expect(slow.last?.id).toBe(ids.at(-1));
  });
});

test('a client that reads is not parked, whatever happens in one turn', async () => {
  await using streams = new RunningStreams();
  await using client = await streams.connect();
  await client.whenCame('keepalive');
  // Some more than may wait, and less than the kernel takes at once.
  streams.advance(Array.from({ length: 180 }, (_, task) => aStep({ task })));
  await client.whenCame('task_status_updated', 180);
  expect(streams.counts.parkings).toBe(0);
});

function flood(streams: RunningStreams): void {
  for (let batch = 0; batch < BATCHES; batch += 1) streams.advance(BATCH, { isLarge: true });
}

/** Waits until the kernel takes nothing more for the one client that is parked. */
async function whenStuck({ counts }: RunningStreams): Promise<void> {
  let parkings = 0;
  let unchanged = 0;
  await eventually(() => {
    unchanged = parkings === counts.parkings && counts.parked === 1 ? unchanged + 1 : 0;
    ({ parkings } = counts);
    expect(unchanged).toBe(10);
  });
}

function allIds(): string[] {
  return Array.from({ length: BATCHES * BATCH.length }, (_, index) => frameId(index + 1));
}
