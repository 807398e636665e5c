import { setTimeout as delay } from 'node:timers/promises';
import { parsePosition, STREAM_START, TaskPageSchema } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { judgeReadModel } from '../../oracle/judge/read-model.ts';
import { readStored } from '../../oracle/judge/stored.ts';
import { History } from '../../oracle/model/history.ts';
import type { Sight } from '../../oracle/model/sight.ts';
import { Expectations } from './judge.ts';
import { PageLoads } from './page-loads.ts';
import type { Person } from './people.ts';
import { judgeReconnects, type Reconnects } from './reconnects.ts';
import type { Restart } from './restarts.ts';
import { PROJECTS, Tasks } from './tasks.ts';
import { Viewer } from './viewer.ts';

export interface AudienceOptions {
  /** Of what stands before the servers. */
  readonly url: string;
  readonly redis: Redis;
  readonly people: readonly (Person & { readonly token: string })[];
  readonly streams: number;
  /** Changes a second, of which a third are posted to `url`. */
  readonly changesPerSecond: number;
  readonly apiKey: string;
}

const FILTERS: readonly Sight[] = [
  {},
  { project: PROJECTS[0] },
  { statuses: ['queued', 'in_progress'] },
  { project: PROJECTS[1], statuses: ['success', 'error'] },
];
/** Streams that are opened in one turn. */
const AT_ONCE = 20;
const LIVE_MS = 60_000;
const POLL_MS = 50;
const SHOWN = 10;

/** Viewers of every kind, tasks that change, and pages that are loaded, all at once. */
export class Audience implements AsyncDisposable {
  readonly viewers: readonly Viewer[];
  readonly tasks: Tasks;
  readonly pages: PageLoads;
  readonly #options: AudienceOptions;
  readonly #since: string;

  /** Resolves once every stream is live and tasks change. */
  static async gather(options: AudienceOptions): Promise<Audience> {
    const audience = new Audience(options, await readCursor(options));
    for (const [n, viewer] of audience.viewers.entries()) {
      viewer.start();
      if (n % AT_ONCE === 0) await delay(10);
    }
    await audience.whenLive();
    audience.tasks.start(options.changesPerSecond);
    audience.pages.start();
    return audience;
  }

  private constructor(options: AudienceOptions, cursor: string) {
    const { url, redis, people, streams, apiKey } = options;
    const texts = new Map<string, string>();
    const intern = (text: string) => {
      const kept = texts.get(text) ?? text;
      texts.set(text, kept);
      return kept;
    };
    this.#options = options;
    this.#since = parsePosition(cursor)?.id ?? STREAM_START;
    this.viewers = Array.from({ length: streams }, (_, n) => {
      const { principal, isAdmin, token } = people[n % people.length] as (typeof people)[number];
      const filter = FILTERS[Math.floor(n / people.length) % FILTERS.length];
      return new Viewer({
        ...{ url, token, cursor, intern },
        sendsTokenBy: n % 2 === 0 ? 'header' : 'query',
        sight: { ...filter, ...(isAdmin ? {} : { principals: [principal] }) },
      });
    });
    const principals = people.map(({ principal }) => principal);
    this.tasks = new Tasks({ redis, intake: { url, apiKey }, people: principals });
    this.pages = new PageLoads(url, people[0]?.token ?? '');
  }

  /** Waits for every viewer; after a while for none any more: those who are missing are judged. */
  async whenLive(): Promise<void> {
    const deadline = performance.now() + LIVE_MS;
    const isHere = ({ isLive, faults }: Viewer) => isLive || faults.length > 0;
    while (!this.viewers.every(isHere) && performance.now() < deadline) await delay(POLL_MS);
  }

  /** How those came back who lost their streams since one restart began, and before another. */
  reconnectsAfter({ signal, signalledAtMs }: Restart, untilMs: number): Reconnects {
    const absences = this.viewers.flatMap((viewer) =>
      viewer.absences.filter(({ endedAtMs }) => endedAtMs >= signalledAtMs && endedAtMs < untilMs),
    );
    return judgeReconnects(absences, signal, signalledAtMs);
  }

  /** Lets tasks change no more, and says what was not as promised. */
  async judge(feedMaxLength: number): Promise<string[]> {
    const { tasks, pages, viewers } = this;
    await tasks.stop();
    await pages.stop();
    await this.whenLive();
    const { redis } = this.#options;
    const history = new History((await readStored(redis)).events);
    const expectations = new Expectations(history, this.#since);
    const deadline = performance.now() + LIVE_MS;
    const isAtEnd = ({ sight, frames }: Viewer) => frames.length >= expectations.countOf(sight);
    while (!viewers.every(isAtEnd) && performance.now() < deadline) await delay(POLL_MS);
    const stored = await readStored(redis);
    const findings = [
      ...viewers.flatMap((viewer, n) => faultsOf(viewer, expectations).map((one) => `${n} ${one}`)),
      ...judgeReadModel(history, stored, feedMaxLength),
      ...this.#judgeEvents(history),
      ...tasks.faults.map((fault) => `posting ${fault}`),
      ...pages.faults,
    ];
    return findings.length > SHOWN
      ? [...findings.slice(0, SHOWN), `… ${findings.length} findings in all`]
      : findings;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const viewer of this.viewers) viewer.stop();
    await Promise.all([this.tasks.stop(), this.pages.stop()]);
  }

  /** Each event that was sent is there once. */
  #judgeEvents({ outcomes }: History): string[] {
    const { sent } = this.tasks;
    const isWhole = outcomes.size === sent.length;
    const doubled = [...outcomes.values()].filter((outcome) => outcome === 'duplicate').length;
    return isWhole && doubled === 0
      ? []
      : [`${sent.length} events were sent, ${outcomes.size} are there, ${doubled} of them twice`];
  }
}

function faultsOf(viewer: Viewer, expectations: Expectations): string[] {
  const { faults, refreshes, isLive, sight, frames } = viewer;
  const problem = expectations.judge(sight, frames);
  return [
    ...faults,
    ...refreshes.map((reason) => `was told to refresh: ${reason}`),
    ...(isLive ? [] : ['is not live']),
    ...(problem === undefined ? [] : [problem]),
  ];
}

/** Where a dashboard goes on that has just loaded its pages. */
async function readCursor({ url, people }: AudienceOptions): Promise<string> {
  const headers = { Authorization: `Bearer ${people[0]?.token}` };
  const response = await fetch(`${url}/dashboard/tasks?limit=1`, { headers });
  return TaskPageSchema.parse(await response.json()).streamCursor;
}
