import { createHmac, randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, it } from 'vitest';
import { foldAllEvents } from '../../../src/demo/expected-tasks.ts';
import { Appender } from '../../../src/intake/appender.ts';
import {
  type Forge,
  IntakeUnavailableError,
  type WebhookAnswer,
  type WebhookRequest,
} from '../../../src/intake/intake.ts';
import { WebhookIntake } from '../../../src/intake/webhooks/webhook-intake.ts';
import { connectForCommands } from '../../../src/redis/connections.ts';
import { KEYS } from '../../../src/redis/keys.ts';
import { useRedis } from '../../fixtures/redis.ts';
import { checkPayload, jobPayload, pullRequestPayload, runPayload } from './payloads.ts';
import { GITEA_CORPUS, GITHUB_CORPUS, giteaPayload } from './webhook-corpus.ts';

const redis = useRedis();

const SECRETS = { github: ['old', 'new'], gitea: ['tea'] };
const NOW_MS = Date.parse('2026-11-20T13:00:00Z');
const FORM = 'application/x-www-form-urlencoded';

interface Delivery {
  readonly forge?: Forge;
  readonly name?: string;
  readonly id?: string | undefined;
  readonly payload?: unknown;
  readonly body?: string;
  readonly secret?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly admit?: () => Promise<void>;
}

/** A request as a forge would send it. */
function deliver(delivery: Delivery): WebhookRequest {
  const { forge = 'github', name = 'workflow_run', payload = runPayload() } = delivery;
  const { secret = SECRETS[forge][0] as string } = delivery;
  const id = 'id' in delivery ? delivery.id : 'd-1';
  const body = Buffer.from(delivery.body ?? JSON.stringify(payload));
  const digits = createHmac('sha256', secret).update(body).digest('hex');
  const headers: Record<string, string | undefined> = {
    'content-type': 'application/json',
    [`x-${forge}-event`]: name,
    [`x-${forge}-delivery`]: id,
    'x-hub-signature-256': `sha256=${digits}`,
    ...(forge === 'gitea' && { 'x-gitea-signature': digits }),
    ...delivery.headers,
  };
  const admit = delivery.admit ?? (async () => {});
  return { forge, header: (key) => headers[key], body, admit };
}

const idOf = (answer: WebhookAnswer) =>
  answer.kind === 'results' ? answer.results.map((result) => 'id' in result && result.id) : answer;

