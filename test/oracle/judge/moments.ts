import type { StreamId } from '@tasktrail/contract';
import { AUDITED_CHANGES } from '../actors/auditor.ts';
import { History } from '../model/history.ts';
import { isAfter } from '../model/ids.ts';
import { type Evidence, isKnown } from './evidence.ts';
import { judgeCommitted } from './read-model.ts';

/** Whether the read model was whole whenever somebody looked: invariants 1 and 2. */
export function judgeMoments(evidence: Evidence): string[] {
  const { plan, stored } = evidence;
  const feedMaxLength = Number(plan.settings.TASK_TRACKING_FEED_MAX_LENGTH);
  return evidence.moments.flatMap((moment, index) => {
    const { epoch, checkpoint } = moment.projector;
    if (epoch === undefined || checkpoint === undefined) return [];
    if (!isKnown(evidence, { epoch, id: checkpoint as StreamId })) return [];
    const applied = stored.events.filter(({ id }) => !isAfter(id, checkpoint));
    const least = Math.min(feedMaxLength, AUDITED_CHANGES);
    return judgeCommitted(new History(applied), moment, least).map(
      (finding) => `moment ${index}, at ${checkpoint}: ${finding}`,
    );
  });
}
