import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { barsSvg } from './harness/bars.ts';
import { measureCase } from './harness/measure.ts';
import {
  type PartRecord,
  readRecord,
  resultFile,
  withCase,
  writeRecord,
} from './harness/record.ts';
import { resultsDocument } from './harness/results-document.ts';
import { loadPart, PARTS } from './parts.ts';

/** Turns of a record: of fewer a median says little. */
const FEWEST_RECORDED = 5;

const USAGE = `usage: npm run bench -- [PART ...] [--case ID] [--turns N] [--quick]
parts: ${PARTS.join(', ')} (default: all)
  --case ID   only this case, whose record alone is replaced
  --turns N   turns of each contestant (default ${FEWEST_RECORDED}); fewer are not recorded
  --quick     small sizes, one turn, nothing recorded: shows that everything works`;

/** Measures parts, keeps the records, and writes the document of all records anew. */
async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      case: { type: 'string' },
      turns: { type: 'string', default: String(FEWEST_RECORDED) },
      quick: { type: 'boolean', default: false },
    },
  });
  const chosen = PARTS.filter((part) => positionals.length === 0 || positionals.includes(part));
  const turns = values.quick ? 1 : Number(values.turns);
  const unknown = positionals.filter((part) => !chosen.some((one) => one === part));
  if (unknown.length > 0 || !Number.isSafeInteger(turns) || turns < 1) {
    throw new UsageError(unknown.length > 0 ? `no such part: ${unknown.join(', ')}` : '--turns');
  }
  for (const id of chosen) {
    const part = await loadPart(id);
    const cases = await part.cases(values.quick);
    const order = cases.map((one) => one.id);
    if (values.case !== undefined && !order.includes(values.case)) {
      throw new UsageError(`${id} has no case ${values.case}; it has ${order.join(', ')}`);
    }
    for (const one of cases.filter((each) => (values.case ?? each.id) === each.id)) {
      const measured = await measureCase(one, turns, console.error);
      if (values.quick || turns < FEWEST_RECORDED) continue;
      const record = withCase(await readRecord(id), part, order, measured);
      await writeRecord(record);
      const svg = barsSvg(measured);
      if (svg !== undefined) await writeFile(resultFile(`${id}-${measured.id}.svg`), svg);
      await writeResults();
    }
  }
}

async function writeResults(): Promise<void> {
  const records = await Promise.all(PARTS.map(readRecord));
  const found = records.filter((record): record is PartRecord => record !== undefined);
  const document = resultsDocument(found, (record) => barsSvg(record) !== undefined);
  await writeFile(new URL('RESULTS.md', import.meta.url), document);
}

class UsageError extends Error {
  override readonly name = 'UsageError';
}

try {
  await main();
} catch (error) {
  console.error(error instanceof UsageError ? `${error.message}\n${USAGE}` : error);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
