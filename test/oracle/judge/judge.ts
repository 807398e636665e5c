import { judgeEnds } from './ends.ts';
import type { Evidence } from './evidence.ts';
import { judgeMoments } from './moments.ts';
import { judgePages } from './pages.ts';
import { judgeProcesses } from './processes.ts';
import { judgePromises } from './promises.ts';
import { judgeReadModel } from './read-model.ts';
import { judgeStreams } from './streams.ts';

/**
 * Everything in which a round was not as PROTOCOL.md promises, for a person to read; empty when all
 * was. It compares what was seen with a fold of the events of its own.
 */
export function judge(evidence: Evidence): string[] {
  const { history, stored, plan, viewers } = evidence;
  const feedMaxLength = Number(plan.settings.TASK_TRACKING_FEED_MAX_LENGTH);
  return [
    ...judgeReadModel(history, stored, feedMaxLength),
    ...judgeMoments(evidence),
    ...judgeEnds(evidence),
    ...judgeStreams(evidence),
    ...judgePages(evidence),
    ...judgePromises(evidence),
    ...judgeProcesses(evidence),
    ...viewers.flatMap(({ plan: { name }, recording }) =>
      recording.faults.map((fault) => `${name}: ${fault}`),
    ),
  ];
}
