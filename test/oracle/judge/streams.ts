import type { Position } from '@tasktrail/contract';
import type { SeenFrame, Stream } from '../actors/recording.ts';
import type { Viewer } from '../actors/viewer.ts';
import { LONGEST_SERVER_FREEZE_MS } from '../faults/process-faults.ts';
import { countUpTo, type ModelChange } from '../model/history.ts';
import { compareIds } from '../model/ids.ts';
import { frameOf, passes } from '../model/sight.ts';
import { patienceMs } from '../world/machine.ts';
import { differenceOf, show } from './difference.ts';
import { type Evidence, isKnown } from './evidence.ts';

/** Whether every connection told its viewer what it must, and no more: invariants 4, 5, 7 and 9. */
export function judgeStreams(evidence: Evidence): string[] {
  return evidence.viewers.flatMap((viewer) =>
    viewer.recording.streams.flatMap((stream, index) =>
      judgeStream(evidence, viewer, stream).map(
        (finding) => `${viewer.plan.name}, stream ${index} of ${stream.server}: ${finding}`,
      ),
    ),
  );
}

function judgeStream(evidence: Evidence, viewer: Viewer, stream: Stream): string[] {
  const findings: string[] = [];
  let reached = stream.from;
  let told: SeenFrame[] = [];
  let since = stream.from;
  // What is read late may have been sent in time.
  const isPrompt = viewer.plan.reading === 'eager';
  const graceMs = patienceMs(TOKEN_GRACE_MS);
  // A server that is frozen cannot end anything; the farewell tells nothing of a task.
  const farewellGraceMs = graceMs + patienceMs(LONGEST_SERVER_FREEZE_MS);
  const endSegment = (until: Position) => {
    findings.push(...judgeSegment(evidence, viewer, told, since, until));
    told = [];
  };
  for (const frame of stream.frames) {
    const { name, position, atMs } = frame;
    const where = `${name} ${position.id} after ${reached.id}`;
    const lateMs = atMs - stream.tokenEndsAtMs;
    if (isPrompt && lateMs > (name === 'reconnect' ? farewellGraceMs : graceMs)) {
      findings.push(`${where} came ${lateMs} ms after its token had ended`);
    }
    if (name === 'snapshot_refresh_required') {
      endSegment(reached);
      since = position;
    } else {
      if (position.epoch !== reached.epoch) findings.push(`another history unannounced: ${where}`);
      const step = compareIds(position.id, reached.id);
      const isData = name === 'task_status_updated' || name === 'task_removed';
      if (isData ? step <= 0 : step < 0) findings.push(`out of order: ${where}`);
      if (isData) told.push(frame);
      if (name === 'task_status_updated' && !passes(sightOf(evidence, viewer), frame.data)) {
        findings.push(`${frame.data.executionId} was sent at ${position.id} and may not be`);
      }
    }
    reached = position;
  }
  endSegment(reached);
  return findings;
}

/** A frame is on its way for a moment. */
const TOKEN_GRACE_MS = 750;

/** Between two positions of one history there is every frame that must be, and no other. */
function judgeSegment(
  evidence: Evidence,
  viewer: Viewer,
  told: readonly SeenFrame[],
  since: Position,
  until: Position,
): string[] {
  if (!isKnown(evidence, since)) return [];
  const sight = sightOf(evidence, viewer);
  const expected = between(evidence.history.changes, since.id, until.id).flatMap((change) => {
    const frame = frameOf(sight, change);
    return frame === undefined ? [] : [{ id: change.id, ...frame }];
  });
  const found = new Map(told.map((frame) => [frame.position.id as string, frame]));
  const missing = expected.filter(({ id }) => !found.has(id)).map(({ id }) => id);
  const wrong = expected.flatMap(({ id, name, data }) => {
    const frame = found.get(id);
    found.delete(id);
    if (frame === undefined) return [];
    const problem = differenceOf({ name, ...data }, { name: frame.name, ...frame.data });
    return problem === undefined ? [] : [`at ${id} it was sent ${problem}`];
  });
  const extra = [...found.values()].map(({ name, data }) => show([name, data]));
  const where = `between ${since.id} and ${until.id}`;
  return [
    ...wrong,
    ...(missing.length === 0 ? [] : [`${where} it was not sent ${missing.join(', ')}`]),
    ...(extra.length === 0 ? [] : [`${where} it was sent what it should not be: ${extra.join()}`]),
  ];
}

/** After the first, and up to the second. */
function between(changes: readonly ModelChange[], since: string, until: string): ModelChange[] {
  return changes.slice(countUpTo(changes, since), countUpTo(changes, until));
}

export function sightOf({ plan }: Pick<Evidence, 'plan'>, { plan: viewer }: Viewer) {
  const principals = plan.isEnforced ? viewer.person.principals : undefined;
  return { project: viewer.project, statuses: viewer.statuses, principals };
}
