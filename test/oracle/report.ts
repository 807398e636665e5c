import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { History, StoredEntry } from './model/history.ts';
import type { Outcome } from './round.ts';

const SHOWN_FINDINGS = 12;
const SHOWN_CHARACTERS = 400;

/** One line for a round, and what was wrong with it. */
export function describeRound({ plan, findings, recoveries, tookMs, evidence }: Outcome): string {
  const { round, store, servers, projectors } = plan;
  const faults = plan.faults.map(({ name }) => name).join(' + ');
  const set = `${store}, ${projectors} projector(s), ${servers} server(s)`;
  const seen = evidence === undefined ? '' : `, ${countsOf(evidence)}`;
  const live = recoveries.map(({ readyMs, seenMs }) => Math.max(readyMs, seenMs)).join(' and ');
  const verdict = findings.length === 0 ? 'good' : `FAILED, ${findings.length} finding(s)`;
  const shown = findings
    .slice(0, SHOWN_FINDINGS)
    .map((finding) => `\n    ${finding.slice(0, SHOWN_CHARACTERS)}`);
  return (
    `round ${round}: ${faults} (${set}): ${verdict}; live after ${live} ms${seen}, ` +
    `${(tookMs / 1000).toFixed(1)} s${shown.join('')}`
  );
}

function countsOf({ history, viewers, parkings }: NonNullable<Outcome['evidence']>): string {
  const frames = viewers.reduce((sum, { recording }) => sum + recording.frames, 0);
  const pages = viewers.reduce((sum, { recording }) => sum + recording.pages, 0);
  const refreshes = viewers.reduce((sum, viewer) => sum + viewer.refreshes.length, 0);
  const seen = `${history.outcomes.size} events, ${frames} frames, ${pages} pages`;
  return `${seen}, ${refreshes} refreshes${parkings === 0 ? '' : `, ${parkings} parkings`}`;
}

/** Writes all that is known of a round into a directory of its own, and names it. */
export async function writeFailure(outcome: Outcome, parent: string): Promise<string> {
  const { plan, findings, timeline, runners, evidence } = outcome;
  const directory = join(parent, `seed-${plan.seed}-round-${plan.round}`);
  await mkdir(directory, { recursive: true });
  const write = (name: string, text: string) => writeFile(join(directory, name), text);
  const { dice: _, ...schedule } = plan;
  await write('plan.json', asJson(schedule));
  await write('findings.txt', `${findings.join('\n')}\n`);
  await write('timeline.txt', `${timeline.text()}\n`);
  for (const { name, lives } of runners) {
    const text = lives.map(({ output, errors }) => `${output}${errors}`).join('-- next life\n');
    await write(`${name}.log`, text);
  }
  if (evidence === undefined) return directory;
  const { stored, history, viewers, ledger } = evidence;
  await write('events.ndjson', stored.events.map((entry) => lineOf(entry, history)).join(''));
  await write('stored.json', asJson({ ...stored, events: undefined, feed: undefined }));
  await write('ledger.ndjson', ledger.entries.map((told) => `${JSON.stringify(told)}\n`).join(''));
  for (const { plan: viewer, recording, refreshes, tasks } of viewers) {
    const held = Object.fromEntries(tasks);
    await write(`${viewer.name}.json`, asJson({ viewer, refreshes, recording, held }));
  }
  return directory;
}

function lineOf({ id, pairs }: StoredEntry, { outcomes }: History): string {
  const texts = pairs.map((bytes) => String(bytes.subarray(0, 300)));
  return `${JSON.stringify({ id, outcome: outcomes.get(id), texts })}\n`;
}

function asJson(value: unknown): string {
  const plain = (_: string, one: unknown) => (one instanceof Map ? Object.fromEntries(one) : one);
  return JSON.stringify(value, plain, 1);
}
