import type { PullRequests, Repository } from './github-payloads.ts';
import { webAddress } from './web-address.ts';

/** As many as an event may have. (PROTOCOL.md, "The event") */
export const MAX_LINKS = 50;

const API_PATH = /\/repos\/([^/\s]+\/[^/\s]+)\/pulls\/(\d+)$/;
const REPOSITORY_PAGE = /^(.+)\/[^/]+\/[^/]+\/?$/;

/**
 * Addresses of pull requests as a person opens them. Payloads carry those of the API, which lives
 * on another host or path than the pages, so the server is taken from the repository's own page;
 * the owner and name from the API address, since a pull request may be another repository's.
 * What gives no http(s) address is left out: a link is not worth losing the event.
 *
 * @param page what stands before the number in the address of a page: GitHub `pull`, Gitea `pulls`
 * @returns each link once, 50 at most; undefined for none: a pull request that is closed is no
 *   longer listed, and the task keeps its link
 */
export function pullRequestLinks(
  pullRequests: PullRequests,
  repository: Repository,
  page: 'pull' | 'pulls' = 'pull',
): string[] | undefined {
  const server = REPOSITORY_PAGE.exec(repository.html_url ?? '')?.[1];
  const links = new Set<string>();
  for (const pullRequest of pullRequests ?? []) {
    const [, name, number] = API_PATH.exec(pullRequest?.url ?? '') ?? [
      '',
      repository.full_name,
      pullRequest?.number,
    ];
    const link = number ? webAddress(`${server}/${name}/${page}/${number}`) : undefined;
    if (link !== undefined && links.size < MAX_LINKS) links.add(link);
  }
  return links.size === 0 ? undefined : [...links];
}
