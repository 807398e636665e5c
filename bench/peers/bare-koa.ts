import { readFile } from 'node:fs/promises';
import { SERVER_CORE, startWorker } from '../harness/processes.ts';

export interface BareKoaOptions {
  /** What it sends. */
  readonly body: string;
  /** Undefined: whole answers only. */
  readonly etag: string | undefined;
}

export interface BareKoa extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
}

/** The least that the same framework does for the same bytes: no token, no rights, no Redis, no log. */
export async function startBareKoa(options: BareKoaOptions): Promise<BareKoa> {
  const worker = await startWorker(new URL('bare-koa-process.ts', import.meta.url), SERVER_CORE);
  const port = await worker.ask<number>(options);
  return { pid: worker.pid, port, [Symbol.asyncDispose]: () => worker[Symbol.asyncDispose]() };
}

export async function versionOfKoa(): Promise<string> {
  const file = new URL('../../node_modules/koa/package.json', import.meta.url);
  return `koa ${JSON.parse(await readFile(file, 'utf8')).version}`;
}
