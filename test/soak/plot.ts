import { type Axis, linearAxis, logarithmicAxis } from './axis.ts';
import { nameWithUnit } from './figures.ts';
import type { Point, Span } from './flatness.ts';

/** A line of a plot. */
export interface Line {
  readonly label: string;
  readonly points: readonly Point[];
}

export interface Plot {
  readonly title: string;
  readonly unit: string;
  readonly scale: 'linear' | 'log';
  readonly lines: readonly Line[];
  /** When something happened that is not the load's own doing. */
  readonly faults: readonly Span[];
  readonly load: Span;
  readonly toMs: number;
}

const WIDTH = 860;
const HEIGHT = 340;
/** Where the points are: between title and legend above and the names of the axes. */
const AREA = { left: 64, right: WIDTH - 16, top: 66, bottom: HEIGHT - 44 };
const MINUTE_MS = 60_000;
/** The least that a logarithmic scale tells apart, in its unit. */
const LEAST = 1;

/** Told apart by their dashes, too; legible on both papers. */
const COLOURS = [
  { light: '#0b62a8', dark: '#6cb6ff', dash: '' },
  { light: '#b34700', dark: '#ffa657', dash: '7 3' },
  { light: '#1a7f37', dark: '#6bc46d', dash: '2 3' },
  { light: '#8250df', dark: '#d2a8ff', dash: '9 3 2 3' },
  { light: '#a40e5a', dark: '#ff9bce', dash: '5 2' },
  { light: '#57606a', dark: '#adbac7', dash: '1 2' },
] as const;

const STYLE = `
text { font: 12px system-ui, sans-serif; fill: #424a53; }
.title { font-weight: 600; font-size: 15px; fill: #1f2328; }
.paper { fill: #ffffff; }
.grid { stroke: #d8dee4; }
.fault { fill: #d4a72c; fill-opacity: 0.28; }
.edge { stroke: #8c959f; stroke-dasharray: 3 3; }
polyline { fill: none; stroke-width: 1.6; stroke-linejoin: round; }
${COLOURS.map(({ light }, n) => `.line-${n} { stroke: ${light}; }`).join('\n')}
@media (prefers-color-scheme: dark) {
text { fill: #b1bac4; }
.title { fill: #f0f6fc; }
.paper { fill: #0d1117; }
.grid { stroke: #30363d; }
.fault { fill: #e3b341; fill-opacity: 0.22; }
.edge { stroke: #6e7681; }
${COLOURS.map(({ dark }, n) => `.line-${n} { stroke: ${dark}; }`).join('\n')}
}`;

/** The plot as a whole SVG document, which looks by itself whether it is shown on dark paper. */
export function plotSvg(plot: Plot): string {
  const { scale, lines, faults, load, toMs } = plot;
  const name = nameWithUnit(plot);
  const values = lines.flatMap(({ points }) => points.map(({ value }) => value)).filter(isNumber);
  const largest = Math.max(0, ...values);
  const up = scale === 'linear' ? linearAxis(largest, 5) : logarithmicAxis(LEAST, largest);
  const along = linearAxis(toMs / MINUTE_MS, 10);
  const x = (ms: number) => AREA.left + along.place(ms / MINUTE_MS) * (AREA.right - AREA.left);
  const y = (value: number) => AREA.bottom - up.place(value) * (AREA.bottom - AREA.top);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(`${name} over time`)}">`,
    `<style>${STYLE}\n</style>`,
    `<rect class="paper" width="${WIDTH}" height="${HEIGHT}"/>`,
    text({ at: [AREA.left, 24], kind: 'title' }, name),
    ...faults.map((span) => strip(x, span)),
    ...upwards(up, y),
    ...alongside(along, x),
    ...[load.fromMs, load.toMs].map((ms) => edge(x(ms))),
    ...lines.flatMap((line, n) => drawn(line, n, x, y)),
    ...legend(lines, faults.length > 0),
    '</svg>\n',
  ].join('\n');
}

type Place = (value: number) => number;

function upwards({ ticks }: Axis, y: Place): string[] {
  return ticks.flatMap((tick) => [
    `<line class="grid" x1="${AREA.left}" x2="${AREA.right}" y1="${px(y(tick))}" y2="${px(y(tick))}"/>`,
    text({ at: [AREA.left - 8, y(tick) + 4], anchor: 'end' }, tick.toLocaleString('en')),
  ]);
}

function alongside({ ticks }: Axis, x: Place): string[] {
  const middle = (AREA.left + AREA.right) / 2;
  return [
    ...ticks.map((minute) =>
      text({ at: [x(minute * MINUTE_MS), AREA.bottom + 18], anchor: 'middle' }, String(minute)),
    ),
    text({ at: [middle, HEIGHT - 8], anchor: 'middle' }, 'minutes; load between the dashed lines'),
  ];
}

function edge(x: number): string {
  return `<line class="edge" x1="${px(x)}" x2="${px(x)}" y1="${AREA.top}" y2="${AREA.bottom}"/>`;
}

function strip(x: Place, { fromMs, toMs }: Span): string {
  const width = Math.max(1.5, x(toMs) - x(fromMs));
  return `<rect class="fault" x="${px(x(fromMs))}" width="${px(width)}" y="${AREA.top}" height="${AREA.bottom - AREA.top}"/>`;
}

/** Interrupted where nothing could be read. */
function drawn({ points }: Line, n: number, x: Place, y: Place): string[] {
  const runs: Point[][] = [[]];
  for (const point of points) {
    if (isNumber(point.value)) runs.at(-1)?.push(point);
    else runs.push([]);
  }
  return runs
    .filter((run) => run.length > 0)
    .map((run) => run.map(({ atMs, value }) => `${px(x(atMs))},${px(y(value))}`).join(' '))
    .map((at) => `<polyline class="line-${n % COLOURS.length}"${dashOf(n)} points="${at}"/>`);
}

function legend(lines: readonly Line[], hasFaults: boolean): string[] {
  const y = 48;
  let left: number = AREA.left;
  const next = (label: string) => {
    const at = left;
    left += 44 + label.length * 6.6;
    return at;
  };
  const entries = lines.flatMap(({ label }, n) => {
    const at = next(label);
    const sample = `<polyline class="line-${n % COLOURS.length}"${dashOf(n)} points="${px(at)},${y - 4} ${px(at + 26)},${y - 4}"/>`;
    return [sample, text({ at: [at + 31, y] }, label)];
  });
  if (!hasFaults) return entries;
  const at = next('a fault');
  const sample = `<rect class="fault" x="${px(at)}" width="26" y="${y - 11}" height="12"/>`;
  return [...entries, sample, text({ at: [at + 31, y] }, 'a fault')];
}

interface TextTerms {
  readonly at: readonly [x: number, y: number];
  readonly anchor?: 'middle' | 'end';
  readonly kind?: string;
}

function text({ at: [x, y], anchor, kind }: TextTerms, what: string): string {
  const anchored = anchor === undefined ? '' : ` text-anchor="${anchor}"`;
  const classed = kind === undefined ? '' : ` class="${kind}"`;
  return `<text x="${px(x)}" y="${px(y)}"${anchored}${classed}>${escaped(what)}</text>`;
}

function dashOf(n: number): string {
  const { dash = '' } = COLOURS[n % COLOURS.length] ?? {};
  return dash === '' ? '' : ` stroke-dasharray="${dash}"`;
}

function px(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function isNumber(value: number): boolean {
  return Number.isFinite(value);
}

function escaped(text: string): string {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
  };
  return text.replaceAll(/[&<>"]/g, (character) => entities[character] ?? character);
}
