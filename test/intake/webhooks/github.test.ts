import { type TaskEventInput, TaskEventSchema } from '@tasktrail/contract';
import { describe, expect, it } from 'vitest';
import { loadRecordedWebhooks } from '../../../src/demo/recorded-webhooks.ts';
import { mapGithubWebhook } from '../../../src/intake/webhooks/github.ts';
import {
  checkPayload,
  deploymentPayload,
  jobPayload,
  pullRequestPayload,
  runPayload,
  suitePayload,
} from './payloads.ts';
import { GITHUB_CORPUS } from './webhook-corpus.ts';

function eventOf(...webhook: Parameters<typeof mapGithubWebhook>): TaskEventInput {
  const mapped = mapGithubWebhook(...webhook);
  if (mapped.kind !== 'event') throw new Error(`is ${JSON.stringify(mapped)}`);
  return mapped.event;
}

const runEvent = (...fields: Parameters<typeof runPayload>) =>
  eventOf('workflow_run', runPayload(...fields));
const jobEvent = (...fields: Parameters<typeof jobPayload>) =>
  eventOf('workflow_job', jobPayload(...fields));
const checkEvent = (...fields: Parameters<typeof checkPayload>) =>
  eventOf('check_run', checkPayload(...fields));
const suiteEvent = (...fields: Parameters<typeof suitePayload>) =>
  eventOf('check_suite', suitePayload(...fields));
const deploymentEvent = (...fields: Parameters<typeof deploymentPayload>) =>
  eventOf('deployment_status', deploymentPayload(...fields));

describe('recorded webhooks', async () => {
  const recorded = await loadRecordedWebhooks();

  it('are followed in what they are, not in what their action says', () => {
    const contradiction = recorded.find(
      ({ payload }) => payload.action === 'completed' && payload.workflow_run?.status === 'queued',
    );
    expect(eventOf('workflow_run', contradiction?.payload)).toMatchObject({ status: 'queued' });
  });
});

describe('a workflow run', () => {
  it('is named by its title, and its flow by the workflow', () => {
    expect(runEvent()).toMatchObject({
      executionId: 'github-run-octo~app-4711',
      project: 'octo/app',
      taskName: 'Fix the build',
      flow: 'CI',
    });
    const bare = runEvent({ display_title: '' }, { workflow: null });
    expect(bare).toMatchObject({ taskName: 'Deploy', flow: 'Deploy' });
  });

  it('is started by who triggered this attempt, then by who triggered it first', () => {
    expect(runEvent().actor).toEqual({ provider: 'github', id: 'bo' });
    expect(runEvent({ triggering_actor: null }).actor?.id).toBe('cy');
    expect(runEvent({ triggering_actor: null, actor: null }).actor?.id).toBe('ana');
  });

  it('comes to each status at the time of its last update', () => {
    expect(runEvent({ status: 'queued' }).occurredAt).toBe('2026-11-20T12:00:02.000Z');
    expect(runEvent().occurredAt).toBe('2026-11-20T12:00:02.000Z');
    expect(runEvent({ status: 'completed', conclusion: 'stale' }).occurredAt).toBe(
      '2026-11-20T12:00:02.000Z',
    );
    expect(runEvent({ updated_at: null }).occurredAt).toBe('2026-11-20T12:00:01.000Z');
    const created = runEvent({ updated_at: null, run_started_at: null });
    expect(created.occurredAt).toBe('2026-11-20T12:00:00.000Z');
  });

  it('has the attempt of the run, where it is told', () => {
    expect(runEvent({ run_attempt: 3 }).attempt).toBe(3);
    expect(runEvent({ run_attempt: undefined }).attempt).toBeUndefined();
    expect(runEvent({ run_attempt: null }).attempt).toBeUndefined();
  });

  it('links its pull requests', () => {
    const url = 'https://api.github.com/repos/octo/app/pulls/2';
    expect(runEvent({ pull_requests: [{ url, number: 2 }] }).prLinks).toEqual([
      'https://github.com/octo/app/pull/2',
    ]);
    expect(runEvent().prLinks).toBeUndefined();
  });
});

