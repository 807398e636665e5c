import { describe, expect, test } from 'vitest';
import { barsSvg } from '../../bench/harness/bars.ts';
import { GENERATOR_BUSY } from '../../bench/harness/bench.ts';
import { withCase } from '../../bench/harness/record.ts';
import { resultsDocument } from '../../bench/harness/results-document.ts';
import { recordOf } from './records.ts';

const PART = { id: 'apply', title: 'Applying', method: 'As it is done.' };
const RECORD = recordOf(
  [{ rate: 40_000 }, { rate: 60_000 }, { rate: 50_000 }],
  [{ rate: 10_000 }, { rate: 10_000 }, { rate: 10_000 }],
  [{ contestant: 'tasktrail', figure: 'rate', against: 'peer', atLeast: 6 }],
);
const documentOf = (record = RECORD) => resultsDocument([{ ...PART, cases: [record] }], () => true);

describe('the document of results', () => {
  test('tells medians with the least and the most, targets, versions and the command', () => {
    const document = documentOf();
    expect(document).toContain('| tasktrail | 50,000 (40,000–60,000) |');
    expect(document).toContain('`npm run bench:apply`');
    expect(document).toContain('tasktrail 1, peer 2');
    expect(document).toContain('![A case](results/apply-case.svg)');
    expect(document).toContain('| tasktrail, rate: at least × 6 that of peer | × 5 (4–6) | no |');
  });

  test('says where the load generator was the limit', () => {
    const busy = (percent: number) =>
      documentOf(recordOf([{ rate: 1, [GENERATOR_BUSY]: percent }], [{ rate: 1 }]));
    expect(busy(97)).toContain('| tasktrail ¹ |');
    expect(busy(97)).toContain('The load generator was the limit');
    expect(busy(60)).not.toContain('¹');
  });

  test('names what was not measured, with the reason', () => {
    const contestants = [
      { name: 'nchan', version: 'nchan', missing: 'install it', turns: [] },
      ...RECORD.contestants,
    ];
    const document = documentOf({ ...RECORD, contestants });
    expect(document).toContain('Not measured: nchan: install it');
    expect(document).not.toContain('| nchan |');
  });
});

describe('a record', () => {
  test('replaces the former run of its case, keeps the others in order, and drops what is gone', () => {
    const at = (id: string, commit: string) => ({ ...RECORD, id, commit });
    const former = { ...PART, cases: [at('gone', '1'), at('b', '1'), at('a', '1')] };
    const { cases } = withCase(former, PART, ['a', 'b', 'c'], at('b', '2'));
    expect(cases.map(({ id, commit }) => `${id}${commit}`)).toEqual(['a1', 'b2']);
  });
});

describe('the bars of a case', () => {
  test('are as long as the medians, ours and the others told apart', () => {
    const svg = barsSvg(RECORD) ?? '';
    const bars = [...svg.matchAll(/<rect class="(ours|peer)" .*?width="([\d.]+)"/g)].map(
      ([, kind, width]) => [kind, Number(width)],
    );
    expect(bars).toEqual([
      ['ours', 416.7],
      ['peer', 83.3],
    ]);
  });

  test('are not drawn where nothing was measured', () => {
    expect(barsSvg(recordOf([], []))).toBeUndefined();
  });
});
