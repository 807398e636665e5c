import type { StreamId } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import { KEYS } from '../../../src/redis/keys.ts';
import { anEntry, idOf } from '../../fixtures/events.ts';
import { useRedis } from '../../fixtures/redis.ts';
import {
  append,
  eventsAfter,
  everything,
  idsInQuarantine,
  json,
  project,
  quarantine,
  type Text,
} from './commands.ts';

const server = useRedis();
let redis: Redis;

beforeEach(() => {
  redis = server.connect();
});

const replay = (...argv: string[]) => quarantine(server.url, ['replay', ...argv]);

const NO_UTF8 = Buffer.from([0x61, 0xff, 0x00, 0xfe]);
/** A project that changes: valid again once the task is of that project. */
const late = (seconds: number) => `2026-11-20T12:00:${String(seconds).padStart(2, '0')}.000Z`;

/** Appends entries, and lets the projector quarantine what it cannot apply. */
async function given(...entries: readonly (readonly Text[])[]): Promise<StreamId[]> {
  const ids: StreamId[] = [];
  for (const pairs of entries) ids.push(await append(redis, ...pairs));
  await project(redis, server.url);
  return ids;
}

/** An event that lacks its status, which `--set status=…` mends. */
function unfinished(executionId: string, fields: Parameters<typeof anEntry>[0] = {}): string[] {
  return anEntry({ executionId, status: undefined, ...fields });
}

async function lastEventId(): Promise<StreamId> {
  const [last] = await redis.xrevrange(KEYS.events, '+', '-', 'COUNT', 1);
  return idOf(last?.[0] ?? '0-0');
}

async function statusOf(executionId: string): Promise<string | null> {
  return await redis.hget(KEYS.execution(executionId), 'status');
}

function texts(events: readonly [string, Buffer[]][]): string[][] {
  return events.map(([, pairs]) => pairs.map(String));
}

describe('a dry run', () => {
  beforeEach(async () => {
    await given(
      anEntry({ executionId: 'run-0', status: 'in_progress', occurredAt: late(5) }),
      unfinished('run-1'),
      anEntry({ executionId: 'run-2' }).concat('note', 'a'.repeat(70_000)),
      [...anEntry({ executionId: 'run-3' }), 'message', NO_UTF8],
      anEntry({ executionId: 'run-0', attempt: '0', status: 'success', occurredAt: late(9) }),
    );
  });

  test.for([[['--all']], [['--all', '--json']], [['--all', '--set', 'status=queued', '--force']]])(
    'writes nothing: %j',
    async ([argv = []]) => {
      const before = await everything(redis);
      const { code, err } = await replay(...argv);
      expect(code).toBe(0);
      expect(err.filter((line) => !/dry run|--yes/.test(line))).toEqual([]);
      expect(await everything(redis)).toEqual(before);
    },
  );

  test('says for every entry what would happen, and why not', async () => {
    const { out } = await replay('--all', '--set', 'status=success', '--set', 'attempt=1');
    const said = out.map((line) => line.split('  ').slice(1).join('  '));
    expect(said.slice(0, 4)).toEqual([
      'run-1  would be replayed: begins as success',
      expect.stringMatching(/^run-2 {2}stays: still invalid: has \d+ bytes, at most 65536 may be/),
      'run-3  stays: still invalid: field names and values must be UTF-8 (not_utf8)',
      'run-0  would be replayed: in_progress → success',
    ]);
    expect(out.slice(4)).toEqual([
      'dry run, nothing was written: 2 would be replayed, 2 stay (2 invalid)',
      '--yes does it',
    ]);
  });

  test('of nothing that could be replayed does not ask for --yes', async () => {
    const { out } = await replay('--reason', 'not_utf8');
    expect(out.at(-1)).toMatch(/^dry run, nothing was written: 0 would be replayed, 1 stay/);
  });
});

