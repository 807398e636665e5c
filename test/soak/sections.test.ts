import { describe, expect, test } from 'vitest';
import type { Figures } from '../oracle/summary.ts';
import { assess, describeFault } from './assessment.ts';
import type { Undergone } from './fault-schedule.ts';
import { OracleFiguresError, oracleSection } from './oracle-section.ts';
import type { Soaked } from './run-soak.ts';
import type { Series } from './sampler.ts';
import { type Circumstances, soakSection } from './soak-section.ts';

const CIRCUMSTANCES: Circumstances = {
  ...{ command: 'npm run soak -- --minutes 30', date: '2026-11-20T12:00:00.000Z' },
  ...{ forMs: 1_800_000, program: '0.1.0', node: '24.1.0', cores: 2, memoryBytes: 8 * 1024 ** 3 },
};

/** A point a second of a soak of 100 s: idle for 10, under load for 80, at rest for 10. */
function seriesOf(
  figure: Series['figure'],
  of: string,
  valueAt: (second: number) => number,
): Series {
  const points = Array.from({ length: 100 }, (_, n) => ({ atMs: n * 1000, value: valueAt(n) }));
  return { figure, of, points };
}

function faultOf(fault: Undergone['fault'], readyMs: number, seenMs: number): Undergone {
  return { fault, fromMs: 20_000, toMs: 21_000, readyMs, seenMs, tookEffect: true };
}

function soakOf(series: Series[], more: Partial<Soaked> = {}): Soaked {
  return {
    ...{ series, unbroken: ['server-1'], events: 1234, tasks: 56, redisVersion: '7.0.15' },
    idle: { fromMs: 0, toMs: 10_000 },
    load: { fromMs: 10_000, toMs: 90_000 },
    rest: { fromMs: 92_000, toMs: 100_000 },
    faults: [
      faultOf('kill-server', 300, 100),
      faultOf('kill-server', 100, 500),
      { ...faultOf('client-kill', 7, 9), tookEffect: false },
    ],
    seen: { frames: 9999, pages: 88, streams: 77, refreshes: { cursor_expired: 4 } },
    deliveries: { taken: 12, missed: 3, faults: [] },
    visits: 321,
    findings: [],
    ...more,
  };
}

const steady = seriesOf('resident', 'server-1', () => 150);
const leaking = seriesOf('heap', 'server-1', (second) => 40 + second);

describe('an assessment', () => {
  test('finds the line that grows, and only that', () => {
    const kinds = assess(soakOf([steady, leaking])).map(({ figure, verdict }) => [
      figure,
      verdict.kind,
    ]);
    expect(kinds).toEqual([
      ['resident', 'flat'],
      ['heap', 'not-flat'],
    ]);
  });

  test('finds what is not given back, although it stays the same under load', () => {
    const kept = seriesOf('connections', 'tasktrail:events', (second) => (second < 10 ? 1 : 2));
    const [growth, back] = assess(soakOf([kept]));
    expect(growth).toMatchObject({ rule: 'growth', verdict: { kind: 'flat' } });
    expect(back).toMatchObject({ rule: 'return', verdict: { kind: 'not-flat' } });
  });

  test('says nothing of the growth of a process that was killed, but of what it holds', () => {
    const [only, ...others] = assess(soakOf([seriesOf('handles', 'server-2', (second) => second)]));
    expect(only).toMatchObject({ rule: 'return', verdict: { kind: 'not-flat' } });
    expect(others).toEqual([]);
  });

  test('lets what Redis holds grow with the events', () => {
    expect(assess(soakOf([seriesOf('redis-memory', 'Redis', (second) => second)]))).toEqual([]);
  });

  test('does not take silence for good news', () => {
    const soaked = soakOf([seriesOf('heap', 'server-1', () => Number.NaN)]);
    const [judged] = assess(soaked);
    expect(judged?.verdict).toEqual({ kind: 'unknown', points: 0 });
    expect(judged && describeFault(judged)).toBe(
      'Heap in use of server-1: only 0 samples to judge it by',
    );
  });
});

describe('the section of a soak', () => {
  const sectionOf = (soaked: Soaked) => soakSection(soaked, assess(soaked), CIRCUMSTANCES);

  test('says what ran, when, how long and on what', () => {
    expect(sectionOf(soakOf([steady]))).toMatch(
      /^`npm run soak -- --minutes 30` on 2026-11-20, 30 minutes, Tasktrail 0.1.0, Node 24.1.0, Redis 7.0.15, on a machine of 2 cores and 8 GiB of memory,/,
    );
  });

  test('tells faults by kind, with median and worst time until all was live again', () => {
    const section = sectionOf(soakOf([steady]));
    expect(section).toContain('| `client-kill` | 1 | 0 | 9 ms | 9 ms |');
    expect(section).toContain('| `kill-server` | 2 | 2 | 400 ms | 500 ms |');
    expect(section).toContain('| all | 3 | 2 | 300 ms | 500 ms |');
    expect(section).toContain('| refreshes | 4 (4 `cursor_expired`) |');
  });

  test('names the line that is not flat, and whatever else was found', () => {
    const section = sectionOf(soakOf([steady, leaking], { findings: ['x was lost'] }));
    expect(section).toContain('- Heap in use of server-1 grew under load: from 70.0 to 110.0 MiB');
    expect(section).toContain('- x was lost');
    expect(section).not.toContain('Every line is flat');
    expect(sectionOf(soakOf([steady]))).toContain('Every line is flat');
  });

  test('shows a plot of each figure', () => {
    const section = sectionOf(soakOf([steady]));
    expect(section.match(/!\[[^\]]+\]\(reliability\/[a-z-]+\.svg\)/g)).toHaveLength(8);
  });
});

describe('the section of the oracle', () => {
  const none = { measured: 0, medianMs: null, worstMs: null };
  const times = { measured: 3, medianMs: 100, worstMs: 900 };
  const figures: Figures = {
    ...{ seed: 7, rounds: 40, tookMs: 180_000, failed: [], counts: { events: 5000 } },
    ...{ refreshes: {}, incidents: { failovers: 2 } },
    faults: [
      { fault: 'black-hole', rounds: 3, happenedIn: 2, effect: 'failovers', recovery: times },
      { fault: 'client-kill', rounds: 1, happenedIn: 1, effect: 'failovers', recovery: none },
    ],
    recovery: { ...times, goalMs: 5000, overGoal: 1 },
  };

  test('tells rounds, counts and recoveries', () => {
    const section = oracleSection(JSON.stringify(figures));
    expect(section).toContain('40 rounds of seed 7 in 3.0 minutes.');
    expect(section).toContain('**Every round was as promised.**');
    expect(section).toContain('| events | 5000 |');
    expect(section).toContain('| failovers | 2 |');
    expect(section).toContain('Live again 3 times, 2 of them within 5000 ms.');
    expect(section).toContain('| `black-hole` | 3 | 2 | 100 ms | 900 ms |');
    expect(section).toContain('| `client-kill` | 1 | 1 | not measured | not measured |');
    expect(section).toContain('| all, in 40 rounds | 4 | 3 | 100 ms | 900 ms |');
  });

  test('names the rounds that failed, and how to see them again', () => {
    const section = oracleSection(JSON.stringify({ ...figures, failed: [3, 9] }));
    expect(section).toContain('round 3, 9');
    expect(section).toContain('npm run oracle -- --seed 7 --round 3');
  });

  test('is not made of anything else', () => {
    expect(() => oracleSection('{"seed":1}')).toThrow(OracleFiguresError);
    expect(() => oracleSection('{')).toThrow(OracleFiguresError);
  });
});
