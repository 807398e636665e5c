import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { loadRecordedWebhooks, RecordedWebhooksError } from '../../src/demo/recorded-webhooks.ts';

const file = createRequire(import.meta.url).resolve('@octokit/webhooks-examples');

describe('loadRecordedWebhooks', () => {
  it('gives every recorded payload of runs, jobs and checks as it is, in its order', async () => {
    const definitions: { name: string; examples: unknown[] }[] = JSON.parse(
      await readFile(file, 'utf8'),
    );
    const wanted = ['check_run', 'workflow_job', 'workflow_run'];
    const expected = definitions
      .filter(({ name }) => wanted.includes(name))
      .flatMap(({ name, examples }) => examples.map((payload) => ({ name, payload })));
    expect(expected).toHaveLength(22);
    expect(await loadRecordedWebhooks()).toEqual(expected);
  });

  it('says how to get them where they are not installed', async () => {
    // The name is no literal, so that nothing resolves it before it is asked for.
    const absent: string = '@octokit/webhooks-examples-not-installed';
    const loading = loadRecordedWebhooks(() => import(/* @vite-ignore */ absent));
    await expect(loading).rejects.toThrow(RecordedWebhooksError);
    await expect(loading).rejects.toThrow(/npm install @octokit\/webhooks-examples/);
    await expect(loading).rejects.toHaveProperty('cause');
  });

  it('says so, too, where the package has another form', async () => {
    for (const other of [{}, [{ name: 'check_run' }], [{ name: 'check_run', examples: [{}] }]]) {
      const loading = loadRecordedWebhooks(async () => ({ default: other }));
      await expect(loading).rejects.toThrow(RecordedWebhooksError);
    }
  });
});