describe('with --yes', () => {
  test('what is valid now is applied, and has left the quarantine', async () => {
    const [, source] = await given(
      anEntry({ executionId: 'run-0', project: 'a/b' }),
      anEntry({ executionId: 'run-0', project: 'c/d', status: 'success', occurredAt: late(1) }),
    );
    // Somebody starts over with the project that the bot has moved to.
    await redis.del(KEYS.execution('run-0'));
    const before = await lastEventId();
    const { code, out } = await replay('--yes', '--all');
    const [[id, pairs] = ['', []]] = await eventsAfter(redis, before);
    expect({ code, out }).toMatchObject({ code: 0, out: [expect.any(String), '1 replayed'] });
    expect(out[0]).toMatch(new RegExp(`run-0 {2}replayed as ${id}: begins as success$`));
    expect(pairs.map(String).slice(-2)).toEqual(['sourceId', source]);
    expect(await idsInQuarantine(redis)).toEqual([]);
    await project(redis, server.url);
    expect(await statusOf('run-0')).toBe('success');
    expect(await idsInQuarantine(redis)).toEqual([]);
  });

  test('the pairs are appended as they were, byte for byte, with their source', async () => {
    const odd = ['', '', 'b', 'ü😀', 'b', 'again', 'reason', 'x', 'sourceId', 'mine'];
    const pairs = [...odd, ...anEntry({ occurredAt: '2026-11-20T13:00:00+01:00' })];
    const [source] = await given([...pairs.slice(0, -2), 'x', '\u0000']);
    expect(source).toBeDefined();
    const before = await lastEventId();
    const { out } = await replay('--yes', '--all', '--set', 'status=queued');
    expect(out.at(-1)).toBe('1 replayed');
    const [appended] = texts(await eventsAfter(redis, before));
    expect(appended).toEqual([
      ...[...pairs.slice(0, -2), 'x', '\u0000'],
      ...['status', 'queued', 'sourceId', source],
    ]);
  });

  test('what would still be invalid stays as it is', async () => {
    await given([...anEntry(), 'message', NO_UTF8], unfinished('run-2'));
    const before = await everything(redis);
    const { code, out } = await replay('--yes', '--all');
    expect(code).toBe(0);
    expect(out.at(-1)).toBe('0 replayed, 2 stay (2 invalid)');
    expect(await everything(redis)).toEqual(before);
  });

  test('entries are appended in the order of their events, whatever is asked for first', async () => {
    const sources = await given(...['a', 'b', 'c', 'd'].map((run) => unfinished(run)));
    const ids = await idsInQuarantine(redis);
    const before = await lastEventId();
    await replay('--yes', '--set', 'status=queued', ...ids.toReversed());
    const appended = texts(await eventsAfter(redis, before));
    expect(appended.map((pairs) => pairs.at(-1))).toEqual(sources);
  });

  test('only what passes the filter is replayed', async () => {
    await given(unfinished('a'), unfinished('b'), unfinished('c'));
    const { out } = await replay('--yes', '--execution', 'b', '--set', 'status=queued', '--json');
    expect(json(out)).toMatchObject([{ executionId: 'b', action: 'replayed' }]);
    expect(await idsInQuarantine(redis)).toHaveLength(2);
  });

  test('a JSON line holds both ids, what was forecast and what was done', async () => {
    const [source] = await given(unfinished('a'));
    const [id] = await idsInQuarantine(redis);
    const { out, err } = await replay('--yes', '--json', '--set', 'status=error', `${id}`);
    const forecast = { kind: 'applied', to: 'error' };
    const replayedAs = await lastEventId();
    const said = { id, origin: source, executionId: 'a', action: 'replayed', replayedAs, forecast };
    expect(json(out)).toEqual([said]);
    expect(err).toEqual(['1 replayed']);
  });
});

describe('of several entries of one execution', () => {
  test('each is forecast upon those before it', async () => {
    await given(
      unfinished('run-1', { attempt: '0', status: 'queued' }),
      unfinished('run-1', { attempt: '0', status: 'in_progress', occurredAt: late(1) }),
      unfinished('run-1', { attempt: '0', status: 'success', occurredAt: late(2) }),
      unfinished('run-1', { attempt: '0', status: 'in_progress', occurredAt: late(2) }),
    );
    const argv = ['--all', '--set', 'attempt='];
    const forecasts = ['begins as queued', 'queued → in_progress', 'in_progress → success'];
    const dry = await replay(...argv);
    const done = await replay('--yes', ...argv);
    for (const { out } of [dry, done]) {
      expect(out.slice(0, 3).map((line) => line.split(': ').at(-1))).toEqual(forecasts);
      expect(out[3]).toContain('changes nothing: its task has ended since');
    }
    await project(redis, server.url);
    expect(await statusOf('run-1')).toBe('success');
    expect(await idsInQuarantine(redis)).toEqual([]);
  });

  test('a first one that stays leaves the next ones without a task', async () => {
    await given(
      unfinished('run-1', { status: 'queued', flow: 'f'.repeat(101) }),
      unfinished('run-1', { project: undefined, status: 'success' }),
    );
    const { out } = await replay('--all');
    expect(out[1]).toContain('still invalid: project: is required on the first event');
  });
});

