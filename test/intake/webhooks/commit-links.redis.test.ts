import { setImmediate } from 'node:timers/promises';
import { type TaskEvent, TaskEventSchema } from '@tasktrail/contract';
import fc from 'fast-check';
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, it } from 'vitest';
import { foldAllEvents } from '../../../src/demo/expected-tasks.ts';
import { Appender } from '../../../src/intake/appender.ts';
import { type HeadOfPullRequest, IntakeUnavailableError } from '../../../src/intake/intake.ts';
import type { RunEvent } from '../../../src/intake/webhooks/commit-entries.ts';
import { CommitLinks } from '../../../src/intake/webhooks/commit-links.ts';
import { digestOf } from '../../../src/redis/append-once.ts';
import { KEYS } from '../../../src/redis/keys.ts';
import { useRedis } from '../../fixtures/redis.ts';

const redis = useRedis();

const PROJECT = 'octo/app';
const COMMIT = 'c'.repeat(40);
const OPENED_AT = '2026-11-20T11:00:00.000Z';
const pageOf = (number: number) => `https://github.com/octo/app/pull/${number}`;

/** One delivery of a webhook of a run; `place` makes it another one. */
function runOf(executionId: string, fields: Partial<TaskEvent> = {}, place = 0): RunEvent {
  const event = TaskEventSchema.parse({
    executionId,
    project: PROJECT,
    status: 'in_progress',
    occurredAt: '2026-11-20T12:00:00Z',
    ...fields,
  });
  const key = KEYS.intake.record(digestOf(executionId, String(place)));
  return { forge: 'github', event, commit: COMMIT, records: [{ key, keepSeconds: 60 }] };
}

function headOf(number: number, fields: Partial<HeadOfPullRequest> = {}): HeadOfPullRequest {
  const url = pageOf(number);
  return { project: PROJECT, commit: COMMIT, url, openedAt: OPENED_AT, ...fields };
}

