import { mkdir, readFile, writeFile } from 'node:fs/promises';
import type { FigureSpec, Figures, Target } from './bench.ts';
import type { Machine } from './machine.ts';

/** What a run of one case measured, as `bench/results/<part>.json` keeps it. */
export interface CaseRecord {
  readonly id: string;
  readonly title: string;
  readonly figures: Readonly<Record<string, FigureSpec>>;
  readonly targets: readonly Target[];
  readonly plotted?: string;
  readonly isGuarded: boolean;
  /** In the order of the case; of all of them the n-th turn was taken in the same round. */
  readonly contestants: readonly ContestantRecord[];
  /** Of the program: short, with `+` where files were not committed. */
  readonly commit: string;
  readonly measuredAt: string;
  readonly machine: Machine;
}

export interface ContestantRecord {
  readonly name: string;
  readonly version: string;
  /** Why there are no turns. */
  readonly missing?: string;
  readonly turns: readonly Figures[];
}

export interface PartRecord {
  readonly id: string;
  readonly title: string;
  readonly method: string;
  readonly cases: readonly CaseRecord[];
}

const RESULTS = new URL('../results/', import.meta.url);

/** Where a file of the results lies. */
export function resultFile(name: string): URL {
  return new URL(name, RESULTS);
}

/** What was recorded of a part; undefined when nothing was. */
export async function readRecord(part: string): Promise<PartRecord | undefined> {
  try {
    return JSON.parse(await readFile(resultFile(`${part}.json`), 'utf8')) as PartRecord;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

export async function writeRecord(record: PartRecord): Promise<void> {
  await mkdir(RESULTS, { recursive: true });
  await writeFile(resultFile(`${record.id}.json`), `${JSON.stringify(record, undefined, 1)}\n`);
}

/** The record with a case in the place of its former run; cases that the part no longer has go. */
export function withCase(
  record: PartRecord | undefined,
  part: Omit<PartRecord, 'cases'>,
  order: readonly string[],
  measured: CaseRecord,
): PartRecord {
  const others = (record?.cases ?? []).filter(({ id }) => id !== measured.id);
  const cases = [...others, measured]
    .filter(({ id }) => order.includes(id))
    .sort((a, b) => order.indexOf(a.id) - order.indexOf(b.id));
  return { id: part.id, title: part.title, method: part.method, cases };
}
