import type { Position, TaskItem } from '@tasktrail/contract';
import type { Ledger } from '../actors/ledger.ts';
import type { Viewer } from '../actors/viewer.ts';
import type { History } from '../model/history.ts';
import { timeOf } from '../model/ids.ts';
import type { RoundPlan } from '../plan/round-plan.ts';
import type { Runner } from '../world/runner.ts';
import type { Stored } from './stored.ts';

/** All that is known of a round once everything is quiet: what the judge looks at. */
export interface Evidence {
  readonly plan: RoundPlan;
  /** The epoch before the first fault. */
  readonly firstEpoch: string | null;
  /** From then on nothing was lost any more, by the clock on the wall. */
  readonly settledAtMs: number;
  readonly stored: Stored;
  /** The read model as it was in between; events and quarantine are not looked at. */
  readonly moments: readonly Stored[];
  readonly history: History;
  readonly ledger: Ledger;
  readonly viewers: readonly Viewer[];
  /** Single tasks as viewers were answered at the end; undefined: not found. */
  readonly lookups: readonly Lookup[];
  readonly runners: readonly Runner[];
  /** How often servers parked a viewer that did not read. */
  readonly parkings: number;
  readonly secrets: ReadonlySet<string>;
}

/**
 * Whether everything up to a position that a client was given is still known. What was told of a
 * history that has lost its end is not; once the epoch is another one, or nothing is lost any more,
 * it is.
 */
export function isKnown(
  { plan, firstEpoch, settledAtMs, stored }: Evidence,
  since: Position,
): boolean {
  if (plan.isLossless || timeOf(since.id) > settledAtMs) return true;
  return since.epoch === stored.projector.epoch && since.epoch !== firstEpoch;
}

export interface Lookup {
  readonly viewer: Viewer;
  readonly executionId: string;
  readonly answer: TaskItem | undefined;
}