describe('pull requests and the runs of their head', () => {
  let connection: Redis;
  let links: CommitLinks;

  beforeEach(() => {
    connection = redis.connect();
    const appender = new Appender({ redis: connection, keys: KEYS });
    links = new CommitLinks({ redis: connection, keys: KEYS, appender });
  });

  const length = () => connection.xlen(KEYS.events);
  const taskOf = async (executionId: string) => {
    const { tasks, quarantined } = await foldAllEvents(connection, KEYS);
    expect(quarantined).toBe(0);
    return tasks.get(executionId);
  };

  it('find each other when the pull request came first: the event of the run has the link', async () => {
    expect(await links.appendPullRequest('github', headOf(1))).toEqual([]);
    expect(await links.appendRun(runOf('run-1'))).toHaveLength(1);
    expect((await taskOf('run-1'))?.prLinks).toEqual([pageOf(1)]);
  });

  it('find each other when the run came first: a link event follows', async () => {
    await links.appendRun(runOf('run-1'));
    await links.appendRun(runOf('job-1', { status: 'success' }));
    expect(await links.appendPullRequest('github', headOf(1))).toHaveLength(2);
    for (const id of ['run-1', 'job-1']) expect((await taskOf(id))?.prLinks).toEqual([pageOf(1)]);
    expect((await taskOf('job-1'))?.status).toBe('success');
    const [, pairs = []] = (await connection.xrevrange(KEYS.events, '+', '-', 'COUNT', 1))[0] ?? [];
    expect(pairs).not.toContain('status');
    expect(pairs.slice(-2)).toEqual(['producer', 'github']);
  });

  it('stay apart in other commits and repositories, and where no commit is known', async () => {
    await links.appendRun(runOf('run-1'));
    await links.appendRun({ ...runOf('run-2'), commit: undefined });
    await links.appendPullRequest('github', headOf(1, { commit: 'd'.repeat(40) }));
    await links.appendPullRequest('github', headOf(1, { project: 'octo/fork' }));
    expect(await length()).toBe(2);
    expect(await links.appendPullRequest('github', headOf(1))).toHaveLength(1);
    expect((await taskOf('run-2'))?.prLinks).toEqual([]);
  });

  it('stay apart on two forges, though project and commit are the same', async () => {
    await links.appendRun(runOf('run-1'));
    expect(await links.appendPullRequest('gitea', headOf(1))).toEqual([]);
    await links.appendRun({ ...runOf('run-2', { prLinks: [pageOf(2)] }), forge: 'gitea' });
    await links.appendRun(runOf('run-3'));
    for (const id of ['run-1', 'run-3']) expect((await taskOf(id))?.prLinks).toEqual([]);
    expect((await taskOf('run-2'))?.prLinks).toEqual([pageOf(1), pageOf(2)]);
  });

  it('have a link in common as soon as one run brings it', async () => {
    await links.appendRun(runOf('job-1'));
    await links.appendRun(runOf('run-1', { prLinks: [pageOf(2)] }));
    await links.appendRun(runOf('job-2'));
    for (const id of ['job-1', 'run-1', 'job-2']) {
      expect((await taskOf(id))?.prLinks).toEqual([pageOf(2)]);
    }
  });

  it('keep the links of a run whose commit nobody knows', async () => {
    await links.appendRun({ ...runOf('run-1', { prLinks: [pageOf(2)] }), commit: undefined });
    expect((await taskOf('run-1'))?.prLinks).toEqual([pageOf(2)]);
  });

  it('add up, and are told again only when there is more', async () => {
    await links.appendRun(runOf('run-1', { prLinks: [pageOf(1)] }));
    await links.appendPullRequest('github', headOf(2));
    expect((await taskOf('run-1'))?.prLinks).toEqual([pageOf(1), pageOf(2)]);
    const before = await length();
    for (const number of [1, 2, 2]) {
      expect(await links.appendPullRequest('github', headOf(number))).toEqual([]);
    }
    await links.appendRun(runOf('run-1', { prLinks: [pageOf(2)] }, 1));
    expect(await length()).toBe(before + 1);
    expect((await taskOf('run-1'))?.prLinks).toEqual([pageOf(1), pageOf(2)]);
  });

  it('are 50 at most, the same ones for each run', async () => {
    await links.appendRun(runOf('run-1'));
    for (let number = 1; number <= 55; number += 1) {
      await links.appendPullRequest('github', headOf(number));
    }
    await links.appendRun(runOf('run-2'));
    const before = await length();
    await links.appendPullRequest('github', headOf(55));
    expect(await length()).toBe(before);
    expect((await taskOf('run-1'))?.prLinks).toHaveLength(50);
    expect((await taskOf('run-1'))?.prLinks).toEqual((await taskOf('run-2'))?.prLinks);
  });

  it('do not move a task up that happened after the pull request was opened', async () => {
    await links.appendRun(runOf('run-1'));
    await links.appendPullRequest('github', headOf(1));
    expect((await taskOf('run-1'))?.occurredAt).toBe('2026-11-20T12:00:00.000Z');
  });

  it('are known for a month', async () => {
    await links.appendPullRequest('github', headOf(1));
    await links.appendRun(runOf('run-1'));
    const month = 30 * 24 * 60 * 60;
    const { executionsOf, pullRequestsOf } = KEYS.intake;
    const commit = ['github', PROJECT, COMMIT] as const;
    for (const key of [executionsOf(...commit), pullRequestsOf(...commit)]) {
      expect(await connection.ttl(key)).toBeGreaterThan(month - 60);
      expect(await connection.ttl(key)).toBeLessThanOrEqual(month);
    }
    expect(await connection.keys('*')).toHaveLength(
      (await connection.keys('task-intake:*')).length + 1,
    );
    for (const key of await connection.keys('task-intake:*')) {
      expect(await connection.ttl(key)).toBeGreaterThan(0);
    }
  });
});

/** Lets one step to Redis be taken at a time, in an order that is given. */
class Turns {
  readonly #waiting: (() => void)[] = [];

