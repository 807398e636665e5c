import type { BenchCase, Figures } from '../harness/bench.ts';
import { GENERATOR_BUSY } from '../harness/bench.ts';
import { processOf } from '../harness/processes.ts';
import { startBareKoa, versionOfKoa } from '../peers/bare-koa.ts';
import { connected, filledRedis } from './filled-redis.ts';
import { requestOf } from './load.ts';
import { type Loader, startLoader } from './measured-load.ts';
import { type Serving, startServing } from './serving.ts';

/** How many pages a second one server process answers, beside Koa that sends the same bytes. */

const PATH = '/dashboard/tasks?limit=50';
const CONNECTIONS = 32;
const SECONDS = 2;
const WARM_SECONDS = 1;

/** What is asked for: the page, or whether it is still the same. */
type Asking = 'page' | 'unchanged';

export async function requestCases(executions: number, version: string): Promise<BenchCase[]> {
  const koa = await versionOfKoa();
  const caseOf = (asking: Asking, title: string, atLeast: number): BenchCase => ({
    id: `requests-${asking}`,
    title,
    figures: {
      'requests/s': { unit: 'requests/s', better: 'more' },
      [GENERATOR_BUSY]: { unit: '%', better: 'less' },
    },
    contestants: [
      { name: 'tasktrail', version, measure: () => measureOurs(executions, asking) },
      { name: 'bare Koa', version: koa, measure: () => measureKoa(executions, asking) },
    ],
    targets: [{ contestant: 'tasktrail', figure: 'requests/s', against: 'bare Koa', atLeast }],
    plotted: 'requests/s',
    isGuarded: true,
  });
  return [
    caseOf('page', 'The first page of 50, again and again: as many as one process answers', 0.6),
    caseOf('unchanged', 'The same with If-None-Match: 304', 0.8),
  ];
}

/** The page as the program sends it, so that both send the same bytes. */
async function pageOf({ url, headers }: Serving): Promise<{ body: string; etag: string }> {
  const answer = await fetch(url + PATH, { headers });
  const etag = answer.headers.get('ETag');
  if (!answer.ok || etag === null) throw new Error(`the page is answered ${answer.status}`);
  return { body: await answer.text(), etag };
}

async function measureOurs(executions: number, asking: Asking): Promise<Figures> {
  const redisUrl = await filledRedis(executions);
  await using redis = await connected(redisUrl);
  await using serving = await startServing({ redisUrl });
  await using loader = await startLoader([await processOf(redis.client)]);
  const { etag } = await pageOf(serving);
  return await measure(loader, serving.port, serving.headers, asking, etag);
}

async function measureKoa(executions: number, asking: Asking): Promise<Figures> {
  const redisUrl = await filledRedis(executions);
  let page: Awaited<ReturnType<typeof pageOf>>;
  let headers: Serving['headers'];
  {
    await using serving = await startServing({ redisUrl });
    page = await pageOf(serving);
    headers = serving.headers;
  }
  const { body, etag } = page;
  await using koa = await startBareKoa({ body, etag: asking === 'page' ? undefined : etag });
  await using loader = await startLoader([]);
  return await measure(loader, koa.port, headers, asking, etag);
}

async function measure(
  loader: Loader,
  port: number,
  headers: Serving['headers'],
  asking: Asking,
  etag: string,
): Promise<Figures> {
  const condition = asking === 'page' ? {} : { 'If-None-Match': etag };
  const requests = [requestOf(PATH, { ...headers, ...condition })];
  const load = { port, requests, connections: CONNECTIONS };
  const status = asking === 'page' ? 200 : 304;
  await loader.load({ ...load, seconds: WARM_SECONDS }, status);
  const loaded = await loader.load({ ...load, seconds: SECONDS }, status);
  return { 'requests/s': loaded.perSecond, [GENERATOR_BUSY]: loaded[GENERATOR_BUSY] };
}