describe('what is older than its task', () => {
  beforeEach(async () => {
    await given(
      anEntry({ attempt: '0', occurredAt: late(1), message: 'preparing' }),
      anEntry({ status: 'in_progress', occurredAt: late(5), message: 'half done' }),
    );
  });

  const mended = ['--all', '--set', 'attempt='];

  test('stays, is said to overwrite what is newer, and what helps', async () => {
    const before = await everything(redis);
    const { out } = await replay('--yes', ...mended);
    expect(out[0]).toContain(
      `stays: older than its task (${late(1)}, and the task ${late(5)}), would overwrite status, ` +
        'message: in_progress → queued',
    );
    expect(out.slice(1)).toEqual([
      '0 replayed, 1 stay (1 older)',
      '--force replays what is older, too',
    ]);
    expect(await everything(redis)).toEqual(before);
  });

  test('is replayed with --force', async () => {
    await replay('--yes', '--force', ...mended);
    await project(redis, server.url);
    expect(await statusOf('run-1')).toBe('queued');
  });

  test('is replayed where it overwrites nothing', async () => {
    await replay('--yes', ...mended, '--set', 'status=', '--set', 'message=half done');
    await project(redis, server.url);
    expect(await statusOf('run-1')).toBe('in_progress');
    expect(await idsInQuarantine(redis)).toEqual([]);
  });

  test('counts as later in a later attempt', async () => {
    const { out } = await replay('--all', '--set', 'attempt=2');
    expect(out[0]).toMatch(/would be replayed: in_progress → queued$/);
  });
});

test('a duplicate changes nothing and leaves the quarantine', async () => {
  await given(anEntry({ eventId: 'e-1' }), anEntry({ eventId: 'e-1', attempt: '0' }));
  const { out } = await replay('--yes', '--all', '--set', 'attempt=');
  expect(out[0]).toMatch(/replayed as .*: changes nothing: its eventId was applied before/);
  expect(await idsInQuarantine(redis)).toEqual([]);
});

describe('--set', () => {
  test('replaces a field at its first place and drops its repetitions', async () => {
    const repeated = ['status', 'a', 'flow', 'f', 'status', NO_UTF8, ...unfinished('run-1')];
    await given(repeated);
    const before = await lastEventId();
    await replay('--yes', '--all', '--set', 'status=queued');
    const [pairs] = texts(await eventsAfter(redis, before));
    expect(pairs?.slice(0, 6)).toEqual(['status', 'queued', 'flow', 'f', 'executionId', 'run-1']);
  });

  test('adds several, of which a repeated one counts last', async () => {
    await given(unfinished('run-1', { project: undefined }));
    const values = ['project=no', 'project=owner/repo', 'status=error', 'message=a=b'];
    await replay('--yes', '--all', ...values.flatMap((value) => ['--set', value]));
    await project(redis, server.url);
    const row = await redis.hgetall(KEYS.execution('run-1'));
    expect(row).toMatchObject({ project: 'owner/repo', status: 'error', message: 'a=b' });
  });

  test('mends what was too large, and what was no UTF-8, in fields that are unknown', async () => {
    await given([...anEntry(), 'note', 'a'.repeat(3_000_000)], ['note', NO_UTF8, ...anEntry()]);
    const { out } = await replay('--yes', '--all', '--set', 'note=');
    expect(out.at(-1)).toBe('2 replayed');
    await project(redis, server.url);
    expect(await idsInQuarantine(redis)).toEqual([]);
    expect(await statusOf('run-1')).toBe('queued');
  });

  test('loses nothing of an entry of megabytes, or leaves it', async () => {
    const message = 'm'.repeat(1500);
    const long = Array.from({ length: 40 }, (_, i) => [`f${i}`, 'a'.repeat(60_000)]).flat();
    await given(
      [...anEntry({ executionId: 'run-1', message }), 'note', 'a'.repeat(3_000_000)],
      [...anEntry({ executionId: 'run-2', message }), 'note', 'a'.repeat(3_000_000), ...long],
    );
    const unset = ['note', ...Array.from({ length: 40 }, (_, i) => `f${i}`)];
    const { out } = await replay(...['--yes', '--execution', 'run-1', '--set', 'note=']);
    expect(out.at(-1)).toBe('1 replayed');
    const rest = await replay('--all', ...unset.flatMap((name) => ['--set', `${name}=`]));
    expect(rest.out[0]).toContain('run-2  stays: still invalid: is too large to be read whole');
    await project(redis, server.url);
    expect(await redis.hget(KEYS.execution('run-1'), 'message')).toBe(message);
  });

  test('of a name that is neither a field of events nor in the entry is a fault', async () => {
    await given(unfinished('run-1'));
    const { out } = await replay('--all', '--set', 'statsu=queued');
    expect(out[0]).toContain('still invalid: statsu: is no field of events, and this entry has');
  });

  test('to what is invalid, too, says so', async () => {
    await given(unfinished('run-1'));
    const { out } = await replay('--yes', '--all', '--set', 'status=running');
    expect(out[0]).toContain('stays: still invalid: status: ');
  });
});

