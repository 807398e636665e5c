import { encodeEntry, isTooLarge, TaskEventSchema } from '@tasktrail/contract';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mapGithubWebhook } from '../../../src/intake/webhooks/github.ts';

describe('mapGithubWebhook, whatever comes in', () => {
  const names = fc.constantFrom(
    'workflow_run',
    'workflow_job',
    'check_run',
    'check_suite',
    'deployment_status',
  );

  function expectFine(name: string, payload: unknown): string {
    const mapped = mapGithubWebhook(name, payload);
    if (mapped.kind === 'event') {
      const event = TaskEventSchema.parse(mapped.event);
      expect(isTooLarge(encodeEntry(event))).toBe(false);
      expect(event.executionId.startsWith('github-')).toBe(true);
    }
    return mapped.kind;
  }

  it('becomes a valid event of bounded size, if an event, however its fields look', () => {
    const text = fc.oneof(fc.string({ unit: 'binary', size: 'large' }), fc.constant(null));
    const time = fc.oneof(
      fc.date({ noInvalidDate: true }).map((date) => date.toISOString()),
      fc.constantFrom('2026-11-20T12:00:00Z', null),
    );
    const user = fc.oneof(
      fc.record({ login: fc.string({ minLength: 1 }), name: text }),
      fc.constant(null),
    );
    const owner = fc.string({ unit: fc.constantFrom(...'aé😀"'), minLength: 1, maxLength: 90 });
    const pullRequest = fc.record({
      url: owner.map((name) => `https://api.github.com/repos/${name}/${name}/pulls/1`),
      number: fc.integer({ min: 1 }),
    });
    const subject = fc.record({
      id: fc.maxSafeNat(),
      status: fc.constantFrom('queued', 'waiting', 'in_progress', 'completed', 'paused'),
      conclusion: fc.oneof(fc.constantFrom('success', 'failure', 'stale'), text),
      name: text,
      display_title: text,
      workflow_name: text,
      run_attempt: fc.integer({ min: 1 }),
      pull_requests: fc.array(pullRequest, { maxLength: 60 }),
      steps: fc.array(fc.record({ name: text, conclusion: fc.constantFrom('success', 'failure') })),
      output: fc.record({ title: text }),
      created_at: time,
      updated_at: time,
      started_at: time,
      completed_at: time,
    });
    const kinds = new Set<string>();
    fc.assert(
      fc.property(names, subject, user, owner, (name, fields, sender, repo) => {
        const full_name = `${repo}/app`;
        const repository = { full_name, html_url: `https://github.com/${full_name}` };
        kinds.add(expectFine(name, { [name]: fields, repository, sender }));
      }),
    );
    expect(kinds).toContain('event');
  });
});
