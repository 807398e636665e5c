import { z } from 'zod';
import { tableOf } from './document.ts';
import { faultTable } from './recoveries.ts';

const CountsSchema = z.record(z.string(), z.number());
const TimesSchema = z.object({
  measured: z.number(),
  medianMs: z.number().nullable(),
  worstMs: z.number().nullable(),
});

/** What the oracle writes with `--json`, as far as the document tells it. */
const OracleFiguresSchema = z.object({
  seed: z.number(),
  tookMs: z.number(),
  rounds: z.number(),
  failed: z.array(z.number()),
  counts: CountsSchema,
  incidents: CountsSchema,
  faults: z.array(
    z.object({
      fault: z.string(),
      rounds: z.number(),
      happenedIn: z.number(),
      recovery: TimesSchema,
    }),
  ),
  recovery: TimesSchema.extend({ goalMs: z.number(), overGoal: z.number() }),
});

type OracleFigures = z.infer<typeof OracleFiguresSchema>;

/** The file is not of the oracle. The message says what it lacks. */
export class OracleFiguresError extends Error {
  override readonly name = 'OracleFiguresError';
}

/**
 * The oracle's figures as they stand in the document.
 *
 * @param text what `npm run oracle -- --json FILE` wrote
 * @throws OracleFiguresError when it is something else
 */
export function oracleSection(text: string): string {
  const figures = readFigures(text);
  const { seed, rounds, tookMs, failed, counts, incidents, recovery } = figures;
  return [
    `${rounds} rounds of seed ${seed} in ${(tookMs / 60_000).toFixed(1)} minutes. Faults that only came ` +
      'along in a round are counted without a time of their own.',
    failed.length === 0
      ? '**Every round was as promised.**'
      : `**Not as promised: round ${failed.join(', ')}** (\`npm run oracle -- --seed ${seed} --round ${failed[0]}\`).`,
    `Live again ${recovery.measured} times, ${recovery.measured - recovery.overGoal} of them within ` +
      `${recovery.goalMs} ms.`,
    countTable('what was seen', counts),
    countTable('what happened', incidents),
    faultTable(rowsOf(figures)),
  ].join('\n\n');
}

function countTable(name: string, counts: Readonly<Record<string, number>>): string {
  return tableOf([{ name }, { name: 'how many', align: 'right' }], Object.entries(counts));
}

function rowsOf({ faults, rounds, recovery }: OracleFigures) {
  const rows = faults.map(({ fault, rounds: times, happenedIn, recovery: own }) => ({
    ...{ fault: `\`${fault}\``, times, tookEffect: happenedIn, ...own },
  }));
  const tookEffect = rows.reduce((sum, row) => sum + row.tookEffect, 0);
  const times = rows.reduce((sum, row) => sum + row.times, 0);
  return [...rows, { fault: `all, in ${rounds} rounds`, times, tookEffect, ...recovery }];
}

function readFigures(text: string): OracleFigures {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new OracleFiguresError('what the oracle wrote is no JSON', { cause });
  }
  const parsed = OracleFiguresSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const problem = z.prettifyError(parsed.error);
  throw new OracleFiguresError(`this is not what the oracle writes with --json:\n${problem}`);
}
