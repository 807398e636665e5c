import type { Figures, Target } from '../../bench/harness/bench.ts';
import type { CaseRecord } from '../../bench/harness/record.ts';

/** A record of two contestants, `tasktrail` and `peer`, with what their turns gave. */
export function recordOf(
  ours: readonly Figures[],
  peers: readonly Figures[],
  targets: readonly Target[] = [],
): CaseRecord {
  return {
    id: 'case',
    title: 'A case',
    figures: {
      rate: { unit: 'events/s', better: 'more' },
      p99: { unit: 'ms', better: 'less' },
    },
    targets,
    plotted: 'rate',
    isGuarded: true,
    contestants: [
      { name: 'tasktrail', version: 'tasktrail 1', turns: ours },
      { name: 'peer', version: 'peer 2', turns: peers },
    ],
    commit: 'abcdef0',
    measuredAt: '2026-01-02T03:04:05.000Z',
    machine: { processor: 'P', cores: 2, memoryGiB: 24, linux: '6', node: '24', redis: '7' },
  };
}