describe('a workflow job', () => {
  it('is named by the job, and its flow by the workflow', () => {
    expect(jobEvent()).toMatchObject({
      executionId: 'github-job-octo~app-815',
      taskName: 'test',
      flow: 'CI',
      actor: { provider: 'github', id: 'ana' },
      attempt: 1,
    });
    expect(jobEvent({ workflow_name: null }).flow).toBeUndefined();
  });

  it('is queued when created, in progress when started, ended when completed', () => {
    const completed_at = '2026-11-20T12:00:09Z';
    const ended = { status: 'completed', conclusion: 'success', completed_at };
    expect(jobEvent({ status: 'queued' }).occurredAt).toBe('2026-11-20T12:00:00.000Z');
    expect(jobEvent().occurredAt).toBe('2026-11-20T12:00:01.000Z');
    expect(jobEvent(ended).occurredAt).toBe('2026-11-20T12:00:09.000Z');
    expect(jobEvent({ ...ended, completed_at: null }).occurredAt).toBe('2026-11-20T12:00:01.000Z');
    const old = jobEvent({ status: 'queued', created_at: undefined });
    expect(old.occurredAt).toBe('2026-11-20T12:00:01.000Z');
  });

  it('says which step failed', () => {
    const steps = [
      { name: 'Set up', conclusion: 'success' },
      null,
      { name: 'Run\r\nthe tests', conclusion: 'failure' },
      { name: 'Clean up', conclusion: 'failure' },
    ];
    const failed = { status: 'completed', conclusion: 'failure', steps };
    expect(jobEvent(failed).message).toBe('failure: Run the tests');
    expect(jobEvent({ ...failed, steps: null }).message).toBe('failure');
    expect(jobEvent({ ...failed, conclusion: 'success' }).message).toBeNull();
    expect(jobEvent({ steps }).message).toBeNull();
  });
});

describe('a check run', () => {
  it('is named by the check and belongs to no flow', () => {
    const event = checkEvent();
    expect(event).toMatchObject({ executionId: 'github-check-octo~app-99', taskName: 'lint' });
    expect(event.flow).toBeUndefined();
    expect(event.attempt).toBeUndefined();
  });

  it('is started by the sender, but for who only asks something of it', () => {
    expect(checkEvent().actor?.id).toBe('ana');
    expect(checkEvent({}, { action: 'completed' }).actor?.id).toBe('ana');
    expect(checkEvent({}, { action: 'rerequested' }).actor).toBeUndefined();
    expect(checkEvent({}, { action: 'requested_action' }).actor).toBeUndefined();
  });

  it('starts when it says so, and ends when completed', () => {
    const ended = { status: 'completed', conclusion: 'neutral' };
    const completed_at = '2026-11-20T12:00:09Z';
    expect(checkEvent({ status: 'queued' }).occurredAt).toBe('2026-11-20T12:00:01.000Z');
    expect(checkEvent().occurredAt).toBe('2026-11-20T12:00:01.000Z');
    expect(checkEvent({ ...ended, completed_at }).occurredAt).toBe('2026-11-20T12:00:09.000Z');
    expect(checkEvent(ended).occurredAt).toBe('2026-11-20T12:00:01.000Z');
  });

  it('says what the check says of itself', () => {
    const output = { title: '3 warnings' };
    expect(checkEvent({ output }).message).toBe('3 warnings');
    const ended = { status: 'completed', conclusion: 'neutral', output };
    expect(checkEvent(ended).message).toBe('neutral: 3 warnings');
    expect(checkEvent({ ...ended, conclusion: 'success' }).message).toBe('3 warnings');
  });
});

