import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Forge } from '../../../src/intake/intake.ts';

/** A payload as a forge sends it. */
export interface CorpusWebhook {
  readonly forge: Forge;
  /** Where it is from, for people. */
  readonly source: string;
  readonly name: string;
  // biome-ignore lint/suspicious/noExplicitAny: payloads are what their schemas are tested with
  readonly payload: any;
}

const GITHUB_NAMES = [
  'workflow_run',
  'workflow_job',
  'check_run',
  'check_suite',
  'deployment_status',
  'pull_request',
];

/** What GitHub sent, of every type that is mapped: github.com and all releases of its server. */
export const GITHUB_CORPUS: readonly CorpusWebhook[] = serverDirectories().flatMap((directory) => {
  const definitions: { name: string; examples: object[] }[] = readJson(
    join(directory, 'index.json'),
  );
  return definitions
    .filter(({ name }) => GITHUB_NAMES.includes(name))
    .flatMap(({ name, examples }) =>
      examples.map((payload, place) => ({
        forge: 'github' as const,
        source: `${directory.split('/').at(-1)} ${name} ${place}`,
        name,
        payload,
      })),
    );
});

/**
 * What Gitea and Forgejo send, put together from the structures and conversions in their sources,
 * since nobody has published recordings: the release is in the name of the file, or `later`.
 */
export const GITEA_CORPUS: readonly CorpusWebhook[] = readdirSync(giteaDirectory())
  .sort()
  .map((file) => ({
    forge: 'gitea' as const,
    source: file,
    name: file.split('.')[0] as string,
    payload: readJson(join(giteaDirectory(), file)),
  }));

/** One payload of Gitea by the name of its file. */
export function giteaPayload(file: string): CorpusWebhook['payload'] {
  return structuredClone(GITEA_CORPUS.find(({ source }) => source === file)?.payload);
}

function serverDirectories(): string[] {
  const github = createRequire(import.meta.url).resolve('@octokit/webhooks-examples');
  const root = dirname(dirname(github));
  const servers = readdirSync(root).filter((name) => /^(api\.github\.com|ghes-\d+)$/.test(name));
  return servers.sort().map((name) => join(root, name));
}

function giteaDirectory(): string {
  return fileURLToPath(new URL('gitea-payloads', import.meta.url));
}

function readJson(path: string) {
  return JSON.parse(readFileSync(path, 'utf8'));
}
