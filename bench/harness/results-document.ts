import { tableOf } from '../../test/soak/document.ts';
import { GENERATOR_BUSY } from './bench.ts';
import { judge, spreadOf, valuesOf } from './comparison.ts';
import type { CaseRecord, PartRecord } from './record.ts';
import { spreadInWords, targetInWords } from './words.ts';

/** Above it the generator had no time left, and what it counted says nothing of what was loaded. */
const BUSY_PERCENT = 90;

const PREFACE = `# What was measured

Written by \`npm run bench\`; edit nothing here. What it means for whoever runs Tasktrail is told in
[docs/performance.md](../docs/performance.md).

Everyone who is compared ran on the same machine in the same run, taking turns (A B A B …). A figure
is the median of the turns, with the least and the most in parentheses. A ratio is taken of the two
turns of a round, and of these the median. Processes that are measured have a core of their own, and
the load generator, a process too, has the other one; where its core was busy for more than ${BUSY_PERCENT} % of the
time, the table says that it was the limit.

A case is measured again by \`npm run bench -- <part> --case <case>\`, all by \`npm run bench\`; Nchan and
the floor of Redis need Debian's packages \`libnginx-mod-nchan\` and \`redis-tools\`. The record of every
turn is beside this file, in \`results/\`.
`;

/**
 * The whole of `bench/RESULTS.md`.
 *
 * @param isDrawn whether a case has a plot
 */
export function resultsDocument(
  parts: readonly PartRecord[],
  isDrawn: (record: CaseRecord) => boolean,
): string {
  const sections = parts.flatMap(({ id, title, method, cases }) => [
    `## ${title}`,
    `\`npm run bench:${id}\``,
    method.trim(),
    ...cases.flatMap((record) => sectionOf(id, record, isDrawn(record))),
  ]);
  return `${[PREFACE.trim(), ...summary(parts), ...sections].join('\n\n')}\n`;
}

/** Every target of every part, at a glance. */
function summary(parts: readonly PartRecord[]): string[] {
  const rows = parts.flatMap(({ cases }) =>
    cases.flatMap((record) => targetRows(record).map((row) => [record.title, ...row])),
  );
  if (rows.length === 0) return [];
  return ['## Targets', tableOf([{ name: 'case' }, ...TARGET_COLUMNS], rows)];
}

const TARGET_COLUMNS = [
  { name: 'target' },
  { name: 'reached', align: 'right' },
  { name: 'met' },
] as const;

function sectionOf(part: string, record: CaseRecord, isDrawn: boolean): string[] {
  const { id, title, figures, contestants, commit, measuredAt, machine } = record;
  const names = Object.keys(figures).filter((name) => name !== GENERATOR_BUSY);
  const measured = contestants.filter(({ turns }) => turns.length > 0);
  const rows = measured.map(({ name }) => [
    `${name}${isGeneratorLimit(record, name) ? ' ¹' : ''}`,
    ...names.map((figure) => {
      const values = valuesOf(record, name, figure);
      return values.length === 0 ? '' : spreadInWords(spreadOf(values));
    }),
  ]);
  const columns = [
    { name: '' },
    ...names.map((name) => ({
      name: `${name}, ${figures[name]?.unit ?? ''}`,
      align: 'right' as const,
    })),
  ];
  const notes = [
    ...(measured.some(({ name }) => isGeneratorLimit(record, name))
      ? ['¹ The load generator was the limit: its core was busy all the time.']
      : []),
    ...contestants.flatMap(({ name, missing }) =>
      missing === undefined ? [] : [`Not measured: ${name}: ${missing}`],
    ),
  ];
  const targets = targetRows(record);
  const versions = [...new Set(contestants.map(({ version }) => version))].join(', ');
  const turns = Math.max(0, ...measured.map((one) => one.turns.length));
  return [
    `### ${title}`,
    tableOf(columns, rows),
    ...(notes.length === 0 ? [] : [notes.join('\\\n')]),
    ...(targets.length === 0 ? [] : [tableOf([...TARGET_COLUMNS], targets)]),
    ...(isDrawn ? [`![${title}](results/${part}-${id}.svg)`] : []),
    `<sub>${turns} turns, ${measuredAt.slice(0, 16).replace('T', ' ')} UTC, commit ${commit}; ${versions}; ${machine.processor}, ${machine.cores} cores, ${machine.memoryGiB} GiB, Linux ${machine.linux}, Node ${machine.node}, Redis ${machine.redis}.</sub>`,
  ];
}

function isGeneratorLimit(record: CaseRecord, contestant: string): boolean {
  const busy = valuesOf(record, contestant, GENERATOR_BUSY);
  return busy.length > 0 && spreadOf(busy).median > BUSY_PERCENT;
}

function targetRows(record: CaseRecord): string[][] {
  return record.targets.map((target) => {
    const { reached, isMet } = judge(record, target);
    const unit = record.figures[target.figure]?.unit ?? '';
    const sign = target.against === undefined ? '' : '× ';
    return [
      targetInWords(target, unit),
      reached === undefined ? 'not measured' : spreadInWords(reached, sign),
      isMet === undefined ? '' : isMet ? 'yes' : 'no',
    ];
  });
}
