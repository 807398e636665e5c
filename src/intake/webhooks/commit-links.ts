import type { Redis } from 'ioredis';
import type { AppendedEntry } from '../../redis/append-once.ts';
import type { Keys } from '../../redis/keys.ts';
import type { Appender } from '../appender.ts';
import type { Forge, HeadOfPullRequest } from '../intake.ts';
import {
  LINKS_SECONDS,
  type LinkSource,
  linkEntry,
  linksOf,
  type RunEvent,
  runEntry,
} from './commit-entries.ts';

export interface CommitLinksOptions {
  readonly redis: Redis;
  readonly keys: Keys;
  readonly appender: Appender;
}

/**
 * Gives the executions of a commit the links of the pull requests whose head it is, whichever are
 * told first, to whatever server.
 *
 * Of a commit, Redis holds the set P of its pull requests and the set E of its executions; of an
 * execution, the note T: which links its last event with links gave it. An event with links replaces
 * those before it, so what counts is the last, and T is written with each in one step.
 *
 * - A run reads P, gives its event these and its own links, and appends it. The same step adds it
 *   to E, its links to P, and writes T.
 * - A pull request adds itself to P, then reads E.
 * - Both then *settle* executions (a run itself, and all of E where its links may be new to P; a pull
 *   request all of E): read P and T, append a link event with all of P where T says other links,
 *   and again, until none does.
 *
 * Once everybody has settled, each execution in E has the links P. For take the last event with
 * links of an execution, and those links, S. Whoever appended it read P afterwards and found S, or a
 * later event would follow. Whoever added to P after that read E later still, found the execution
 * there, since the first event of it put it there, and T saying S: a later event would follow, too.
 * An execution without any event with links was in E before it read P and found it empty, which is
 * the same with no S.
 *
 * Nothing is appended twice: the record of a link event is the note T that it replaces and the links
 * that it gives, so of those who saw the same only one appends, also when an answer was lost and the
 * webhook comes again. A link event is never the first of its execution: who is in E has an event
 * before it. It has no status, so it reopens nothing and is not stale. Its time is no later than what
 * it comes from, because the later of two times counts and a link must not move a task up again and
 * again.
 */
export class CommitLinks {
  readonly #redis: Redis;
  readonly #keys: Keys;
  readonly #appender: Appender;

  constructor({ redis, keys, appender }: CommitLinksOptions) {
    this.#redis = redis;
    this.#keys = keys;
    this.#appender = appender;
  }

  /**
   * @returns the run's own entry first, then those of link events
   * @throws IntakeUnavailableError; the same again is safe
   */
  async appendRun(run: RunEvent): Promise<AppendedEntry[]> {
    const { forge, event, commit } = run;
    const { executionId, project, occurredAt, prLinks: own = [] } = event;
    if (commit === undefined || project === undefined) {
      return await this.#appender.append([runEntry(run, own, this.#keys)]);
    }
    const source = { forge, project, commit, occurredAt };
    const known = await this.#pullRequestsOf(source);
    const links = linksOf([...known, ...own]);
    const appended = await this.#appender.append([runEntry(run, links, this.#keys)]);
    // Of one that is repeated P has the links already, and the others may still not have them.
    const isRepeat = appended.some((entry) => entry.isRepeat);
    const isNews = own.some((link) => isRepeat || !known.includes(link));
    const others = isNews ? await this.#executionsOf(source) : [];
    return [...appended, ...(await this.#settle(source, new Set([executionId, ...others])))];
  }

  /**
   * @param head its `openedAt` is UTC with milliseconds
   * @returns the entries of link events: none where no run of the commit is known, or all have it
   * @throws IntakeUnavailableError; the same again is safe
   */
  async appendPullRequest(forge: Forge, head: HeadOfPullRequest): Promise<AppendedEntry[]> {
    const { project, commit, url, openedAt } = head;
    const source = { forge, project, commit, occurredAt: openedAt };
    await this.#addPullRequest(source, url);
    return await this.#settle(source, new Set(await this.#executionsOf(source)));
  }

  async #settle(source: LinkSource, executions: ReadonlySet<string>): Promise<AppendedEntry[]> {
    const ids = [...executions];
    const appended: AppendedEntry[] = [];
    // What has a record is not appended by asking once more.
    const tried = new Set<string>();
    while (ids.length > 0) {
      const links = linksOf(await this.#pullRequestsOf(source));
      const told = await this.#toldOf(ids);
      const entries = ids
        .map((id, place) => linkEntry(source, id, links, told[place] ?? null, this.#keys))
        .filter((entry) => entry !== undefined)
        .filter(({ record }) => !tried.has(record.key));
      if (entries.length === 0) break;
      for (const { record } of entries) tried.add(record.key);
      appended.push(...(await this.#appender.append(entries)));
    }
    return appended;
  }

  async #addPullRequest({ forge, project, commit }: LinkSource, url: string): Promise<void> {
    const key = this.#keys.intake.pullRequestsOf(forge, project, commit);
    await this.#appender.retry(async () => {
      // No transaction: both are safe to repeat, and one that is refused says why by itself.
      const replies = await this.#redis.pipeline().sadd(key, url).expire(key, LINKS_SECONDS).exec();
      const failure = replies?.map(([error]) => error).find((error) => error !== null);
      if (failure) throw failure;
    });
  }

  async #pullRequestsOf({ forge, project, commit }: LinkSource): Promise<string[]> {
    const key = this.#keys.intake.pullRequestsOf(forge, project, commit);
    return await this.#appender.retry(() => this.#redis.smembers(key));
  }

  async #executionsOf({ forge, project, commit }: LinkSource): Promise<string[]> {
    const key = this.#keys.intake.executionsOf(forge, project, commit);
    return await this.#appender.retry(() => this.#redis.smembers(key));
  }

  async #toldOf(executionIds: readonly string[]): Promise<(string | null)[]> {
    const names = executionIds.map((id) => this.#keys.intake.linksTold(id));
    return await this.#appender.retry(() => this.#redis.mget(names));
  }
}
