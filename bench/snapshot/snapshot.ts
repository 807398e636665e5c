import { readFile } from 'node:fs/promises';
import type { BenchPart } from '../harness/bench.ts';
import { pageCases } from './pages.ts';
import { requestCases } from './requests.ts';
import { tokenCase } from './token.ts';

const SIZES = [1_000, 100_000, 1_000_000];
const QUICK_SIZES = [1_000, 5_000];

export const PART: BenchPart = {
  id: 'snapshot',
  title: 'Snapshot pages',
  method: `The real \`tasktrail serve\` on one core, with a log level of \`warn\`; the load generator (raw
sockets, kept alive, one request at a time on each) and Redis on the other. Executions are made up, all of one
shape, about 600 B each in a page, and written as the projector would leave them.

Times are the client's, from when a request was due to the last byte of its answer: what the server itself
takes is less. Requests are due at a steady rate, whatever the answers do, over 16 connections, while a projector
on the generator's core applies 20 events a second. *First* is the same first page for all, which is read once for
each state of the read model; *middle* is another page for each request (where there are enough executions), from
anywhere in the first six tenths of the walk, with a cursor whose execution is gone: always read.

Requests a second are those of 32 connections that never wait, for the first page, while nothing is applied: a page
that is kept, or 304. Bare Koa has one middleware, which sends the same body from memory, or asks \`ctx.fresh\`: no
token, no rights, no look at Redis, no security headers, no metrics.`,
  cases: async (isQuick) => {
    const version = await ownVersion();
    const sizes = isQuick ? QUICK_SIZES : SIZES;
    return [
      ...pageCases(sizes, version),
      ...(await requestCases(sizes.at(-1) ?? 1_000, version)),
      tokenCase(version),
    ];
  },
};

async function ownVersion(): Promise<string> {
  const file = new URL('../../package.json', import.meta.url);
  return `tasktrail ${JSON.parse(await readFile(file, 'utf8')).version}`;
}