describe('a check run of Actions', () => {
  const actions = { app: { slug: 'github-actions', name: 'GitHub Actions' }, id: 815 };

  it('is the job of the same number: recorded jobs have it as their check run', () => {
    expect(checkEvent(actions).executionId).toBe(jobEvent().executionId);
    const other = checkEvent({ app: { slug: 'linter' }, id: 815 });
    expect(other.executionId).toBe('github-check-octo~app-815');
    const jobs = GITHUB_CORPUS.filter(({ name }) => name === 'workflow_job');
    const same = jobs.filter(
      ({ payload: { workflow_job: job } }) => job.check_run_url.split('/').at(-1) === `${job.id}`,
    );
    // In the other recordings the numbers were replaced, each by a made-up one.
    expect(same.length).toBeGreaterThan(3);
  });

  it('leaves to the job what only the job knows, and agrees with it in the rest', () => {
    const pull_requests = [{ url: 'https://api.github.com/repos/octo/app/pulls/2', number: 2 }];
    const output = { title: 'nothing to see' };
    const ended = { status: 'completed', conclusion: 'failure', name: 'test', pull_requests };
    const completed_at = '2026-11-20T12:00:09Z';
    const check = checkEvent({ ...actions, ...ended, completed_at, output });
    for (const field of ['attempt', 'flow', 'message'] as const) {
      expect(check[field]).toBeUndefined();
    }
    const job = jobEvent({ ...ended, completed_at });
    for (const field of ['status', 'occurredAt', 'taskName', 'actor', 'project'] as const) {
      expect(check[field]).toEqual(job[field]);
    }
    expect(check.prLinks).toEqual(['https://github.com/octo/app/pull/2']);
    expect(job.prLinks).toBeUndefined();
  });
});

describe('a check suite', () => {
  it('is named by its app', () => {
    expect(suiteEvent()).toMatchObject({
      executionId: 'github-suite-octo~app-77',
      taskName: 'Linter',
      status: 'in_progress',
      actor: { id: 'ana' },
      occurredAt: '2026-11-20T12:00:02.000Z',
    });
    expect(suiteEvent({ status: 'queued' }).occurredAt).toBe('2026-11-20T12:00:00.000Z');
    expect(suiteEvent({ app: null }).taskName).toBeUndefined();
  });

  it('is not started by who asks for it again', () => {
    expect(suiteEvent({}, { action: 'rerequested' }).actor).toBeUndefined();
  });

  it('is ignored while nothing is in it, and when it is of Actions', () => {
    const payloads = [
      suitePayload({ status: null }),
      suitePayload({ app: { slug: 'github-actions', name: 'GitHub Actions' } }),
    ];
    const reasons = payloads.map((payload) => mapGithubWebhook('check_suite', payload));
    expect(reasons).toEqual([
      { kind: 'ignored', reason: expect.stringContaining('none that is known') },
      { kind: 'ignored', reason: expect.stringContaining('workflow_run') },
    ]);
  });
});

describe('a deployment status', () => {
  it('tells of its deployment, which is one task from its first status to its last', () => {
    expect(deploymentEvent()).toEqual({
      executionId: 'github-deployment-octo~app-31',
      occurredAt: '2026-11-20T12:00:03.000Z',
      project: 'octo/app',
      status: 'in_progress',
      taskName: 'deploy to production',
      actor: { provider: 'github', id: 'dee' },
      message: null,
    });
    const later = deploymentEvent({ id: 6, state: 'success' });
    expect(later.executionId).toBe('github-deployment-octo~app-31');
  });

  const STATES = {
    pending: 'queued',
    queued: 'queued',
    waiting: 'queued',
    in_progress: 'in_progress',
    success: 'success',
    failure: 'error',
    error: 'error',
  };
  for (const [state, status] of Object.entries(STATES)) {
    it(`takes ${state} for ${status}`, () => {
      expect(deploymentEvent({ state }).status).toBe(status);
    });
  }

  it('ignores that another took its place, and states of the future', () => {
    const mapped = (state: string) =>
      mapGithubWebhook('deployment_status', deploymentPayload({ state }));
    const reason = expect.stringContaining('another deployment');
    expect(mapped('inactive')).toEqual({ kind: 'ignored', reason });
    for (const state of ['destroyed', '', 'constructor']) {
      expect(mapped(state).kind).toBe('ignored');
    }
  });

  it('says what it was given to say, else what the status does not', () => {
    expect(deploymentEvent({ state: 'failure', description: 'No space left' }).message).toBe(
      'No space left',
    );
    expect(deploymentEvent({ state: 'failure', description: '' }).message).toBe('failure');
    expect(deploymentEvent({ state: 'waiting' }).message).toBe('waiting');
  });

  it('is named by what is known of task and environment', () => {
    const named = (task: unknown, environment: unknown) =>
      deploymentEvent({}, { task, environment }).taskName;
    expect(named('deploy:migrations', 'staging')).toBe('deploy:migrations to staging');
    expect(named('deploy', null)).toBe('deploy');
    expect(named(undefined, 'staging')).toBe('staging');
    expect(named(null, null)).toBeUndefined();
  });

  it('belongs to the workflow that it comes from, where there is one', () => {
    expect(deploymentEvent({}, {}, { workflow: { name: 'Release' } }).flow).toBe('Release');
  });
});

