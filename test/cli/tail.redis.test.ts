import {
  type ClientPosition,
  parsePosition,
  parseStreamId,
  type StreamId,
  type TaskChange,
} from '@tasktrail/contract';
import { describe, expect, onTestFinished, test } from 'vitest';
import { runTail, type TailOptions } from '../../src/cli/tail.ts';
import { encodeChange } from '../../src/redis/change-entry.ts';
import { KEYS } from '../../src/redis/keys.ts';
import { eventually } from '../fixtures/facts.ts';
import { useRedis } from '../fixtures/redis.ts';
import { taskItem } from '../http/running-dashboard.ts';

const redis = useRedis({ appendOnly: true });

test('without a position it begins now, with one after it', async () => {
  await change('1-0', {});
  const now = tail({});
  const since = tail({ since: at('1-0') });
  const all = tail({ since: at('0-0') });
  await eventually(async () => expect(await redis.foreignConnections()).toHaveLength(3));
  await change('2-0', {});
  await eventually(() => expect(all.ids()).toEqual(['1-0', '2-0']));
  await eventually(() => expect(since.ids()).toEqual(['2-0']));
  await eventually(() => expect(now.ids()).toEqual(['2-0']));
});

test('a position of the current history counts, one of another ends it', async () => {
  await redis.connect().hset(KEYS.projector, 'epoch', 'now');
  await change('1-0', {});
  await change('2-0', {});
  const current = tail({ since: at('v1.now.1-0'), limit: 1 });
  await current.ended;
  expect(current.ids()).toEqual(['2-0']);
  const another = tail({ since: at('v1.before.1-0') });
  await expect(another.ended).rejects.toThrow('another history (now now)');
});

test('on a feed that is empty it begins with the first change', async () => {
  const empty = tail({});
  await eventually(async () => expect(await redis.foreignConnections()).toHaveLength(1));
  await change('1-0', {});
  await eventually(() => expect(empty.ids()).toEqual(['1-0']));
});

test('a line is the whole change with its id', async () => {
  const previous = { status: 'queued', audience: ['slack:U1'] } as const;
  await change('1-0', { executionId: 'run-1' }, { ...previous, audience: [...previous.audience] });
  const { lines } = tail({ since: at('0-0'), limit: 1 });
  await eventually(() => expect(lines).toHaveLength(1));
  expect(JSON.parse(lines[0] ?? '')).toEqual({
    id: '1-0',
    item: { ...taskItem('run-1'), lastEventId: '1-0' },
    previous,
  });
});

test('it ends by itself at the limit, and counts only what it prints', async () => {
  for (const [index, project] of ['a/a', 'b/b', 'a/a', 'a/a'].entries()) {
    await change(`${index + 1}-0`, { project });
  }
  const limited = tail({ since: at('0-0'), project: 'a/a', limit: 2 });
  await limited.ended;
  expect(limited.ids()).toEqual(['1-0', '3-0']);
});

test('a status is the one that the task has now', async () => {
  await change('1-0', { status: 'queued' });
  await change('2-0', { status: 'success' }, { status: 'queued', audience: [] });
  await change('3-0', { status: 'error' });
  const some = tail({ since: at('0-0'), status: ['success', 'error'], limit: 2 });
  await some.ended;
  expect(some.ids()).toEqual(['2-0', '3-0']);
});

test('after Redis was away it goes on where it was', async () => {
  await change('1-0', {});
  const follower = tail({ since: at('0-0') });
  await eventually(() => expect(follower.ids()).toEqual(['1-0']));
  await redis.server.kill();
  await eventually(() => expect(follower.errors.join()).toContain('trying again'));
  await redis.server.restart();
  await change('2-0', {});
  await eventually(() => expect(follower.ids()).toEqual(['1-0', '2-0']));
});

test('an entry that is no change is told of and passed over', async () => {
  await redis.connect().xadd(KEYS.updates, '1-0', 'item', 'nonsense');
  await change('2-0', {});
  const follower = tail({ since: at('0-0'), limit: 1 });
  await follower.ended;
  expect(follower.ids()).toEqual(['2-0']);
  expect(follower.errors).toEqual([expect.stringContaining('the change 1-0 cannot be read')]);
});

describe('a Redis that asks for a password', () => {
  const closed = useRedis({ settings: { requirepass: 'secret' } });

  test('is said to refuse, and why, once', async () => {
    const url = closed.url.replace('//:secret', '//ana:wrong');
    const refused = tail({}, url);
    const attempts = async () =>
      String(await closed.connect().acl('LOG')).match(/count,(\d+)/)?.[1];
    await eventually(async () => expect(Number(await attempts())).toBeGreaterThan(3));
    expect(refused.errors).toEqual([
      expect.stringMatching(/^tail: WRONGPASS .*user ana .*; trying/),
    ]);
  });
});

async function change(
  id: string,
  item: Partial<TaskChange['item']>,
  previous: TaskChange['previous'] = null,
): Promise<void> {
  const lastEventId = parseStreamId(id) as StreamId;
  const whole = { ...taskItem('run-1'), ...item, lastEventId };
  await redis.connect().xadd(KEYS.updates, id, ...encodeChange({ item: whole, previous }));
}

function at(text: string): ClientPosition {
  return parsePosition(text) as ClientPosition;
}

/** A tail that the test's end stops. */
function tail(options: TailOptions, url = redis.urlOf('operator')) {
  const lines: string[] = [];
  const errors: string[] = [];
  const stop = new AbortController();
  const ended = runTail(
    options,
    {
      redis: { url },
      keys: KEYS,
      write: (line) => lines.push(line),
      writeError: (line) => errors.push(line),
    },
    stop.signal,
  );
  onTestFinished(async () => {
    stop.abort();
    await ended.catch(() => {});
  });
  return { lines, errors, ended, ids: () => lines.map((line) => JSON.parse(line).id) };
}
