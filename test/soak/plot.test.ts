import { describe, expect, test } from 'vitest';
import { linearAxis, logarithmicAxis } from './axis.ts';
import { type Plot, plotSvg } from './plot.ts';

const PLOT: Plot = {
  ...{ title: 'Resident memory', unit: 'MiB', scale: 'linear', toMs: 600_000 },
  load: { fromMs: 60_000, toMs: 540_000 },
  faults: [{ fromMs: 120_000, toMs: 126_000 }],
  lines: [
    {
      label: 'server-1',
      points: [
        { atMs: 0, value: 0 },
        { atMs: 300_000, value: 100 },
        { atMs: 600_000, value: 200 },
      ],
    },
  ],
};

/** The lines of points, without the samples of the legend. */
function pointsIn(svg: string): string[] {
  const found = [...svg.matchAll(/<polyline [^>]*points="([^"]*)"/g)].map(([, at = '']) => at);
  return found.filter((at) => !at.includes(',44 '));
}

describe('a plot', () => {
  test('places a line from the lower left to the upper right', () => {
    expect(pointsIn(plotSvg(PLOT))).toEqual(['64,296 454,181 844,66']);
  });

  test('names its figure, its unit, its time and its lines', () => {
    const svg = plotSvg(PLOT);
    for (const said of ['Resident memory (MiB)', 'minutes', 'server-1', 'a fault', '>200<']) {
      expect(svg).toContain(said);
    }
  });

  test('interrupts a line where nothing could be read', () => {
    const [first, second, third] = PLOT.lines[0]?.points ?? [];
    const gap = { atMs: 400_000, value: Number.NaN };
    const points = [first, second, gap, third].flatMap((point) => point ?? []);
    const svg = plotSvg({ ...PLOT, lines: [{ label: 'server-1', points }] });
    expect(pointsIn(svg)).toEqual(['64,296 454,181', '844,66']);
  });

  test('marks faults where they were, and always so wide that they are seen', () => {
    const svg = plotSvg({ ...PLOT, faults: [{ fromMs: 300_000, toMs: 300_001 }] });
    expect(svg).toContain('<rect class="fault" x="454" width="1.5" y="66" height="230"/>');
  });

  test('has another style on dark paper, and no colour outside of its style', () => {
    const svg = plotSvg(PLOT);
    expect(svg).toContain('@media (prefers-color-scheme: dark)');
    expect(svg.replace(/<style>.*<\/style>/s, '')).not.toMatch(/#[0-9a-f]{6}|fill=|stroke=/);
  });

  test('tells its lines apart without colour', () => {
    const [line] = PLOT.lines;
    const lines = Array.from({ length: 4 }, () => line ?? { label: '', points: [] });
    const svg = plotSvg({ ...PLOT, lines });
    const dashes = [...svg.matchAll(/stroke-dasharray="([^"]+)"/g)].map(([, dash]) => dash);
    expect(new Set(dashes).size).toBe(3);
  });

  test('takes no name for markup', () => {
    const svg = plotSvg({ ...PLOT, title: '<b>&"', lines: [{ label: '</svg>', points: [] }] });
    expect(svg).toContain('&lt;b&gt;&amp;&quot;');
    expect(svg.match(/<\/svg>/g)).toHaveLength(1);
  });

  test('of nothing is still one', () => {
    const svg = plotSvg({ ...PLOT, lines: [], faults: [] });
    expect(svg).not.toContain('NaN');
    expect(plotSvg({ ...PLOT, lines: [], scale: 'log' })).not.toContain('NaN');
  });
});

describe('an axis', () => {
  test('ends with a round number that no value passes', () => {
    expect(linearAxis(187, 5).ticks).toEqual([0, 50, 100, 150, 200]);
    expect(linearAxis(30, 10).ticks.at(-1)).toBe(30);
    expect(linearAxis(0.7, 5).ticks).toEqual([0, 0.2, 0.4, 0.6, 0.8]);
    expect(linearAxis(200, 5).place(200)).toBe(1);
  });

  test('by powers of ten shows what is too small at its edge', () => {
    const axis = logarithmicAxis(1, 5000);
    expect(axis.ticks).toEqual([1, 10, 100, 1000, 10_000]);
    expect(axis.place(0)).toBe(0);
    expect(axis.place(100)).toBe(0.5);
    expect(axis.place(1e9)).toBe(1);
  });
});
