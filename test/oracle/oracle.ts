import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FAULTS } from './faults/table.ts';
import { type OracleOptions, readOptions, USAGE } from './options.ts';
import { planRound } from './plan/round-plan.ts';
import { describeRound, writeFailure } from './report.ts';
import { runRound } from './round.ts';
import { figuresOf, type RoundFigures, roundFiguresOf, summaryOf } from './summary.ts';

/**
 * The oracle: whether the invariants of ARCHITECTURE.md hold under everything that happens to a
 * service in production.
 *
 * A round starts real processes and a real Redis, lets bots and dashboards of every kind loose on
 * them, and meanwhile brings about faults of a table (`faults/table.ts`). Then it waits until all is
 * quiet and live again, reads the whole event stream as the truth, folds it by a model of its own
 * (`model/history.ts`), and judges everything that anybody was told (`judge/judge.ts`).
 *
 * All that is decided comes from the seed (`plan/round-plan.ts`, `dice.ts`), so that a round can be
 * run again by itself. What the machine decides, which of two things came first, may differ.
 */
const FRESH_SEEDS = 1_000_000;
/** No round takes so long, in milliseconds: every wait within it is bounded. */
const ROUND_MS = 240_000;

let options: OracleOptions;
try {
  options = readOptions(process.argv.slice(2), Math.floor(Math.random() * FRESH_SEEDS));
} catch (error) {
  console.error(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
  process.exit(2);
}
process.exitCode = (await runRounds(options)) ? 0 : 1;

/** Whether all of them were good. */
async function runRounds({ seed, forMs, rounds, round: only, ...rest }: OracleOptions) {
  const { faults, jobs, keepsGoing, isVerbose, json, liveWithinMs } = rest;
  const out = rest.out ?? join(tmpdir(), 'tasktrail-oracle');
  const startedAt = performance.now();
  const seen: RoundFigures[] = [];
  console.log(`oracle: seed ${seed}, faults: ${faults.join(', ')}`);
  let next = only ?? 1;
  const last = only ?? rounds;
  let isOver = false;
  const job = async () => {
    while (
      !isOver &&
      next <= last &&
      (only !== undefined || performance.now() - startedAt < forMs)
    ) {
      const plan = planRound(seed, next, faults, (fault) => FAULTS[fault]);
      next += 1;
      const hung = setTimeout(() => giveUp(plan.round), ROUND_MS);
      const outcome = await runRound(plan, liveWithinMs);
      clearTimeout(hung);
      seen.push(roundFiguresOf(outcome));
      console.log(describeRound(outcome));
      if (isVerbose) console.log(outcome.timeline.text('    '));
      if (outcome.findings.length > 0) {
        isOver = !keepsGoing;
        console.log(`    written to ${await writeFailure(outcome, out)}`);
        console.log(`    again: ${commandFor(plan.seed, plan.round, rest)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: jobs }, job));
  const figures = figuresOf(seed, seen, performance.now() - startedAt);
  console.log(summaryOf(figures));
  if (json !== undefined) await writeFile(json, `${JSON.stringify(figures, null, 2)}\n`);
  return figures.failed.length === 0;
}

/** What it had started ends with it: each process has a guard. */
function giveUp(round: number): void {
  console.error(`round ${round} does not end`);
  process.exit(1);
}

function commandFor(
  seed: number,
  round: number,
  { faults }: Pick<OracleOptions, 'faults'>,
): string {
  const isAll = faults.length === Object.keys(FAULTS).length;
  const restriction = isAll ? '' : ` --faults ${faults.join(',')}`;
  return `npm run oracle -- --seed ${seed} --round ${round}${restriction}`;
}
