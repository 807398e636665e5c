import { describeFault, type Judged } from './assessment.ts';
import { tableOf } from './document.ts';
import { FIGURE_NAMES, type FigureName, figureOf, nameWithUnit } from './figures.ts';
import { faultRows, faultTable } from './recoveries.ts';
import type { Soaked } from './run-soak.ts';

/** What ran, and on what: whoever reads the figures must know. */
export interface Circumstances {
  readonly command: string;
  /** ISO-8601; the day of it is written. */
  readonly date: string;
  readonly forMs: number;
  readonly program: string;
  readonly node: string;
  readonly cores: number;
  readonly memoryBytes: number;
}

const GIB = 1024 ** 3;

/** Where the plot of a figure is, from the document. */
export function plotPath(figure: FigureName): string {
  return `reliability/${figure}.svg`;
}

export function soakSection(
  soaked: Soaked,
  judged: readonly Judged[],
  circumstances: Circumstances,
): string {
  const problems = [...judged.flatMap((one) => describeFault(one) ?? []), ...soaked.findings];
  const faults = soaked.faults.map(({ fault, tookEffect, readyMs, seenMs }) => ({
    ...{ fault, tookEffect, liveMs: Math.max(readyMs, seenMs) },
  }));
  return [
    whatRan(soaked, circumstances),
    problems.length === 0
      ? '**Every line is flat, and everything was as promised.**'
      : `**Not as it should be:**\n\n${problems.map((problem) => `- ${problem}`).join('\n')}`,
    countsOf(soaked),
    faults.length === 0 ? 'No faults.' : faultTable(faultRows(faults)),
    flatnessTable(judged),
    ...FIGURE_NAMES.map((figure) => `![${figureOf(figure).title}](${plotPath(figure)})`),
  ].join('\n\n');
}

function whatRan({ redisVersion }: Soaked, circumstances: Circumstances): string {
  const { command, date, forMs, program, node, cores, memoryBytes } = circumstances;
  return (
    `\`${command}\` on ${date.slice(0, 10)}, ${Number((forMs / 60_000).toFixed(1))} minutes, ` +
    `Tasktrail ${program}, Node ${node}, Redis ${redisVersion}, on a machine of ${cores} cores and ` +
    `${Math.round(memoryBytes / GIB)} GiB of memory, which the bots, the dashboards and Redis share.`
  );
}

function countsOf({ events, tasks, seen, deliveries, visits, faults }: Soaked): string {
  const refreshes = Object.entries(seen.refreshes);
  const sum = refreshes.reduce((total, [, count]) => total + count, 0);
  const why = refreshes.map(([reason, count]) => `${count} \`${reason}\``).join(', ');
  const rows = [
    ['events', events],
    ['tasks', tasks],
    ['webhooks taken', deliveries.taken],
    ['webhooks missed while servers were away', deliveries.missed],
    ['frames', seen.frames],
    ['pages', seen.pages],
    ['streams followed', seen.streams],
    ['streams left at once', visits],
    ['refreshes', sum === 0 ? 0 : `${sum} (${why})`],
    ['faults survived', faults.length],
    ['kinds of faults', new Set(faults.map(({ fault }) => fault)).size],
  ] as const;
  return tableOf([{ name: 'what' }, { name: 'how many', align: 'right' }], rows);
}

function flatnessTable(judged: readonly Judged[]): string {
  const rows = judged.map(({ figure, of, rule, verdict, noticesAMinute }) => {
    const { unit } = figureOf(figure);
    const what = rule === 'growth' ? 'stays under load' : 'is given back';
    const numbers =
      verdict.kind === 'unknown'
        ? ['unknown', 'unknown', 'unknown']
        : [verdict.compared.before, verdict.compared.after, verdict.compared.limit].map(asNumber);
    const notices = noticesAMinute === undefined ? '' : `${asNumber(noticesAMinute)} ${unit}`;
    return [
      nameWithUnit(figureOf(figure)),
      of,
      what,
      ...numbers,
      notices,
      verdict.kind.replace('-', ' '),
    ];
  });
  return tableOf(
    [
      ...[{ name: 'figure' }, { name: 'of' }, { name: 'rule' }],
      ...[{ name: 'before', align: 'right' } as const, { name: 'after', align: 'right' } as const],
      ...[{ name: 'at most', align: 'right' } as const],
      ...[{ name: 'growth a minute that would be noticed', align: 'right' } as const],
      { name: 'verdict' },
    ],
    rows,
  );
}

function asNumber(value: number): string {
  return value.toFixed(value < 10 ? 2 : 1);
}
