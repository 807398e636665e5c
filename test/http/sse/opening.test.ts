import { describe, expect, test } from 'vitest';
import { aStep } from '../../hub/histories.ts';
import { frameId, RunningStreams } from './running-streams.ts';

describe('a stream begins', () => {
  test('with retry, as a stream that nothing buffers or keeps', async () => {
    await using streams = new RunningStreams({ random: () => 0.5 });
    await using client = await streams.connect();
    await client.whenCame('keepalive');
    expect(client.opening.startsWith('retry: 2500\n\n')).toBe(true);
    expect(client.status).toBe(200);
    expect(client.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    });
  });

  test('and ends with its connection, so that frames need not be put in chunks', async () => {
    await using streams = new RunningStreams();
    await using client = await streams.connect();
    expect(client.headers).toMatchObject({ connection: 'close' });
    expect(client.headers).not.toHaveProperty('transfer-encoding');
    await streams.registry.drain();
    await client.whenEnded();
    expect(client.end).toBe('whole');
  });

  test('live without a cursor, and says at once that it is', async () => {
    await using streams = new RunningStreams();
    streams.advance([aStep()], { silent: 3 });
    await using client = await streams.connect();
    await client.whenCame('keepalive');
    streams.advance([aStep({ status: 'success' })]);
    await client.whenCame('task_status_updated');
    expect(client.frames.map(({ name, id }) => [name, id])).toEqual([
      ['keepalive', frameId(4)],
      ['task_status_updated', frameId(5)],
    ]);
    expect(streams.counts.outcomes).toEqual(['live']);
  });

  test('with what came after its cursor, then says that it has caught up', async () => {
    await using streams = new RunningStreams();
    streams.advance([aStep(), aStep({ status: 'success' }), aStep({ task: 1 })], { silent: 2 });
    await using client = await streams.connect({ path: `?cursor=${frameId(1)}` });
    await client.whenCame('keepalive');
    expect(client.frames.map(({ name, id }) => [name, id])).toEqual([
      ['task_status_updated', frameId(2)],
      ['task_status_updated', frameId(3)],
      ['keepalive', frameId(5)],
    ]);
    expect(client.frames[0]?.data).toMatchObject({
      status: 'success',
      previousStatus: 'in_progress',
    });
  });

  test('from a bare id of the current history', async () => {
    await using streams = new RunningStreams();
    streams.advance([aStep(), aStep({ task: 1 })]);
    await using client = await streams.connect({ path: `?cursor=${frameId(1).split('.')[2]}` });
    await client.whenCame('keepalive');
    expect(client.frames.map(({ id }) => id)).toEqual([frameId(2), frameId(2)]);
  });

  test('with what passes for its viewer, in its own project and statuses', async () => {
    await using streams = new RunningStreams();
    const sight = { kind: 'own', principals: new Set(['slack:U1']) } as const;
    const path = `?cursor=${frameId(0)}&project=houlak/one&statuses=queued,success`;
    streams.advance([
      aStep({ actor: 'slack:U1', status: 'queued' }),
      aStep({ actor: 'slack:U1', status: 'queued', task: 1 }),
      aStep({ actor: 'slack:U2', status: 'queued', task: 2 }),
      aStep({ actor: 'slack:U1', status: 'error' }),
      aStep({ actor: 'slack:U1', status: 'success', task: 4 }),
      aStep({ actor: 'slack:U2', status: 'success', task: 4 }),
    ]);
    await using client = await streams.connect({ token: streams.signIn({ sight }), path });
    await client.whenCame('keepalive');
    expect(client.frames.map(({ name, id }) => [name, id])).toEqual([
      ['task_status_updated', frameId(1)],
      ['task_removed', frameId(4)],
      ['task_status_updated', frameId(5)],
      ['task_removed', frameId(6)],
      ['keepalive', frameId(6)],
    ]);
    expect(client.named('task_removed').map(({ data }) => data.reason)).toEqual([
      'filtered',
      'not_visible',
    ]);
  });
});

