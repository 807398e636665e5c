import type { BenchCase } from './bench.ts';
import { judge } from './comparison.ts';
import { commitOf, describeMachine } from './machine.ts';
import type { CaseRecord } from './record.ts';
import { type Progress, takeTurns } from './turns.ts';
import { spreadInWords, targetInWords } from './words.ts';

/** Measures a case and tells how it compares with its targets. */
export async function measureCase(
  one: BenchCase,
  turns: number,
  progress: Progress,
): Promise<CaseRecord> {
  const { id, title, figures, targets, plotted, isGuarded = false } = one;
  progress(title);
  for (const { name, missing } of one.contestants) {
    if (missing !== undefined) progress(`  ${name} is not measured: ${missing}`);
  }
  const record: CaseRecord = {
    ...{ id, title, figures, targets, isGuarded },
    ...(plotted !== undefined && { plotted }),
    contestants: await takeTurns(one, turns, progress),
    commit: await commitOf(),
    measuredAt: new Date().toISOString(),
    machine: await describeMachine(),
  };
  for (const target of targets) {
    const { reached, isMet } = judge(record, target);
    if (reached === undefined) continue;
    const asked = targetInWords(target, figures[target.figure]?.unit ?? '');
    progress(`  ${isMet ? 'met' : 'not met'}: ${asked}: ${spreadInWords(reached)}`);
  }
  return record;
}
