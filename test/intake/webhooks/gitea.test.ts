import type { TaskEventInput } from '@tasktrail/contract';
import { describe, expect, it } from 'vitest';
import { mapGiteaWebhook } from '../../../src/intake/webhooks/gitea.ts';
import { giteaPayload } from './webhook-corpus.ts';

function eventOf(name: string, payload: unknown): TaskEventInput {
  const mapped = mapGiteaWebhook(name, payload);
  if (mapped.kind !== 'event') throw new Error(`is ${JSON.stringify(mapped)}`);
  return mapped.event;
}

/** What is made of a payload of the corpus in which some fields of its subject are others. */
function eventWith(file: string, fields: object): TaskEventInput {
  const name = file.split('.')[0] as string;
  const payload = giteaPayload(file);
  Object.assign(payload[name] ?? payload, fields);
  return eventOf(name, payload);
}

const COMMIT = '6bf0f49c2b0c4e0f8d6f5e2a1c3b4d5e6f708192';
const NEVER = '1970-01-01T01:00:00+01:00';

describe('a workflow run of Gitea', () => {
  const waiting = (fields: object) => eventWith('workflow_run.requested-1.25.json', fields);
  const ended = (fields: object) => eventWith('workflow_run.completed-1.25.json', fields);

  it('is named by its title, and its flow by the workflow, else by its file', () => {
    expect(waiting({})).toMatchObject({
      executionId: 'gitea-run-houlak~rukipay-314',
      project: 'houlak/rukipay',
      taskName: 'Round to the cent',
      flow: 'CI',
      actor: { provider: 'gitea', id: 'ana', displayName: 'Ana Pereira' },
    });
    const payload = { ...giteaPayload('workflow_run.requested-1.25.json'), workflow: null };
    expect(eventOf('workflow_run', payload).flow).toBe('ci.yml');
  });

  it('takes times that were never set for absent: a waiting run has only its repository’s', () => {
    expect(waiting({}).occurredAt).toBe('2026-11-20T12:04:55.000Z');
    expect(waiting({ started_at: '0001-01-01T00:00:00Z' }).occurredAt).toBe(
      '2026-11-20T12:04:55.000Z',
    );
    expect(waiting({ created_at: '2026-11-20T13:04:56+01:00' }).occurredAt).toBe(
      '2026-11-20T12:04:56.000Z',
    );
    expect(ended({ completed_at: NEVER }).occurredAt).toBe('2026-11-20T12:05:01.000Z');
  });

  it('has an attempt where it is counted', () => {
    expect(waiting({}).attempt).toBeUndefined();
    expect(waiting({ run_attempt: 2 }).attempt).toBe(2);
  });

  it('links its pull requests by the pages that Gitea has', () => {
    const expected = ['https://gitea.example.com/houlak/rukipay/pulls/3'];
    expect(eventWith('workflow_run.completed-later.json', {}).prLinks).toEqual(expected);
    const [html_url] = expected;
    const payload = giteaPayload('workflow_run.completed-1.25.json');
    expect(eventOf('workflow_run', { ...payload, pull_request: { html_url } }).prLinks).toEqual(
      expected,
    );
    expect(ended({}).prLinks).toBeUndefined();
  });
});

describe('a workflow job of Gitea', () => {
  it('comes to each status at its own time', () => {
    const of = (file: string) => eventWith(`workflow_job.${file}.json`, {});
    expect(of('queued-1.24')).toMatchObject({
      executionId: 'gitea-job-houlak~rukipay-902',
      status: 'queued',
      occurredAt: '2026-11-20T12:04:56.000Z',
      taskName: 'test',
    });
    expect(of('in-progress-1.24')).toMatchObject({
      status: 'in_progress',
      occurredAt: '2026-11-20T12:05:02.000Z',
      attempt: 1,
    });
    expect(of('failed-1.24')).toMatchObject({
      status: 'error',
      occurredAt: '2026-11-20T12:05:30.000Z',
    });
    expect(of('waiting-1.24')).toMatchObject({ status: 'queued', message: 'waiting' });
  });

  it('was skipped when it completed without a conclusion', () => {
    const skipped = { status: 'success', message: 'skipped' };
    expect(eventWith('workflow_job.skipped-1.24.json', {})).toMatchObject(skipped);
    expect(eventWith('workflow_job.skipped-1.24.json', { conclusion: '' })).toMatchObject(skipped);
  });

  it('says which step failed only where steps have conclusions of their own', () => {
    expect(eventWith('workflow_job.failed-1.24.json', {}).message).toBe('failure');
    expect(eventWith('workflow_job.failed-later.json', {}).message).toBe('failure: Run the tests');
  });
});