describe('Last-Event-ID', () => {
  test('wins over the cursor of the query, which a browser repeats', async () => {
    await using streams = new RunningStreams();
    streams.advance([aStep(), aStep({ task: 1 })]);
    const path = `?cursor=${frameId(0)}`;
    await using client = await streams.connect({ path, lastEventId: frameId(1) });
    await client.whenCame('keepalive');
    expect(client.named('task_status_updated').map(({ id }) => id)).toEqual([frameId(2)]);
  });

  test('wins also when it is no position', async () => {
    await using streams = new RunningStreams();
    const path = `?cursor=${frameId(0)}`;
    await using client = await streams.connect({ path, lastEventId: 'nonsense' });
    expect((await client.whenCame('snapshot_refresh_required')).data.reason).toBe('cursor_invalid');
  });

  test('that is empty counts as absent', async () => {
    await using streams = new RunningStreams();
    streams.advance([aStep()]);
    const path = `?cursor=${frameId(0)}`;
    await using client = await streams.connect({ path, lastEventId: '' });
    await client.whenCame('keepalive');
    expect(client.named('task_status_updated').map(({ id }) => id)).toEqual([frameId(1)]);
    await using live = await streams.connect({ lastEventId: '' });
    expect((await live.whenCame('keepalive')).id).toBe(frameId(1));
    expect(live.frames).toHaveLength(1);
  });
});

describe('a cursor that cannot be continued is told, and the stream goes on live:', () => {
  test.each([
    ['cursor_expired', frameId(0)],
    ['cursor_expired', frameId(2)],
    ['cursor_epoch', frameId(4, 'e0')],
    ['cursor_epoch', frameId(9, 'e0')],
    ['cursor_invalid', 'nonsense'],
    ['cursor_invalid', frameId(4).replace('v1', 'v2')],
  ])('%s for %s', async (reason, cursor) => {
    await using streams = new RunningStreams({ replayLimit: 2 });
    streams.advance([aStep(), aStep(), aStep(), aStep(), aStep()]);
    await using client = await streams.connect({ path: `?cursor=${cursor}` });
    await client.whenCame('keepalive');
    streams.advance([aStep({ task: 1 })]);
    await client.whenCame('task_status_updated');
    expect(client.frames.map(({ name, id }) => [name, id])).toEqual([
      ['snapshot_refresh_required', frameId(5)],
      ['keepalive', frameId(5)],
      ['task_status_updated', frameId(6)],
    ]);
    expect(client.named('snapshot_refresh_required')[0]?.data).toEqual({ reason });
    expect(streams.counts.outcomes).toEqual([reason]);
  });
});

describe('a client that is ahead', () => {
  test('is held, and goes on live once the hub has what it has, without seeing it twice', async () => {
    await using streams = new RunningStreams();
    await using client = await streams.connect({ path: `?cursor=${frameId(2)}` });
    streams.advance([aStep({ task: 1 }), aStep({ task: 2 })]);
    expect((await client.whenCame('keepalive')).id).toBe(frameId(2));
    streams.advance([aStep({ task: 3 })]);
    await client.whenCame('task_status_updated');
    expect(client.frames.map(({ name, id }) => [name, id])).toEqual([
      ['keepalive', frameId(2)],
      ['task_status_updated', frameId(3)],
    ]);
    expect(streams.counts.outcomes).toEqual(['ahead']);
  });

  test('gets at once what comes after its cursor, in the midst of what it has', async () => {
    await using streams = new RunningStreams({ ticks: false });
    await using client = await streams.connect({ path: `?cursor=${frameId(2)}` });
    streams.advance([aStep(), aStep({ task: 1 }), aStep({ task: 2 }), aStep({ task: 3 })]);
    await client.whenCame('keepalive');
    expect(client.frames.map(({ name, id }) => [name, id])).toEqual([
      ['task_status_updated', frameId(3)],
      ['task_status_updated', frameId(4)],
      ['keepalive', frameId(4)],
    ]);
  });

  test('is told so when the hub does not get there within three seconds', async () => {
    await using streams = new RunningStreams();
    await using client = await streams.connect({ path: `?cursor=${frameId(2)}` });
    streams.advance([aStep()]);
    streams.clockMs += 2750;
    expect((await client.whenCame('snapshot_refresh_required')).data.reason).toBe('cursor_ahead');
    await client.whenCame('keepalive');
    streams.advance([aStep({ status: 'success' }), aStep({ task: 1 })]);
    await client.whenCame('task_status_updated', 2);
    expect(client.frames.map(({ name, id }) => [name, id])).toEqual([
      ['snapshot_refresh_required', frameId(1)],
      ['keepalive', frameId(1)],
      ['task_status_updated', frameId(2)],
      ['task_status_updated', frameId(3)],
    ]);
  });
});

test('HEAD answers with the headers of a stream, and opens none', async () => {
  await using streams = new RunningStreams();
  await using client = await streams.connect({ method: 'HEAD' });
  await client.whenEnded();
  expect(client.status).toBe(200);
  expect(client.headers['content-type']).toBe('text/event-stream; charset=utf-8');
  expect(client.opening).toBe('');
  expect(streams.counts.outcomes).toEqual([]);
  expect(streams.registry.open).toBe(0);
});
