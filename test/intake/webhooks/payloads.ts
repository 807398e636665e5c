/** Payloads of GitHub with just what the mapping reads; each test changes what it is about. */

type Fields = Readonly<Record<string, unknown>>;

const repository = { full_name: 'octo/app', html_url: 'https://github.com/octo/app' };
const sender = { login: 'ana' };

export function runPayload(run: Fields = {}, payload: Fields = {}) {
  const workflow_run = {
    id: 4711,
    name: 'Deploy',
    display_title: 'Fix the build',
    status: 'in_progress',
    conclusion: null,
    run_attempt: 1,
    created_at: '2026-11-20T12:00:00Z',
    run_started_at: '2026-11-20T12:00:01Z',
    updated_at: '2026-11-20T12:00:02Z',
    triggering_actor: { login: 'bo' },
    actor: { login: 'cy' },
    pull_requests: [],
    ...run,
  };
  return { action: 'x', workflow_run, workflow: { name: 'CI' }, repository, sender, ...payload };
}

export function jobPayload(job: Fields = {}, payload: Fields = {}) {
  const workflow_job = {
    id: 815,
    name: 'test',
    workflow_name: 'CI',
    status: 'in_progress',
    conclusion: null,
    run_attempt: 1,
    created_at: '2026-11-20T12:00:00Z',
    started_at: '2026-11-20T12:00:01Z',
    completed_at: null,
    steps: [],
    ...job,
  };
  return { action: 'x', workflow_job, repository, sender, ...payload };
}

export function checkPayload(check: Fields = {}, payload: Fields = {}) {
  const check_run = {
    id: 99,
    name: 'lint',
    status: 'in_progress',
    conclusion: null,
    started_at: '2026-11-20T12:00:01Z',
    completed_at: null,
    output: { title: null },
    pull_requests: [],
    ...check,
  };
  return { action: 'created', check_run, repository, sender, ...payload };
}

export function suitePayload(suite: Fields = {}, payload: Fields = {}) {
  const check_suite = {
    id: 77,
    app: { slug: 'linter', name: 'Linter' },
    status: 'in_progress',
    conclusion: null,
    created_at: '2026-11-20T12:00:00Z',
    updated_at: '2026-11-20T12:00:02Z',
    pull_requests: [],
    ...suite,
  };
  return { action: 'completed', check_suite, repository, sender, ...payload };
}

export function deploymentPayload(status: Fields = {}, made: Fields = {}, payload: Fields = {}) {
  const deployment = {
    id: 31,
    task: 'deploy',
    environment: 'production',
    creator: { login: 'dee' },
    ...made,
  };
  const deployment_status = {
    id: 5,
    state: 'in_progress',
    description: '',
    created_at: '2026-11-20T12:00:03Z',
    ...status,
  };
  return { action: 'created', deployment, deployment_status, repository, sender, ...payload };
}

export function pullRequestPayload(pullRequest: Fields = {}, payload: Fields = {}) {
  const pull_request = {
    number: 2,
    html_url: 'https://github.com/octo/app/pull/2',
    created_at: '2026-11-20T11:00:00Z',
    head: { sha: 'a'.repeat(40) },
    ...pullRequest,
  };
  return { action: 'opened', pull_request, repository, sender, ...payload };
}
