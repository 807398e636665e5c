import { readFile } from 'node:fs/promises';
import type { Runner } from './runner.ts';

const EVERY_MS = 250;

/** Notes the largest memory of each process until it is disposed of. */
export function watchMemory(runners: readonly Runner[]): Disposable {
  const timer = setInterval(() => {
    for (const runner of runners) void note(runner);
  }, EVERY_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** Resident memory in bytes; 0 where there is no such process, or no /proc. */
export async function residentBytes(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
}

async function note(runner: Runner): Promise<void> {
  runner.maxRssBytes = Math.max(runner.maxRssBytes, await residentBytes(runner.pid));
}
