import { FIGURE_NAMES, type FigureName, figureOf } from './figures.ts';
import { judgeGrowth, judgeReturn, leastNoticed, type Span, type Verdict } from './flatness.ts';
import type { Series } from './sampler.ts';

/** One line of a figure, and whether it is flat. */
export interface Judged {
  readonly figure: FigureName;
  /** A process, or a kind of connection. */
  readonly of: string;
  /** What was asked of it: not to grow under load, or to be given back. */
  readonly rule: 'growth' | 'return';
  readonly verdict: Verdict;
  /** How much more a minute would have been noticed; undefined where nothing is said of time. */
  readonly noticesAMinute: number | undefined;
}

export interface Watched {
  readonly series: readonly Series[];
  readonly idle: Span;
  readonly load: Span;
  readonly rest: Span;
  readonly unbroken: readonly string[];
}

/**
 * Every line by every rule that its figure has. A process that a fault killed began anew, and by
 * its growth nothing can be said; what it holds at the end is judged all the same.
 */
export function assess({ series, idle, load, rest, unbroken }: Watched): Judged[] {
  return FIGURE_NAMES.flatMap((figure) => {
    const { growth, return: giveBack } = figureOf(figure);
    const lines = series.filter((one) => one.figure === figure);
    return lines.flatMap(({ of, points }): Judged[] => {
      const judged: Judged[] = [];
      if (growth !== undefined && (figure === 'connections' || unbroken.includes(of))) {
        const verdict = judgeGrowth(points, load, growth);
        const before = verdict.kind === 'unknown' ? Number.NaN : verdict.compared.before;
        const noticesAMinute = leastNoticed(before, load, growth);
        judged.push({ figure, of, rule: 'growth', verdict, noticesAMinute });
      }
      if (giveBack !== undefined) {
        const verdict = judgeReturn(points, idle, rest, giveBack);
        judged.push({ figure, of, rule: 'return', verdict, noticesAMinute: undefined });
      }
      return judged;
    });
  });
}

/** For a person: what of it is not flat, and by how much. */
export function describeFault({ figure, of, rule, verdict }: Judged): string | undefined {
  const { title, unit } = figureOf(figure);
  const what = `${title} of ${of}`;
  switch (verdict.kind) {
    case 'flat':
      return undefined;
    case 'unknown':
      return `${what}: only ${verdict.points} samples to judge it by`;
    case 'not-flat': {
      const { before, after, limit } = verdict.compared;
      const said = rule === 'growth' ? 'grew under load' : 'was not given back';
      const [from, to, most] = [before, after, limit].map((value) => value.toFixed(1));
      return `${what} ${said}: from ${from} to ${to} ${unit}, at most ${most} are fine`;
    }
  }
}
