import { createHash } from 'node:crypto';

/** Leaves room for the longest prefix and number within the 200 characters of an execution id. */
const MAX_SPELLED_OUT = 150;
/** Characters that need no escape in a URL, but for `~`, which stands for the slash. */
const SPELLED_OUT = /^[\w.-]+(?:\/[\w.-]+)+$/;

/**
 * Names one run, job or check of GitHub: `github-run-octo-org~octo-repo-4711`.
 *
 * The repository is part of it because an execution never changes its project, while numbers alone
 * may meet again in another repository, and a repository may be renamed. Two different ids never
 * come out equal: `~` occurs in no name that is spelled out, and the number is what follows the
 * last dash. A repository that is long or not plain ASCII is named by a hash, which alone begins
 * with `~`: `github-run-~<SHA-256 of the name, base64url>-4711`.
 *
 * Two forges that both have the same `owner/repo` share one project, and so these ids, too.
 *
 * @param project `owner/repo`, compared exactly, case included, as projects are
 * @param number the forge's own number: a non-negative safe integer
 */
export function githubExecutionId(
  kind: 'run' | 'job' | 'check',
  project: string,
  number: number,
): string {
  return `github-${kind}-${repositoryPart(project)}-${number}`;
}

function repositoryPart(project: string): string {
  return project.length <= MAX_SPELLED_OUT && SPELLED_OUT.test(project)
    ? project.replaceAll('/', '~')
    : `~${createHash('sha256').update(project).digest('base64url')}`;
}
