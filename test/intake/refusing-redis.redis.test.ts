import { createHmac } from 'node:crypto';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { Appender } from '../../src/intake/appender.ts';
import {
  type Forge,
  type IntakeObserver,
  IntakeUnavailableError,
} from '../../src/intake/intake.ts';
import { WebhookIntake } from '../../src/intake/webhooks/webhook-intake.ts';
import { connectForCommands } from '../../src/redis/connections.ts';
import { KEYS } from '../../src/redis/keys.ts';
import { anEvent } from '../fixtures/events.ts';
import { eventually } from '../fixtures/facts.ts';
import { useRedis } from '../fixtures/redis.ts';
import { aRequest, NOW_MS, openIntake } from './emitting.ts';
import { jobPayload, pullRequestPayload, runPayload } from './webhooks/payloads.ts';
import { giteaPayload } from './webhooks/webhook-corpus.ts';

const server = useRedis();

const SILENT: IntakeObserver = {
  onEvents: () => undefined,
  onUnmapped: () => undefined,
  onRateLimitsLocal: () => undefined,
};

type Ask = () => Promise<{ readonly kind: string }>;

/** One of each kind that ends in an append, all of them about one server's Redis. */
async function openAsks(
  giveUpMs: number,
  monotonicMs?: () => number,
): Promise<Record<string, Ask>> {
  const redis = connectForCommands({ url: server.url, name: 'intake', onError: () => undefined });
  onTestFinished(() => redis.disconnect());
  await redis.connect();
  const webhooks = new WebhookIntake({
    redis,
    keys: KEYS,
    appender: new Appender({ redis, keys: KEYS, giveUpMs, monotonicMs }),
    secrets: { github: ['s'], gitea: ['s'] },
    observer: SILENT,
    nowMs: () => NOW_MS,
  });
  const webhook = (forge: Forge, name: string, payload: unknown) => () => {
    const body = Buffer.from(JSON.stringify(payload));
    const headers: Record<string, string> = {
      [`x-${forge}-event`]: name,
      [`x-${forge}-delivery`]: 'd-1',
      'x-hub-signature-256': `sha256=${createHmac('sha256', 's').update(body).digest('hex')}`,
    };
    const header = (key: string) => headers[key];
    return webhooks.accept({ forge, header, body, admit: async () => undefined });
  };
  const { intake } = openIntake(redis, { giveUpMs, monotonicMs });
  return {
    'a run': webhook('github', 'workflow_run', runPayload()),
    'a run of a pull request': webhook(
      'github',
      'workflow_run',
      runPayload({ head_sha: 'a'.repeat(40), pull_requests: [{ number: 3 }] }),
    ),
    'a job': webhook('github', 'workflow_job', jobPayload()),
    'a pull request': webhook('github', 'pull_request', pullRequestPayload()),
    'a commit status': webhook('gitea', 'status', giteaPayload('status.pending-1.24.json')),
    'a payload that is parked': webhook('github', 'workflow_run', {}),
    events: () => intake.accept(aRequest([anEvent()])),
    'events to look up': () => {
      const { project: _, ...event } = anEvent();
      return intake.accept(aRequest([event]));
    },
    'events of a request with a key': () =>
      intake.accept(aRequest([anEvent()], { idempotencyKey: 'k' })),
  };
}

const KINDS = [
  'a run',
  'a run of a pull request',
  'a job',
  'a pull request',
  'a commit status',
  'a payload that is parked',
  'events',
  'events of a request with a key',
];

const AILMENTS = {
  OOM: {
    begin: () => server.connect().config('SET', 'maxmemory', '1'),
    end: () => server.connect().config('SET', 'maxmemory', '0'),
  },
  READONLY: {
    begin: () => server.connect().replicaof('127.0.0.1', 1),
    end: () => server.connect().replicaof('NO', 'ONE'),
  },
  NOREPLICAS: {
    begin: () => server.connect().config('SET', 'min-replicas-to-write', '1'),
    end: () => server.connect().config('SET', 'min-replicas-to-write', '0'),
  },
} as const;

describe.each(Object.entries(AILMENTS))('a Redis that says %s', (code, { begin, end }) => {
  beforeEach(async () => {
    await server.connect().config('RESETSTAT');
    await begin();
    return async () => {
      await end();
    };
  });

  test('makes each of them unavailable, with the cause', async () => {
    const asks = await openAsks(1000);
    // After a READONLY the connection is made anew, and the last attempt may meet it on its way.
    const causes = code === 'READONLY' ? /^(READONLY|Stream|Connection)/ : new RegExp(`^${code} `);
    const failures = await Promise.all(
      KINDS.map(async (kind) => await asks[kind]?.().catch((error: unknown) => error)),
    );
    for (const [place, failure] of failures.entries()) {
      expect(failure, KINDS[place]).toBeInstanceOf(IntakeUnavailableError);
      const cause = { message: expect.stringMatching(causes) };
      expect(failure, KINDS[place]).toMatchObject({ cause });
    }
  });

  test.for(KINDS)('is waited for by %s', async (kind) => {
    const asks = await openAsks(20_000);
    const answer = asks[kind]?.();
    const stats = async () => String(await server.connect().info('errorstats'));
    await eventually(async () => expect(await stats()).toContain(`errorstat_${code}`));
    await end();
    expect((await answer)?.kind).toBe('results');
  });
});

test.for([
  ['a pull request', ['a run of a pull request', 'a job'], 3],
  ['events to look up', ['events'], 1],
] as const)('the steps of %s together have the time of one', async ([kind, before, steps]) => {
  const prepared = await openAsks(5000);
  for (const each of before) await prepared[each]?.();
  // Each look at the clock is a second after the one before: the first begins the request, and there
  // is one for each step.
  let looks = 0;
  const monotonicMs = () => {
    looks += 1;
    return looks * 1000;
  };
  const tooShort = await openAsks(steps * 1000 + 500, monotonicMs);
  await expect(tooShort[kind]?.()).rejects.toThrow(IntakeUnavailableError);
  expect(looks).toBe(steps + 2);
  expect((await (await openAsks(60_000, monotonicMs))[kind]?.())?.kind).toBe('results');
});
