import { createHash } from 'node:crypto';

/** Leaves room for the longest prefix and name within the 200 characters of an execution id. */
const MAX_SPELLED_OUT = 150;
/** Characters that need no escape in a URL, but for `~`, which stands for the slash. */
const SPELLED_OUT = /^[\w.-]+(?:\/[\w.-]+)+$/;

/**
 * Names one run, job, check, suite or deployment of GitHub: `github-run-octo-org~octo-repo-4711`.
 *
 * The repository is part of it because an execution never changes its project, while numbers alone
 * may meet again in another repository, and a repository may be renamed. Two different ids never
 * come out equal: `~` occurs in no name that is spelled out, and the number is what follows the
 * last dash. A repository that is long or not plain ASCII is named by a hash, which alone begins
 * with `~`: `github-run-~<SHA-256 of the name, base64url>-4711`.
 *
 * Two servers of the same kind that both have the same `owner/repo` share one project, and so these
 * ids, too.
 *
 * @param project `owner/repo`, compared exactly, case included, as projects are
 * @param number the forge's own number: a non-negative safe integer
 */
export function githubExecutionId(
  kind: 'run' | 'job' | 'check' | 'suite' | 'deployment',
  project: string,
  number: number,
): string {
  return `github-${kind}-${repositoryPart(project)}-${number}`;
}

/** Names one run or job of Gitea: `gitea-job-octo-org~octo-repo-4711`. */
export function giteaExecutionId(kind: 'run' | 'job', project: string, number: number): string {
  return `gitea-${kind}-${repositoryPart(project)}-${number}`;
}

/**
 * Names a commit status of Gitea, which has a new number whenever it is set again: what stays the
 * same is the commit and the context. Their hash is hexadecimal, so that no dash is in it, and cut
 * to 128 bits to stay within the length.
 */
export function giteaStatusId(project: string, sha: string, context: string): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([sha, context]))
    .digest('hex');
  return `gitea-status-${repositoryPart(project)}-${digest.slice(0, 32)}`;
}

/** An id as the functions above make it; the group is the repository. Only forges' ids hold a `~`. */
const FORGE_ID =
  /^(?:github-(?:run|job|check|suite|deployment)|gitea-(?:run|job|status))-(.*~.*)-[^-]+$/;

/**
 * Whether this is the id of a forge's task in another project. Such ids can be guessed, and whoever
 * takes one first gives it its project, so that the forge's own events would be quarantined.
 */
export function isForgeTaskOfOther(executionId: string, project: string): boolean {
  const repository = FORGE_ID.exec(executionId)?.[1];
  return repository !== undefined && repository !== repositoryPart(project);
}

function repositoryPart(project: string): string {
  return project.length <= MAX_SPELLED_OUT && SPELLED_OUT.test(project)
    ? project.replaceAll('/', '~')
    : `~${createHash('sha256').update(project).digest('base64url')}`;
}
