import type { FirstSeen } from '../changes.ts';

/** What the rig tells the process that plays the viewers who misbehave, and what that answers. */
export interface CrowdPlan {
  readonly url: string;
  readonly tokens: readonly string[];
  /** Streams of which nothing is ever read. */
  readonly never: number;
  /** Streams of which a byte a second is read. */
  readonly trickle: number;
  /** Over how long these two come, in milliseconds. */
  readonly arriveMs: number;
  /** Connections that are opened and dropped again, spread over so many milliseconds. */
  readonly vanish: number;
  readonly vanishMs: number;
}

export type ToCrowd =
  | { readonly kind: 'misbehave'; readonly plan: CrowdPlan }
  /** All read on. Answered once each of them has seen the change of this number. */
  | { readonly kind: 'read-on'; readonly last: number };

export type FromCrowd =
  | { readonly kind: 'is-there' }
  | ({ readonly kind: 'has-read' } & CrowdOutcome);

export interface CrowdOutcome {
  /** Those who have every change from the first that they saw to the last. */
  readonly whole: number;
  /** Those who were told to load the snapshot again, and have every change since. */
  readonly refreshed: number;
  /** Where they all began, each place once: whoever knows all changes judges the first. */
  readonly beginnings: readonly FirstSeen[];
  /** Those of both who had to come back on another connection. */
  readonly reconnected: number;
  /** Those who are not at the last change. */
  readonly behind: number;
  readonly vanished: number;
  /** Why streams ended before their viewers left: how often by which reason. */
  readonly ends: Readonly<Record<string, number>>;
  /** A few of all. */
  readonly faults: readonly string[];
}