  take(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** @param pick which of so many that wait goes on */
  async run(works: readonly (() => Promise<unknown>)[], pick: (count: number) => number) {
    let unfinished = works.length;
    const finished = works.map((work) => work().finally(() => (unfinished -= 1)));
    const all = Promise.allSettled(finished);
    while (unfinished > 0) {
      if (this.#waiting.length < unfinished) await setImmediate();
      else this.#waiting.splice(pick(this.#waiting.length), 1)[0]?.();
    }
    for (const { reason } of (await all).filter((each) => each.status === 'rejected')) throw reason;
  }
}

/** Waits for its turn, and loses answers. */
class UnreliableAppender extends Appender {
  readonly #turns: Turns;
  readonly #isLost: () => boolean;

  constructor(connection: Redis, turns: Turns, isLost: () => boolean) {
    super({ redis: connection, keys: KEYS });
    this.#turns = turns;
    this.#isLost = isLost;
  }

  override async retry<T>(ask: () => Promise<T>): Promise<T> {
    await this.#turns.take();
    const answer = await super.retry(ask);
    if (this.#isLost()) throw new IntakeUnavailableError('the answer was lost');
    return answer;
  }
}

describe('the law of links', () => {
  const number = fc.integer({ min: 1, max: 3 });
  const webhook = fc.oneof(
    fc.record({
      kind: fc.constant('run' as const),
      run: fc.integer({ min: 1, max: 2 }),
      place: fc.integer({ min: 0, max: 1 }),
      own: fc.uniqueArray(number, { maxLength: 1 }),
    }),
    fc.record({ kind: fc.constant('pull_request' as const), number }),
  );
  type Webhook = typeof webhook extends fc.Arbitrary<infer W> ? W : never;
  const runWithout: Webhook = { kind: 'run', run: 1, place: 2, own: [] };
  const firstHead: Webhook = { kind: 'pull_request', number: 1 };

  const send = async (links: CommitLinks, each: Webhook) => {
    if (each.kind === 'pull_request') {
      return await links.appendPullRequest('github', headOf(each.number));
    }
    const prLinks = each.own.length > 0 ? each.own.map(pageOf) : undefined;
    // Another delivery where it says something else.
    const place = each.place * 10 + (each.own[0] ?? 0);
    return await links.appendRun(runOf(`run-${each.run}`, { prLinks }, place));
  };

  const sendUntilAnswered = async (links: CommitLinks, each: Webhook) => {
    while (true) {
      try {
        return await send(links, each);
      } catch (error) {
        if (!(error instanceof IntakeUnavailableError)) throw error;
      }
    }
  };

  const linksIn = (webhooks: readonly Webhook[]) =>
    webhooks.flatMap((each) => (each.kind === 'run' ? each.own : [each.number])).map(pageOf);

  it('once all webhooks are answered, each run of a commit has all links, and none is told twice', async () => {
    const connection = redis.connect();
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom([], [runWithout], [runWithout, firstHead], [firstHead]),
        fc.array(webhook, { minLength: 1, maxLength: 3 }),
        fc.array(fc.nat(5), { minLength: 20, maxLength: 20 }),
        fc.oneof(fc.constant([]), fc.array(fc.boolean(), { maxLength: 12 })),
        async (before, atOnce, picks, losses) => {
          await connection.flushall();
          const turns = new Turns();
          const lost: boolean[] = [];
          const order = [...picks];
          const appender = new UnreliableAppender(connection, turns, () => lost.shift() ?? false);
          const links = new CommitLinks({ redis: connection, keys: KEYS, appender });
          const deliver = (webhooks: readonly Webhook[]) =>
            turns.run(
              webhooks.map((each) => () => sendUntilAnswered(links, each)),
              (count) => (order.shift() ?? 0) % count,
            );
          for (const each of before) await deliver([each]);
          lost.push(...losses);
          await deliver(atOnce);

          const { tasks, quarantined } = await foldAllEvents(connection, KEYS);
          const expected = [...new Set(linksIn([...before, ...atOnce]))].sort();
          expect(quarantined).toBe(0);
          for (const task of tasks.values()) expect(task.prLinks).toEqual(expected);

          const length = await connection.xlen(KEYS.events);
          await deliver([...atOnce, ...before]);
          expect(await connection.xlen(KEYS.events)).toBe(length);
        },
      ),
      { numRuns: 1500 },
    );
  }, 120_000);
});
