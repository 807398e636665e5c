import { parseArgs } from 'node:util';
import { compareRatios, TOLERANCE } from './harness/comparison.ts';
import { measureCase } from './harness/measure.ts';
import { readRecord } from './harness/record.ts';
import { inDigits } from './harness/words.ts';
import { loadPart, PARTS } from './parts.ts';

/**
 * Measures the guarded cases again, and fails when a ratio to a peer became worse than its record by
 * more than a quarter. Ratios, because single figures depend on the machine; not a part of the tests,
 * because it takes minutes and wants the machine to itself.
 */
const { values } = parseArgs({ options: { turns: { type: 'string', default: '3' } } });
const turns = Number(values.turns);
if (!Number.isSafeInteger(turns) || turns < 1) {
  console.error('usage: npm run bench:guard -- [--turns N]');
  process.exit(2);
}
let compared = 0;
let worse = 0;
for (const id of PARTS) {
  const recorded = await readRecord(id);
  const guarded = (await (await loadPart(id)).cases(false)).filter(({ isGuarded }) => isGuarded);
  for (const one of guarded) {
    const before = recorded?.cases.find((record) => record.id === one.id);
    if (before === undefined) {
      console.error(
        `${one.title}: nothing is recorded; run: npm run bench -- ${id} --case ${one.id}`,
      );
      worse += 1;
      continue;
    }
    for (const comparison of compareRatios(before, await measureCase(one, turns, console.error))) {
      const { target, isWorse } = comparison;
      const [then, now] = [comparison.recorded, comparison.measured].map(inDigits);
      const what = `${target.figure} of ${target.contestant} to that of ${target.against}`;
      console.log(
        `${isWorse ? 'WORSE' : 'good'}: ${one.title}: ${what}: × ${now}, recorded × ${then}`,
      );
      compared += 1;
      worse += isWorse ? 1 : 0;
    }
  }
}
console.log(`${compared} ratios compared, ${worse} failed (by more than ${TOLERANCE * 100} %)`);
process.exitCode = worse > 0 || compared === 0 ? 1 : 0;
