import { linearAxis } from '../../test/soak/axis.ts';
import { spreadOf, valuesOf } from './comparison.ts';
import type { CaseRecord } from './record.ts';
import { inDigits } from './words.ts';

const WIDTH = 860;
const ROW = 30;
const AREA = { left: 250, right: WIDTH - 110, top: 48 };

const STYLE = `
text { font: 12px system-ui, sans-serif; fill: #424a53; }
.title { font-weight: 600; font-size: 15px; fill: #1f2328; }
.paper { fill: #ffffff; }
.grid { stroke: #d8dee4; }
.ours { fill: #0b62a8; }
.peer { fill: #8c959f; }
.range { stroke: #1f2328; stroke-width: 1.5; }
@media (prefers-color-scheme: dark) {
text { fill: #b1bac4; }
.title { fill: #f0f6fc; }
.paper { fill: #0d1117; }
.grid { stroke: #30363d; }
.ours { fill: #6cb6ff; }
.peer { fill: #6e7681; }
.range { stroke: #f0f6fc; }
}`;

/**
 * A figure of a case as bars, one for each contestant: their medians, and a line from the least to
 * the most of the turns. Undefined where the case has nothing to draw.
 */
export function barsSvg(record: CaseRecord): string | undefined {
  const { title, plotted, figures, contestants } = record;
  if (plotted === undefined) return undefined;
  const rows = contestants
    .map(({ name }) => ({ name, values: valuesOf(record, name, plotted) }))
    .filter(({ values }) => values.length > 0)
    .map(({ name, values }) => ({ name, spread: spreadOf(values) }));
  if (rows.length === 0) return undefined;
  const { unit = '', better = 'more' } = figures[plotted] ?? {};
  const axis = linearAxis(Math.max(...rows.map(({ spread }) => spread.most)), 6);
  const x = (value: number) => round(AREA.left + axis.place(value) * (AREA.right - AREA.left));
  const bottom = AREA.top + rows.length * ROW;
  const height = bottom + 46;
  const name = `${title}: ${plotted}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(name)}">`,
    `<style>${STYLE}\n</style>`,
    `<rect class="paper" width="${WIDTH}" height="${height}"/>`,
    `<text class="title" x="16" y="26">${escaped(name)}</text>`,
    ...axis.ticks.flatMap((tick) => [
      `<line class="grid" x1="${x(tick)}" x2="${x(tick)}" y1="${AREA.top}" y2="${bottom}"/>`,
      `<text x="${x(tick)}" y="${bottom + 18}" text-anchor="middle">${tick.toLocaleString('en')}</text>`,
    ]),
    ...rows.flatMap((row, n) => {
      const y = AREA.top + n * ROW;
      const { median, least, most } = row.spread;
      const kind = row.name.startsWith('tasktrail') ? 'ours' : 'peer';
      return [
        `<text x="${AREA.left - 10}" y="${y + 20}" text-anchor="end">${escaped(row.name)}</text>`,
        `<rect class="${kind}" x="${AREA.left}" y="${y + 6}" width="${round(x(median) - AREA.left)}" height="${ROW - 12}"/>`,
        `<line class="range" x1="${x(least)}" x2="${x(most)}" y1="${y + ROW / 2}" y2="${y + ROW / 2}"/>`,
        `<text x="${round(x(Math.max(median, most)) + 8)}" y="${y + 20}">${inDigits(median)}</text>`,
      ];
    }),
    `<text x="${(AREA.left + AREA.right) / 2}" y="${bottom + 38}" text-anchor="middle">${escaped(unit)}; ${better} is better; the thin line is from the least to the most of the turns</text>`,
    '</svg>\n',
  ].join('\n');
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
