import { once } from 'node:events';
import type { Health } from '../runtime/service.ts';
import { FileSource } from './file-source.ts';
import type { Projects } from './projects.ts';
import { type ProjectsOptions, ProjectsService } from './projects-service.ts';
import { parseS3Address, S3Source } from './s3-source.ts';

/** Where the list is; the configuration's `projects`. */
export interface ProjectsSettings {
  /** A file's path or `s3://bucket/key`. */
  readonly source: string | undefined;
  /** A file's path. */
  readonly fallbackPath: string | undefined;
  readonly refreshMs: number;
  readonly s3Endpoint: string | undefined;
}

/** What the composition root runs, and may wait for before it serves. */
export interface ConfiguredProjects extends Projects {
  /** Resolves when the source was looked at once, whatever came of it, and when `run` ends. */
  readonly firstLook: Promise<void>;
}

/** The projects that the configuration names; an empty list when it names none. */
export function configuredProjects(
  settings: ProjectsSettings,
  options: Omit<ProjectsOptions, 'refreshMs'>,
): ConfiguredProjects {
  const { source, fallbackPath, refreshMs, s3Endpoint } = settings;
  if (source === undefined) return new NoProjects();
  const address = parseS3Address(source);
  return new ProjectsService(
    address === undefined ? new FileSource(source) : new S3Source(address, s3Endpoint),
    fallbackPath === undefined ? undefined : new FileSource(fallbackPath),
    { ...options, refreshMs },
  );
}

class NoProjects implements ConfiguredProjects {
  readonly name = 'projects';
  readonly firstLook = Promise.resolve();

  list(): [] {
    return [];
  }

  health(): Health {
    const details = { source: null, loadedAt: null, brokenSince: null, problem: null };
    return { ready: true, details };
  }

  async run(signal: AbortSignal): Promise<void> {
    if (!signal.aborted) await once(signal, 'abort');
  }
}