describe('WebhookIntake', () => {
  let connection: Redis;
  let seen: string[];

  const createIntake = (client: Redis, giveUpMs?: number) =>
    new WebhookIntake({
      redis: client,
      keys: KEYS,
      appender: new Appender({ redis: client, keys: KEYS, giveUpMs }),
      secrets: SECRETS,
      observer: {
        onEvents: (source, outcome, count) => seen.push(`${source} ${outcome} ${count}`),
        onUnmapped: (source, webhook, { field }) => seen.push(`${source} ${webhook} ${field}`),
        onRateLimitsLocal: () => undefined,
      },
      nowMs: () => NOW_MS,
    });

  const accept = (delivery: Delivery) => createIntake(connection).accept(deliver(delivery));
  const lengths = async () => [
    await connection.xlen(KEYS.events),
    await connection.xlen(KEYS.quarantine),
  ];
  const taskOf = async (executionId: string) =>
    (await foldAllEvents(connection, KEYS)).tasks.get(executionId);

  beforeEach(() => {
    connection = redis.connect();
    seen = [];
  });

  it('appends what a webhook tells, and says under which id and by whom', async () => {
    const answer = await accept({});
    const [[id, pairs] = ['', []]] = await connection.xrange(KEYS.events, '-', '+');
    expect(answer).toEqual({ kind: 'results', results: [{ id }], reason: undefined });
    expect(pairs.slice(-2)).toEqual(['producer', 'github']);
    expect(await taskOf('github-run-octo~app-4711')).toMatchObject({ status: 'in_progress' });
    expect(seen).toEqual(['github appended 1']);
  });

  it('takes any of the secrets', async () => {
    for (const secret of SECRETS.github) {
      expect((await accept({ secret, id: secret })).kind).toBe('results');
    }
  });

  it('refuses what nobody of them signed before it admits or reads anything', async () => {
    let admitted = 0;
    const admit = async () => {
      admitted += 1;
    };
    const bad: Delivery[] = [
      { secret: 'guessed' },
      { secret: 'tea' },
      { headers: { 'x-hub-signature-256': '' } },
      { body: '{', secret: 'guessed' },
      { forge: 'gitea', secret: 'old' },
    ];
    for (const delivery of bad) {
      expect(await accept({ ...delivery, admit })).toEqual({ kind: 'bad_signature' });
    }
    expect([admitted, ...(await lengths())]).toEqual([0, 0, 0]);
    await accept({ admit });
    expect(admitted).toBe(1);
  });

  it('appends nothing where the request is not admitted, and says why as it was said', async () => {
    const limited = new Error('slow down');
    await expect(accept({ admit: () => Promise.reject(limited) })).rejects.toBe(limited);
    expect(await lengths()).toEqual([0, 0]);
  });

  it('appends a delivery once, whenever it comes again', async () => {
    const first = idOf(await accept({}));
    expect(idOf(await accept({}))).toEqual(first);
    expect(idOf(await accept({ payload: runPayload({ status: 'queued' }) }))).toEqual(first);
    expect(await lengths()).toEqual([1, 0]);
    expect(seen).toEqual(['github appended 1', 'github repeated 1', 'github repeated 1']);
    expect(idOf(await accept({ id: 'd-2', payload: runPayload({ id: 1 }) }))).not.toEqual(first);
    expect(idOf(await accept({ forge: 'gitea', ...giteaStatus() }))).not.toEqual(first);
  });

  it('knows contents again under another delivery id, however they are wrapped', async () => {
    const payload = runPayload();
    const first = idOf(await accept({ payload }));
    const later = runPayload({ status: 'completed', conclusion: 'success' });
    await accept({ id: 'd-2', payload: later });
    expect(idOf(await accept({ id: 'd-3', payload }))).toEqual(first);
    const body = new URLSearchParams({ payload: JSON.stringify(payload) }).toString();
    for (const [id, form] of Object.entries({ 'd-4': body, 'd-5': `more=1&${body}` })) {
      const again = await accept({ id, body: form, headers: { 'content-type': FORM } });
      expect(idOf(again)).toEqual(first);
    }
    expect(await lengths()).toEqual([2, 0]);
    expect((await taskOf('github-run-octo~app-4711'))?.status).toBe('success');
    // Of a form of Gitea the rest is not signed, and what is may come as it is.
    const { name, payload: status } = giteaStatus();
    const json = JSON.stringify(status);
    const headers = {
      'content-type': FORM,
      'x-gitea-signature': createHmac('sha256', 'tea').update(json).digest('hex'),
    };
    const ids = new Set<string>();
    for (const more of ['', '&more=1', '&more=2']) {
      const gitea = { forge: 'gitea', name, headers, id: `g${more}` } as const;
      const form = `${new URLSearchParams({ payload: json })}${more}`;
      ids.add(JSON.stringify(idOf(await accept({ ...gitea, body: form }))));
    }
    ids.add(JSON.stringify(idOf(await accept({ forge: 'gitea', name, body: json, id: 'g' }))));
    expect(ids.size).toBe(1);
    expect(await lengths()).toEqual([3, 0]);
  });

  it('keeps contents that it cannot read once, whatever their delivery and type are said to be', async () => {
    const payload = runPayload({ id: 'not a number' });
    for (const [place, name] of ['workflow_run', 'workflow_job', 'workflow_run'].entries()) {
      await accept({ id: `d-${place}`, name, payload });
    }
    expect(await lengths()).toEqual([0, 1]);
  });

  it('appends what was kept because somebody gave it another type', async () => {
    await accept({ id: 'd-0', name: 'workflow_job' });
    await accept({ id: 'd-1' });
    expect(await lengths()).toEqual([1, 1]);
  });

  it('knows a delivery without an id by its body', async () => {
    const first = idOf(await accept({ id: undefined }));
    expect(idOf(await accept({ id: undefined }))).toEqual(first);
    expect(idOf(await accept({ id: undefined, payload: runPayload({ id: 1 }) }))).not.toEqual(
      first,
    );
  });

  it('appends a delivery once, however many servers get it at the same time', async () => {
    const servers = [0, 1, 2].map(() => createIntake(redis.connect()));
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, i) => servers[i % 3]?.accept(deliver({}))),
    );
    const ids = new Set(answers.map((answer) => JSON.stringify(answer)));
    expect(ids.size).toBe(1);
    expect(await lengths()).toEqual([1, 0]);
    expect(seen.filter((line) => line === 'github appended 1')).toHaveLength(1);
  });

  it('takes a form with the JSON in its field payload', async () => {
    const payload = JSON.stringify(runPayload({ display_title: 'Größe & co' }));
    const body = new URLSearchParams({ payload }).toString();
    expect((await accept({ body, headers: { 'content-type': FORM } })).kind).toBe('results');
    expect((await taskOf('github-run-octo~app-4711'))?.taskName).toBe('Größe & co');
    const without = { body: 'a=1', headers: { 'content-type': FORM } };
    expect(await accept(without)).toMatchObject({ kind: 'invalid_body' });
  });

  it('has no use for a signed body that is not JSON', async () => {
    expect(await accept({ body: '{"a":' })).toMatchObject({ kind: 'invalid_body' });
    expect(await lengths()).toEqual([0, 0]);
  });

  it('says which types tell of no task, and why a webhook of another type tells nothing', async () => {
    for (const name of ['ping', 'push']) {
      expect(await accept({ name })).toMatchObject({ kind: 'unmapped' });
    }
    expect(await accept({ payload: runPayload({ status: 'paused' }) })).toEqual({
      kind: 'results',
      results: [],
      reason: 'the status of this workflow_run is none that is known',
    });
    expect(await accept({ name: 'pull_request', payload: pullRequestPayload() })).toEqual({
      kind: 'results',
      results: [],
      reason: 'no run of this commit lacks the link',
    });
    expect([seen, await lengths()]).toEqual([[], [0, 0]]);
  });

  it('reads type, delivery and signature of Gitea and of Forgejo under their own names', async () => {
    const { name, payload } = giteaStatus();
    const request = deliver({ forge: 'gitea', name, payload });
    const digits = request.header('x-gitea-signature') as string;
    const forgejo: Record<string, string> = {
      'x-forgejo-event': name,
      'x-forgejo-delivery': 'd-1',
      'x-forgejo-signature': digits,
      'x-github-event': 'push',
    };
    const first = await createIntake(connection).accept(request);
    const again = await createIntake(connection).accept({
      ...request,
      header: (key) => forgejo[key],
    });
    expect(idOf(again)).toEqual(idOf(first));
    expect(await lengths()).toEqual([1, 0]);
  });

  it('refuses what does not say its type, and reads it under the name that Gogs gives it', async () => {
    const { name, payload } = giteaStatus();
    const nameless = deliver({ forge: 'gitea', name: '', payload });
    const untyped = { ...nameless, header: (key: string) => nameless.header(key) || undefined };
    expect(await createIntake(connection).accept(untyped)).toMatchObject({ kind: 'invalid_body' });
    const header = (key: string) => (key === 'x-gogs-event' ? name : untyped.header(key));
    expect(await createIntake(connection).accept({ ...untyped, header })).toMatchObject({
      kind: 'results',
    });
    expect(await lengths()).toEqual([1, 0]);
  });

  it('keeps a payload whole that it cannot read, once, and answers that it did', async () => {
    const payload = { ...runPayload({ id: 'not a number' }), extra: 'größe' };
    const answer = await accept({ payload });
    expect(answer).toEqual({
      kind: 'results',
      results: [
        {
          error: {
            field: 'workflow_run.id',
            reason: 'unmapped_payload',
            detail: expect.stringMatching(/; the payload was kept in the quarantine$/),
          },
        },
      ],
      reason: undefined,
    });
    expect(await accept({ payload })).toEqual(answer);
    expect(await lengths()).toEqual([0, 1]);
    const [[, pairs] = ['', []]] = await connection.xrange(KEYS.quarantine, '-', '+');
    expect(pairs).toEqual([
      ...['webhook', 'github', 'name', 'workflow_run', 'delivery', 'd-1'],
      ...['payload', JSON.stringify(payload), 'reason', 'unmapped_payload'],
      ...['field', 'workflow_run.id', 'detail', expect.any(String), 'sourceId', ''],
    ]);
    expect(seen).toEqual([
      'github quarantined 1',
      'github workflow_run workflow_run.id',
      'github repeated 1',
    ]);
  });

  it('keeps what it can read but nobody could apply, too', async () => {
    const updated_at = '2026-11-23T12:00:00Z';
    expect(await accept({ payload: runPayload({ updated_at }) })).toMatchObject({
      results: [{ error: { field: 'occurredAt', reason: 'unmapped_payload' } }],
    });
    expect(await accept({ id: 'x'.repeat(300) })).toMatchObject({
      results: [{ error: { reason: 'unmapped_payload' } }],
    });
    expect(await lengths()).toEqual([0, 2]);
  });

  it('keeps what two forges name the same', async () => {
    for (const forge of ['github', 'gitea'] as const) await accept({ forge, payload: {} });
    expect(await lengths()).toEqual([0, 2]);
  });

  it('links a pull request that is opened before, after or while its runs are told', async () => {
    const head_sha = 'a'.repeat(40);
    const pull = { name: 'pull_request', payload: pullRequestPayload() };
    const runs: Delivery[] = [
      { payload: runPayload({ head_sha }) },
      { name: 'workflow_job', payload: jobPayload({ head_sha }) },
      { name: 'check_run', payload: checkPayload({ head_sha }) },
    ];
    const orders = [
      [pull, ...runs],
      [...runs, pull],
      [...runs, pull, ...runs, pull],
    ];
    const link = 'https://github.com/octo/app/pull/2';
    const servers = [createIntake(redis.connect()), createIntake(redis.connect())];
    for (const order of orders) {
      for (const isAtOnce of [false, true]) {
        await connection.flushall();
        const works = order.map((delivery, place) => {
          const work = () => servers[place % 2]?.accept(deliver({ ...delivery, id: randomUUID() }));
          return work;
        });
        if (isAtOnce) await Promise.all(works.map((work) => work()));
        else for (const work of works) await work();
        const { tasks, quarantined } = await foldAllEvents(connection, KEYS);
        expect(quarantined).toBe(0);
        expect([...tasks.values()].map(({ prLinks }) => prLinks)).toEqual([[link], [link], [link]]);
      }
    }
  });

  it('makes no event that is refused later of a pull request whose clock is ahead', async () => {
    const head_sha = 'a'.repeat(40);
    await accept({ payload: runPayload({ head_sha }) });
    const created_at = '2030-01-01T00:00:00Z';
    await accept({ name: 'pull_request', payload: pullRequestPayload({ created_at }) });
    const { tasks, quarantined } = await foldAllEvents(connection, KEYS);
    expect(quarantined).toBe(0);
    expect([...tasks.values()][0]?.occurredAt).toBe('2026-11-20T13:00:00.000Z');
  });

  it('tells one task of a job that is told as workflow_job and as check_run, in any order', async () => {
    const actions = { app: { slug: 'github-actions' }, id: 815, name: 'test' };
    const ended = {
      status: 'completed',
      conclusion: 'failure',
      completed_at: '2026-11-20T12:09:00Z',
    };
    const steps = [{ name: 'Run the tests', conclusion: 'failure' }];
    const told: Delivery[] = [
      { name: 'check_run', payload: checkPayload({ ...actions, status: 'queued' }) },
      { name: 'workflow_job', payload: jobPayload({ run_attempt: 2 }) },
      { name: 'workflow_job', payload: jobPayload({ ...ended, steps, run_attempt: 2 }) },
      { name: 'check_run', payload: checkPayload({ ...actions, ...ended }) },
    ];
    const orders = [
      [0, 1, 2, 3],
      [0, 1, 3, 2],
      [1, 0, 3, 2],
      [3, 0, 1, 2],
    ];
    for (const order of orders) {
      await connection.flushall();
      for (const place of order) await accept({ ...told[place], id: `d-${place}` });
      const { tasks, quarantined } = await foldAllEvents(connection, KEYS);
      expect([tasks.size, quarantined]).toEqual([1, 0]);
      expect(tasks.get('github-job-octo~app-815')).toMatchObject({
        status: 'error',
        taskName: 'test',
        attempt: 2,
        flow: 'CI',
        message: 'failure: Run the tests',
        finishedAt: '2026-11-20T12:09:00.000Z',
      });
    }
  });

  it('takes the whole corpus, twice, and quarantines none of it', async () => {
    const corpus = [...GITHUB_CORPUS, ...GITEA_CORPUS];
    const intake = createIntake(connection);
    for (const round of [1, 2]) {
      for (const [place, { forge, name, payload }] of corpus.entries()) {
        const answer = await intake.accept(deliver({ forge, name, payload, id: `d-${place}` }));
        expect(answer.kind).toBe('results');
      }
      if (round === 1) seen = [];
    }
    const { quarantined } = await foldAllEvents(connection, KEYS);
    expect(quarantined).toBe(0);
    expect((await lengths())[1]).toBe(0);
    expect(seen.filter((line) => !line.includes('repeated'))).toEqual([]);
  });

  it('says that nothing can be appended while Redis is away, and takes the same afterwards', async () => {
    const client = connectForCommands({ url: redis.url, name: 'test', onError: () => undefined });
    await client.connect();
    try {
      const intake = createIntake(client, 200);
      await redis.server.kill();
      await expect(intake.accept(deliver({}))).rejects.toThrow(IntakeUnavailableError);
      await expect(
        intake.accept(deliver({ name: 'pull_request', payload: pullRequestPayload() })),
      ).rejects.toThrow(IntakeUnavailableError);
      await redis.server.restart();
      const patient = createIntake(client, 10_000);
      expect((await patient.accept(deliver({}))).kind).toBe('results');
    } finally {
      client.disconnect();
    }
  });
});

function giteaStatus() {
  return { name: 'status', payload: giteaPayload('status.pending-1.24.json') };
}
