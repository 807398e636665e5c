/**
 * The benchmark: what Tasktrail does, beside what somebody would take instead.
 *
 * A part (`bench/<part>/<part>.ts`) lists its cases; a case is measured of several contestants, who
 * take turns (A B A B …), so that whatever else the machine does falls on all of them alike. What
 * counts is the median of a contestant's turns, and its ratio to another's of the same run.
 *
 * `run.ts` runs parts; `turns.ts` takes the turns; `statistics.ts` and `comparison.ts`
 * make medians and ratios of them; `record.ts` keeps what was measured as JSON under `bench/results`;
 * `results-document.ts` and `bars.ts` make `bench/RESULTS.md` of all records; `guard.ts` compares with them.
 * `processes.ts` starts what is measured, and who loads it, on cores of their own.
 */

/** What one turn measured, by the name of the figure. */
export type Figures = Readonly<Record<string, number>>;

export interface FigureSpec {
  /** As in the tables: `events/s`, `ms`, `KB`, `%`, … */
  readonly unit: string;
  readonly better: 'more' | 'less';
}

export interface Contestant {
  /** Ours is `tasktrail`, with an addition where it runs in several ways: `tasktrail, 1 M rows`. */
  readonly name: string;
  /** What exactly it is, for the table of versions: `bullmq 6.7.0`. */
  readonly version: string;
  /** Why it cannot be measured on this machine, with the remedy; then it is named as not measured. */
  readonly missing?: string;
  /**
   * One turn: brings up whatever it needs, measures, and takes all of it down. A figure that a turn
   * does not tell is absent.
   */
  measure(): Promise<Figures>;
}

/** What a figure should be, and what the guard watches. */
export interface Target {
  readonly contestant: string;
  readonly figure: string;
  /** The other contestant of a ratio; absent: the figure itself. */
  readonly against?: string;
  readonly atLeast?: number;
  readonly atMost?: number;
}

export interface BenchCase {
  /** In lower case with dashes, unique in its part: `burst-10000`. */
  readonly id: string;
  /** As a heading says it: `Bursts of 50 events each 100 ms, 10,000 viewers`. */
  readonly title: string;
  /** In the order of the table. */
  readonly figures: Readonly<Record<string, FigureSpec>>;
  readonly contestants: readonly Contestant[];
  readonly targets: readonly Target[];
  /** The figure that is drawn; absent: no plot. */
  readonly plotted?: string;
  /** Whether `bench:guard` measures it: those that are quick, and one of each kind. */
  readonly isGuarded?: boolean;
}

export interface BenchPart {
  /** Also its folder, and its script: `bench:<id>`. */
  readonly id: string;
  readonly title: string;
  /** Paragraphs of Markdown: what is measured, how, and with what the reader should be careful. */
  readonly method: string;
  /** @param isQuick sizes that take seconds, to see that everything works; of no worth as figures */
  cases(isQuick: boolean): Promise<readonly BenchCase[]>;
}

/**
 * A figure with this name tells how busy the core of the load generator was, in percent. Where it is
 * above 90, the results say that the generator was the limit.
 */
export const GENERATOR_BUSY = 'generator busy';