describe('a pull request', () => {
  it('is told with its head, whatever the action', () => {
    for (const action of ['opened', 'synchronize', 'closed', 'labeled', 'whatever']) {
      expect(mapGithubWebhook('pull_request', pullRequestPayload({}, { action }))).toEqual({
        kind: 'pull_request',
        pullRequest: {
          project: 'octo/app',
          commit: 'a'.repeat(40),
          url: 'https://github.com/octo/app/pull/2',
          openedAt: '2026-11-20T11:00:00.000Z',
        },
      });
    }
  });
});

describe('the commit of an event', () => {
  const commitOf = (name: string, payload: unknown) => {
    const mapped = mapGithubWebhook(name, payload);
    return mapped.kind === 'event' ? mapped.commit : mapped.kind;
  };

  it('is the head of what ran, and what was deployed', () => {
    const head_sha = 'b'.repeat(64);
    expect(commitOf('workflow_run', runPayload({ head_sha }))).toBe(head_sha);
    expect(commitOf('workflow_job', jobPayload({ head_sha }))).toBe(head_sha);
    expect(commitOf('check_run', checkPayload({ head_sha }))).toBe(head_sha);
    expect(commitOf('check_suite', suitePayload({ head_sha }))).toBe(head_sha);
    expect(commitOf('deployment_status', deploymentPayload({}, { sha: head_sha }))).toBe(head_sha);
  });

  it('is left out where it is none, which is not worth losing the event', () => {
    for (const head_sha of [undefined, null, '', 'main', 'b'.repeat(41), 'g'.repeat(40), 7, {}]) {
      expect(commitOf('workflow_run', runPayload({ head_sha }))).toBeUndefined();
    }
  });
});

describe('every event', () => {
  it('says of a status what the status alone does not, and clears what was said before', () => {
    expect(runEvent({ status: 'waiting' }).message).toBe('waiting');
    expect(runEvent().message).toBeNull();
    expect(runEvent({ status: 'completed', conclusion: 'timed_out' }).message).toBe('timed out');
    expect(runEvent({ status: 'completed', conclusion: 'success' }).message).toBeNull();
  });

  it('has its delivery as its id, where there is one', () => {
    const of = (id?: string) => eventOf('check_run', checkPayload(), { id }).eventId;
    expect(of('72d3162e-cc78-11e3-81ab-4c9367dc0958')).toBe(
      'github:72d3162e-cc78-11e3-81ab-4c9367dc0958',
    );
    expect(of(undefined)).toBeUndefined();
    expect(of('')).toBeUndefined();
    expect(checkEvent().eventId).toBeUndefined();
  });

  it('has texts cut to the limits of the contract', () => {
    const name = '😀'.repeat(3000);
    const event = jobEvent({
      name,
      workflow_name: name,
      status: 'completed',
      conclusion: 'failure',
      steps: [{ name, conclusion: 'failure' }],
    });
    expect(event.taskName).toHaveLength(299);
    expect(event.flow).toHaveLength(99);
    expect(event.message).toHaveLength(2000);
    expect(TaskEventSchema.safeParse(event).success).toBe(true);
  });

  it('does without names, people and titles', () => {
    const event = runEvent(
      { name: null, display_title: null, triggering_actor: null, actor: null },
      { sender: undefined, workflow: undefined },
    );
    expect(event.taskName).toBeUndefined();
    expect(event.flow).toBeUndefined();
    expect(event.actor).toBeUndefined();
  });

  it('calls a person as they call themselves, and by their login', () => {
    const sender = { login: 'renovate[bot]', name: 'Renovate\n' };
    expect(jobEvent({}, { sender }).actor).toEqual({
      provider: 'github',
      id: 'renovate[bot]',
      displayName: 'Renovate',
    });
  });
});

