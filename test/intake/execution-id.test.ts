import { ExecutionIdSchema, ProjectSchema } from '@tasktrail/contract';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import {
  giteaExecutionId,
  giteaStatusId,
  githubExecutionId,
  isForgeTaskOfOther,
} from '../../src/intake/execution-id.ts';

const kinds = fc.constantFrom('run', 'job', 'check', 'suite', 'deployment');
const numbers = fc.oneof(fc.nat(20), fc.maxSafeNat());
/** Names made of what an id is put together with, so that different ones look alike. */
const part = fc.oneof(
  { weight: 4, arbitrary: fc.string({ unit: fc.constantFrom(...'ab1-._~%'), minLength: 1 }) },
  { weight: 1, arbitrary: fc.string({ unit: fc.constantFrom(...'aé漢😀'), minLength: 1 }) },
);
const projects = fc
  .array(part, { minLength: 2, maxLength: 4 })
  .map((parts) => parts.join('/'))
  .filter((project) => ProjectSchema.safeParse(project).success);

describe('githubExecutionId', () => {
  it('spells out an ordinary repository', () => {
    expect(githubExecutionId('run', 'octo-org/octo.repo_1', 289782451)).toBe(
      'github-run-octo-org~octo.repo_1-289782451',
    );
    expect(githubExecutionId('job', 'a/b/c', 0)).toBe('github-job-a~b~c-0');
  });

  it('names a repository that is long or not plain ASCII by a hash that never changes', () => {
    expect(githubExecutionId('check', 'octo/größe', 1)).toBe(
      'github-check-~oi2PE751vQ_XQRhMh4z28UDeWevcWpcTcN5oZ4T15ao-1',
    );
    const long = `octo/${'r'.repeat(195)}`;
    expect(githubExecutionId('run', long, Number.MAX_SAFE_INTEGER)).toMatch(
      /^github-run-~[\w-]{43}-9007199254740991$/,
    );
  });

  it('is an execution id that a URL carries as it is', () => {
    fc.assert(
      fc.property(kinds, projects, numbers, (kind, project, number) => {
        const id = githubExecutionId(kind, project, number);
        expect(ExecutionIdSchema.safeParse(id).success).toBe(true);
        expect(encodeURIComponent(id)).toBe(id);
      }),
    );
  });

  it('is another one for another kind, repository or number', () => {
    const things = fc.tuple(kinds, projects, numbers);
    fc.assert(
      fc.property(things, things, (one, other) => {
        const isSame = JSON.stringify(one) === JSON.stringify(other);
        expect(githubExecutionId(...one) === githubExecutionId(...other)).toBe(isSame);
      }),
      { numRuns: 500 },
    );
  });

  it('does not confuse names whose dashes and digits meet', () => {
    const ids = [
      githubExecutionId('run', 'a/b-1', 2),
      githubExecutionId('run', 'a/b', 12),
      githubExecutionId('run', 'a-b/1', 2),
      githubExecutionId('run', 'A/b-1', 2),
      githubExecutionId('run', 'a/b~1', 2),
      githubExecutionId('run', 'a~b/1', 2),
      githubExecutionId('run', 'a/b/1', 2),
      githubExecutionId('run', 'é/b', 2),
      githubExecutionId('run', 'É/b', 2),
      githubExecutionId('job', 'a/b-1', 2),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe('the ids of Gitea', () => {
  it('are other ones than those of GitHub', () => {
    expect(giteaExecutionId('run', 'octo/app', 12)).toBe('gitea-run-octo~app-12');
    expect(giteaExecutionId('job', 'octo/app', 12)).toBe('gitea-job-octo~app-12');
  });

  it('name a commit status by its commit and context, whatever these are', () => {
    const texts = fc.tuple(projects, fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }));
    fc.assert(
      fc.property(texts, texts, (one, other) => {
        const id = giteaStatusId(...one);
        expect(ExecutionIdSchema.safeParse(id).success).toBe(true);
        expect(encodeURIComponent(id)).toBe(id);
        const isSame = JSON.stringify(one) === JSON.stringify(other);
        expect(id === giteaStatusId(...other)).toBe(isSame);
      }),
    );
    expect(giteaStatusId('a/b', 'c1', 'x')).not.toBe(giteaStatusId('a/b', 'c', '1x'));
  });
});

test('every id of a forge is of its own project and of no other, whatever they are called', () => {
  const project = fc
    .tuple(fc.stringMatching(/^[\w.é-]{1,160}$/), fc.stringMatching(/^[\w.-]{1,20}$/))
    .map((parts) => parts.join('/'));
  fc.assert(
    fc.property(project, project, fc.nat(), (own, other, number) => {
      fc.pre(own !== other);
      const ids = [
        githubExecutionId('check', own, number),
        giteaExecutionId('run', own, number),
        giteaStatusId(own, 'c0ffee', `ci/${number}`),
      ];
      for (const id of ids) {
        expect(isForgeTaskOfOther(id, own)).toBe(false);
        expect(isForgeTaskOfOther(id, other)).toBe(true);
      }
    }),
  );
});
