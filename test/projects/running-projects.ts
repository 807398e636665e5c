import { isDeepStrictEqual } from 'node:util';
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import {
  type ConfiguredProjects,
  configuredProjects,
  type ProjectsSettings,
} from '../../src/projects/configured-projects.ts';
import type { ProjectsMetrics, RefreshOutcome } from '../../src/projects/projects.ts';
import type { ProjectsOptions } from '../../src/projects/projects-service.ts';

/** Long enough not to spin, short enough not to wait for. */
const REFRESH_MS = 10;

interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly problem?: string;
  readonly origin?: string;
}

/** Records what metrics are told, and lets a test wait for it. */
class Looks implements ProjectsMetrics {
  readonly outcomes: RefreshOutcome[] = [];
  brokenSeconds = Number.NaN;
  #wake = Promise.withResolvers<void>();

  onRefresh(outcome: RefreshOutcome): void {
    this.outcomes.push(outcome);
    this.#wake.resolve();
    this.#wake = Promise.withResolvers<void>();
  }

  setBrokenSeconds(seconds: number): void {
    this.brokenSeconds = seconds;
  }

  /** Resolves once the fact holds; looks at it after every look. */
  async until(isFact: () => boolean): Promise<void> {
    while (!isFact()) await this.#wake.promise;
  }

  /** Resolves after `count` further looks with this outcome. */
  async next(outcome: RefreshOutcome, count = 1): Promise<void> {
    const start = this.outcomes.length;
    await this.until(
      () => this.outcomes.slice(start).filter((other) => other === outcome).length >= count,
    );
  }
}

export interface RunningProjects {
  readonly projects: ConfiguredProjects;
  readonly looks: Looks;
  readonly log: readonly LogLine[];
  /** The slugs in force. */
  slugs(): string[];
  /** Resolves once the list in force has these slugs. */
  whenListed(...slugs: string[]): Promise<void>;
  /** Stops it and waits for its end. */
  stop(): Promise<void>;
}

/** Runs the list of projects until the test ends. A run that fails, fails the test. */
export function runProjects(
  settings: Partial<ProjectsSettings>,
  options: Partial<ProjectsOptions> = {},
): RunningProjects {
  const looks = new Looks();
  const log: LogLine[] = [];
  const logger = pino(
    { formatters: { level: (level) => ({ level }) } },
    { write: (line: string) => log.push(JSON.parse(line)) },
  );
  const projects = configuredProjects(
    {
      source: undefined,
      fallbackPath: undefined,
      refreshMs: REFRESH_MS,
      s3Endpoint: undefined,
      ...settings,
    },
    { logger, metrics: looks, ...options },
  );
  const stopping = new AbortController();
  const ended = projects.run(stopping.signal);
  const stop = async () => {
    stopping.abort();
    await ended;
  };
  onTestFinished(stop);
  const slugs = () => projects.list().map((item) => item.project);
  const whenListed = async (...wanted: string[]) => {
    const isInForce = () => projects.health().details.source !== null;
    await looks.until(() => isInForce() && isDeepStrictEqual(slugs(), wanted));
  };
  return { projects, looks, log, slugs, whenListed, stop };
}

/** A document with projects of these slugs. */
export function documentOf(...slugs: string[]): string {
  const projects = slugs.map((slug) => ({
    project: slug,
    displayName: slug.toUpperCase(),
    applications: [{ app: `${slug}-backend`, repo: `houlak/${slug}-backend` }],
  }));
  return JSON.stringify({ projects });
}