describe('a webhook that is no event', () => {
  it('is unmapped when its type tells of no task', () => {
    for (const name of ['push', 'ping', 'status', '', 'constructor', '__proto__']) {
      expect(mapGithubWebhook(name, runPayload()).kind).toBe('unmapped');
    }
  });

  it('is ignored when its status is none that is known', () => {
    const mapped = mapGithubWebhook('workflow_run', runPayload({ status: 'paused' }));
    expect(mapped).toEqual({
      kind: 'ignored',
      reason: 'the status of this workflow_run is none that is known',
    });
  });

  const faults: readonly [field: string, name: string, payload: unknown][] = [
    ['', 'workflow_run', null],
    ['', 'workflow_run', []],
    ['workflow_run', 'workflow_run', jobPayload()],
    ['workflow_run.id', 'workflow_run', runPayload({ id: '4711' })],
    ['workflow_run.id', 'workflow_run', runPayload({ id: 2 ** 53 })],
    ['workflow_run.id', 'workflow_run', runPayload({ id: -1 })],
    ['workflow_run.status', 'workflow_run', runPayload({ status: null })],
    ['workflow_run.run_attempt', 'workflow_run', runPayload({ run_attempt: 0 })],
    ['workflow_run.updated_at', 'workflow_run', runPayload({ updated_at: 'yesterday' })],
    ['workflow_run.conclusion', 'workflow_run', runPayload({ status: 'completed' })],
    ['workflow_job', 'workflow_job', jobPayload({ created_at: null, started_at: null })],
    ['check_run', 'check_run', checkPayload({ started_at: null })],
    ['check_run.pull_requests', 'check_run', checkPayload({ pull_requests: {} })],
    ['repository', 'check_run', checkPayload({}, { repository: null })],
    ['repository.full_name', 'check_run', checkPayload({}, { repository: { full_name: 'app' } })],
    ['check_suite', 'check_suite', suitePayload({ created_at: null, updated_at: null })],
    ['deployment', 'deployment_status', { ...deploymentPayload(), deployment: null }],
    ['deployment_status', 'deployment_status', deploymentPayload({ created_at: null })],
    ['deployment_status.state', 'deployment_status', deploymentPayload({ state: null })],
    ['pull_request', 'pull_request', runPayload()],
    ['pull_request.head.sha', 'pull_request', pullRequestPayload({ head: { sha: 'main' } })],
    ['pull_request.html_url', 'pull_request', pullRequestPayload({ html_url: 'javascript:1' })],
    ['pull_request.created_at', 'pull_request', pullRequestPayload({ created_at: 'today' })],
    ['sender.login', 'check_run', checkPayload({}, { sender: { login: 'an\na' } })],
    ['sender.login', 'check_run', checkPayload({}, { sender: { login: 'a'.repeat(301) } })],
  ];
  for (const [field, name, payload] of faults) {
    it(`is invalid, and names its field: ${field || 'the payload'} of ${name}`, () => {
      expect(mapGithubWebhook(name, payload)).toMatchObject({ kind: 'invalid', field });
    });
  }

  it('is invalid when the delivery id is none', () => {
    for (const id of ['a\nb', 'x'.repeat(194)]) {
      const mapped = mapGithubWebhook('check_run', checkPayload(), { id });
      expect(mapped).toMatchObject({ kind: 'invalid', field: '' });
    }
    expect(mapGithubWebhook('check_run', checkPayload(), { id: 'x'.repeat(193) }).kind).toBe(
      'event',
    );
  });
});
