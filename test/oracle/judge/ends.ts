import { passes, type Sight } from '../model/sight.ts';
import { differenceOf } from './difference.ts';
import type { Evidence } from './evidence.ts';
import { sightOf } from './streams.ts';

/** Whether everybody ends with the same truth: invariants 3, 5 and 7. */
export function judgeEnds(evidence: Evidence): string[] {
  return [...judgeViewers(evidence), ...judgeLookups(evidence), ...judgeEpoch(evidence)];
}

/** What a viewer has put together is what it may see. */
function judgeViewers(evidence: Evidence): string[] {
  const { items } = evidence.history;
  return evidence.viewers.flatMap((viewer) => {
    const sight = sightOf(evidence, viewer);
    const ids = new Set([...items.keys(), ...viewer.tasks.keys()]);
    return [...ids].flatMap((id) => {
      const item = items.get(id);
      const expected = item !== undefined && passes(sight, item) ? item : undefined;
      const held = viewer.tasks.get(id);
      const problem = differenceOf(expected, held);
      return problem === undefined ? [] : [`${viewer.plan.name} ends with ${id}: ${problem}`];
    });
  });
}

function judgeLookups(evidence: Evidence): string[] {
  return evidence.lookups.flatMap(({ viewer, executionId, answer }) => {
    const { principals } = sightOf(evidence, viewer);
    const sight: Sight = { principals };
    const item = evidence.history.items.get(executionId);
    const expected = item !== undefined && passes(sight, item) ? item : undefined;
    const problem = differenceOf(expected, answer);
    return problem === undefined
      ? []
      : [`${viewer.plan.name} asked for ${executionId} and was answered ${problem}`];
  });
}

/** Nobody is told to begin anew without need. */
function judgeEpoch({ plan, firstEpoch, stored, viewers }: Evidence): string[] {
  if (!plan.isLossless) return [];
  const { epoch } = stored.projector;
  const findings = epoch === firstEpoch ? [] : [`the epoch became ${epoch}, and nothing was lost`];
  if (!plan.isWide) return findings;
  // Where one server is behind another, a client may come with more than it has.
  const needless = viewers.flatMap(({ plan: { name }, refreshes }) =>
    refreshes.filter((reason) => reason !== 'cursor_ahead').map((reason) => `${name}: ${reason}`),
  );
  return [
    ...findings,
    ...(needless.length === 0 ? [] : [`needlessly told to refresh: ${needless.join('; ')}`]),
  ];
}