describe('a commit status of Gitea', () => {
  const PENDING = 'status.pending-1.24.json';

  it('is one task for its commit and context, whatever number it has', () => {
    const pending = eventWith(PENDING, {});
    const success = eventWith('status.success-1.24.json', {});
    expect(success.executionId).toBe(pending.executionId);
    expect(pending.executionId).toMatch(/^gitea-status-houlak~rukipay-[0-9a-f]{32}$/);
    expect(eventWith(PENDING, { context: 'lint' }).executionId).not.toBe(pending.executionId);
    expect(eventWith(PENDING, { sha: 'c'.repeat(40) }).executionId).not.toBe(pending.executionId);
    expect(pending).toMatchObject({ taskName: 'ci/jenkins', message: 'Build 77 started' });
  });

  const STATES = {
    pending: ['in_progress', 'Build 77 started'],
    success: ['success', 'Build 77 started'],
    failure: ['error', 'Build 77 started'],
    error: ['error', 'Build 77 started'],
    warning: ['success', 'warning: Build 77 started'],
    skipped: ['success', 'skipped: Build 77 started'],
  };
  for (const [state, [status, message]] of Object.entries(STATES)) {
    it(`takes ${state} for ${status}`, () => {
      expect(eventWith(PENDING, { state })).toMatchObject({ status, message });
    });
  }

  it('comes to its state when it was set', () => {
    expect(eventWith('status.success-1.24.json', {}).occurredAt).toBe('2026-11-20T12:07:00.000Z');
    const updated_at = '2026-11-20T12:08:00Z';
    expect(eventWith('status.success-1.24.json', { updated_at }).occurredAt).toBe(
      '2026-11-20T12:08:00.000Z',
    );
  });

  it('is ignored when a job of Actions set it, and when its state is none that is known', () => {
    const kindWith = (fields: object) =>
      mapGiteaWebhook('status', { ...giteaPayload(PENDING), ...fields }).kind;
    const page = 'https://gitea.example.com/houlak/rukipay/actions/runs/12';
    expect(kindWith({ target_url: `${page}/jobs/0` })).toBe('ignored');
    expect(kindWith({ target_url: page })).toBe('event');
    expect(kindWith({ target_url: 'not an address' })).toBe('event');
    expect(kindWith({ target_url: null })).toBe('event');
    expect(kindWith({ state: 'paused' })).toBe('ignored');
  });
});

describe('a webhook of Gitea', () => {
  it('tells of the commit that it ran on', () => {
    for (const file of [
      'workflow_run.requested-1.25.json',
      'workflow_job.queued-1.24.json',
      'status.pending-1.24.json',
    ]) {
      const mapped = mapGiteaWebhook(file.split('.')[0] as string, giteaPayload(file));
      expect(mapped).toMatchObject({ kind: 'event', commit: COMMIT });
    }
  });

  it('tells of pull requests, also of Forgejo', () => {
    expect(
      mapGiteaWebhook('pull_request', giteaPayload('pull_request.opened-forgejo.json')),
    ).toEqual({
      kind: 'pull_request',
      pullRequest: {
        project: 'houlak/rukipay',
        commit: COMMIT,
        url: 'https://gitea.example.com/houlak/rukipay/pulls/3',
        openedAt: '2026-11-20T12:06:00.000Z',
      },
    });
  });

  it('is unmapped when its type tells of no task', () => {
    for (const name of ['push', 'check_run', 'action_run_success', '', '__proto__']) {
      expect(mapGiteaWebhook(name, giteaPayload('status.pending-1.24.json')).kind).toBe('unmapped');
    }
  });

  it('is invalid when it is not as documented, and names the field', () => {
    const status = giteaPayload('status.pending-1.24.json');
    const faults: [string, string, unknown][] = [
      ['', 'workflow_run', null],
      ['workflow_job', 'workflow_job', giteaPayload('workflow_run.requested-1.25.json')],
      ['sha', 'status', { ...status, sha: '' }],
      ['context', 'status', { ...status, context: null }],
      ['status', 'status', { ...status, created_at: NEVER, updated_at: null }],
      ['repository.full_name', 'status', { ...status, repository: { full_name: 'rukipay' } }],
      ['sender.login', 'status', { ...status, sender: { login: 'a b' } }],
    ];
    for (const [field, name, payload] of faults) {
      expect(mapGiteaWebhook(name, payload)).toMatchObject({ kind: 'invalid', field });
    }
  });

  it('has its delivery as the id of its event', () => {
    const payload = giteaPayload('status.pending-1.24.json');
    const of = (id: string) => mapGiteaWebhook('status', payload, { id });
    expect(of('d-1')).toMatchObject({ event: { eventId: 'gitea:d-1' } });
    expect(of('x'.repeat(194)).kind).toBe('event');
    expect(of('x'.repeat(195))).toMatchObject({ kind: 'invalid', field: '' });
  });
});