test('an event of exactly 64 KiB has no room for its source', async () => {
  const note = 'a'.repeat(65_536 - Buffer.byteLength(anEntry({ project: 'c/d' }).join('')) - 4);
  await given(anEntry(), [...anEntry({ project: 'c/d' }), 'note', note]);
  await redis.del(KEYS.execution('run-1'));
  const { out } = await replay('--yes', '--all');
  expect(out[0]).toContain('stays: still invalid: has 6');
});

test('the time of an event is judged by when it is replayed', async () => {
  const occurredAt = new Date(Date.now() + 25 * 3_600_000).toISOString();
  await given(anEntry({ occurredAt }));
  expect((await replay('--all')).out[0]).toContain('(occurred_too_late)');
  // As if two hours had passed: the stream is as far as that.
  const soon = `${Date.now() + 2 * 3_600_000}-0`;
  await redis.xadd(KEYS.events, soon, ...anEntry({ executionId: 'run-2' }));
  expect((await replay('--all')).out[0]).toContain('begins as queued');
});

describe('an entry of more than 3,500 pairs', () => {
  const many: Text[] = Array.from({ length: 4000 }, (_, i) => [`f${i}`, 'ü']).flat();

  test('is replayed byte for byte', async () => {
    const pairs = [...many, ...unfinished('run-1')];
    const [source] = await given(pairs);
    const before = await lastEventId();
    const { out } = await replay('--yes', '--all', '--set', 'status=queued');
    expect(out.at(-1)).toBe('1 replayed');
    const [appended] = texts(await eventsAfter(redis, before));
    expect(appended).toEqual([...pairs, 'status', 'queued', 'sourceId', source]);
    await project(redis, server.url);
    expect(await statusOf('run-1')).toBe('queued');
    expect(await idsInQuarantine(redis)).toEqual([]);
  });

  test('stays where Redis takes no writes, which is told by name', async () => {
    await given([...many, ...unfinished('run-1')]);
    await redis.config('SET', 'min-replicas-to-write', '1');
    try {
      await expect(replay('--yes', '--all', '--set', 'status=queued')).rejects.toThrow(
        /cannot do this now \(NOREPLICAS/,
      );
    } finally {
      await redis.config('SET', 'min-replicas-to-write', '0');
    }
    expect(await idsInQuarantine(redis)).toHaveLength(1);
  });

  test('is replayed once by two at once', async () => {
    await given(...[1, 2, 3, 4, 5].map((n) => [...many, ...unfinished(`run-${n}`)]));
    const before = await lastEventId();
    const argv = ['--yes', '--all', '--set', 'status=queued'];
    await Promise.all([replay(...argv), replay(...argv), replay(...argv)]);
    const appended = texts(await eventsAfter(redis, before));
    const sources = appended.map((pairs) => pairs.at(-1));
    expect(sources).toHaveLength(5);
    expect(new Set(sources).size).toBe(5);
  });
});

describe('an event whose replay was quarantined again', () => {
  test('keeps the source that it had first, and its place before later ones', async () => {
    const [first] = await given(unfinished('run-1'));
    await replay('--yes', '--all', '--set', 'status=queued', '--set', 'project=owner/repo');
    // The projector has not applied it, and meanwhile the task is of another project.
    await given(anEntry({ executionId: 'run-9' }));
    const before = await lastEventId();
    await redis.hset(KEYS.execution('run-1'), 'project', 'c/d');
    await given(unfinished('run-2'), unfinished('run-1', { message: 'later' }));
    const again = await append(redis, ...unfinished('run-1'), 'sourceId', `${first}`);
    await project(redis, server.url);
    expect(before < again).toBe(true);
    const { out } = await replay('--json', '--all', '--set', 'status=queued');
    expect(json(out).map(({ origin }) => origin)[0]).toBe(first);
  });
});

describe('after the read model was rebuilt', () => {
  test('what was replayed before is not replayed again', async () => {
    await given(unfinished('run-1'), unfinished('run-2'));
    await replay('--yes', '--execution', 'run-1', '--set', 'status=queued');
    await redis.del(KEYS.projector, KEYS.updates, KEYS.execution('run-1'));
    await project(redis, server.url);
    // Both were quarantined once more.
    expect(await idsInQuarantine(redis)).toHaveLength(3);

    const before = await lastEventId();
    const dry = await replay('--all', '--set', 'status=queued', '--json');
    expect(json(dry.out).map(({ forecast }) => forecast.kind)).toEqual([
      'replayed_before',
      'applied',
      'replayed_before',
    ]);
    const { out } = await replay('--yes', '--all', '--set', 'status=queued');
    expect(out.at(-1)).toBe('1 replayed, 2 removed, replayed before');
    expect(await eventsAfter(redis, before)).toHaveLength(1);
    expect(await idsInQuarantine(redis)).toEqual([]);
  });
});

describe('a projector that is behind', () => {
  test('is told of', async () => {
    await given(unfinished('run-1'));
    await redis.xadd(KEYS.events, '*', ...anEntry({ executionId: 'run-2' }));
    expect((await replay('--all')).err).toEqual([]);
    const long = `${Date.now() - 60_000}-0`;
    await redis.del(KEYS.events);
    await redis.hset(KEYS.projector, 'checkpoint', '1-0');
    await redis.xadd(KEYS.events, long, ...anEntry({ executionId: 'run-2' }));
    expect((await replay('--all')).err).toEqual([
      expect.stringMatching(/^the projector is behind by 60 s/),
    ]);
  });
});

describe('a wrong call exits with 2 and writes nothing:', () => {
  test('without any choice, and it says which there are', async () => {
    await given(unfinished('run-1'));
    const before = await everything(redis);
    const { code, out, err } = await replay('--yes', '--set', 'status=queued');
    expect({ code, out }).toEqual({ code: 2, out: [] });
    expect(err.join()).toContain('their ids, a filter such as --reason, or --all');
    expect(await everything(redis)).toEqual(before);
  });

  test.for([
    ['--all', '1-0'],
    ['--all', '--reason', 'not_utf8'],
    ['--reason', 'not_utf8', '1-0'],
    ['soon'],
    ['--all', '--set', 'status'],
    ['--all', '--set', '=x'],
    ['--all', '--set', 'sourceId=1-0'],
    ['--reason', 'nothing'],
  ])('%j', async (argv) => {
    expect(await replay(...argv)).toMatchObject({ code: 2, out: [] });
  });
});

test('an id that is not there is a failure, and the others are replayed', async () => {
  await given(unfinished('run-1'));
  const [id] = await idsInQuarantine(redis);
  const { code, out, err } = await replay('--yes', '--set', 'status=queued', `${id}`, '1-0');
  expect({ code, err }).toEqual({ code: 1, err: [expect.stringMatching(/^1-0 is not in the/)] });
  expect(out.at(-1)).toBe('1 replayed');
});

test('the help says why order matters and what becomes of time', async () => {
  const { code, out } = await replay('--help');
  expect(code).toBe(0);
  expect(out.join('\n')).toMatch(/Events apply in the order of the stream/);
});
