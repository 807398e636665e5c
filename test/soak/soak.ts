import { readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { assess, describeFault, type Judged } from './assessment.ts';
import { withSection } from './document.ts';
import { FIGURE_NAMES, figureOf } from './figures.ts';
import { readOptions, type SoakOptions, USAGE } from './options.ts';
import { oracleSection } from './oracle-section.ts';
import { plotSvg } from './plot.ts';
import { runSoak, type Soaked } from './run-soak.ts';
import { plotPath, soakSection } from './soak-section.ts';

/**
 * The soak: whether the program stays as it is while it works. Bots, forges and dashboards keep real
 * processes busy, faults of many kinds happen, and what the processes hold is looked at all the time:
 * memory, handles, connections to Redis, delays. At the end it must be what it was, and every event
 * must be where it belongs, which the oracle's judge decides.
 */
const args = process.argv.slice(2);
let options: SoakOptions;
try {
  options = readOptions(args);
} catch (error) {
  console.error(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
  process.exit(2);
}
const document = join(options.docs, 'reliability.md');
try {
  // Before anything runs for half an hour.
  await prepare();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(2);
}
if (options.forMs > 0) process.exitCode = (await soak()) ? 0 : 1;

/** Writes the oracle's figures where they were given; what is no document yet becomes a copy of it. */
async function prepare(): Promise<void> {
  const own = new URL('../../docs/reliability.md', import.meta.url);
  const found = await readFile(document, 'utf8').catch(() => readFile(own, 'utf8'));
  const { oracle } = options;
  const text =
    oracle === undefined
      ? found
      : withSection(found, 'oracle', oracleSection(await readFile(oracle, 'utf8')));
  withSection(text, 'soak', 'has its place');
  await mkdir(options.docs, { recursive: true });
  await writeFile(document, text);
}

/** Whether all was as it should be. */
async function soak(): Promise<boolean> {
  const soaked = await runSoak(options, console.log);
  if (options.json !== undefined) await writeFile(options.json, JSON.stringify(soaked));
  const judged = assess(soaked);
  const section = soakSection(soaked, judged, {
    command: ['npm run soak --', ...args].join(' '),
    date: new Date().toISOString(),
    forMs: options.forMs,
    program: programVersion(),
    node: process.versions.node,
    cores: cpus().length,
    memoryBytes: totalmem(),
  });
  await writePlots(soaked);
  await writeFile(document, withSection(await readFile(document, 'utf8'), 'soak', section));
  console.log(`written to ${document}`);
  return report(soaked, judged);
}

async function writePlots({ series, faults, load }: Soaked): Promise<void> {
  const toMs = Math.max(...series.flatMap(({ points }) => points.at(-1)?.atMs ?? 0));
  for (const figure of FIGURE_NAMES) {
    const file = join(options.docs, plotPath(figure));
    const lines = series
      .filter((one) => one.figure === figure)
      .map(({ of, points }) => ({ label: of, points }));
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, plotSvg({ ...figureOf(figure), lines, faults, load, toMs }));
  }
}

function report({ findings, events, faults }: Soaked, judged: readonly Judged[]): boolean {
  const problems = [...judged.flatMap((one) => describeFault(one) ?? []), ...findings];
  for (const problem of problems) console.log(`  ${problem}`);
  const verdict =
    problems.length === 0 ? 'flat' : `NOT as it should be, ${problems.length} problems`;
  console.log(`soak: ${verdict}; ${events} events, ${faults.length} faults`);
  return problems.length === 0;
}

function programVersion(): string {
  const file = new URL('../../package.json', import.meta.url);
  return String((JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version);
}
