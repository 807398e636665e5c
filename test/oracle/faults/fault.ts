import type { Dice } from '../dice.ts';
import type { StoreKind } from '../plan/round-plan.ts';
import type { Incident } from '../world/tally.ts';
import type { World } from '../world/world.ts';

/**
 * A fault: something that happens to a service in production, how it comes about, and how it passes.
 * `table.ts` lists all of them.
 */
export interface Fault extends FaultTerms {
  /** Brings it about, and resolves with what heals it. Healing resolves once it is gone. */
  inject(world: World, dice: Dice): Promise<Heal>;
}

export type Heal = () => Promise<void>;

/** What a round with this fault needs, and what may become of it. */
export interface FaultTerms {
  /** What it takes away for good of what was confirmed before. */
  readonly loses: 'nothing' | 'history';
  /** What is seen to happen where it takes effect. */
  readonly effect: Incident;
  readonly stores: readonly StoreKind[];
  readonly servers?: number;
  readonly projectors?: number;
  /** How long it lasts, in milliseconds: from, to. */
  readonly holdMs: readonly [number, number];
  /** Whether no process can be ready while it lasts. */
  readonly isOutage?: boolean;
  /** Whether no other fault comes along. */
  readonly isAlone?: boolean;
  /** Whether everything must be live although it has not healed yet: another node takes over. */
  readonly isBackBeforeHealed?: boolean;
  /** How soon everything must be live again, in milliseconds, where that is not the usual bound. */
  readonly liveWithinMs?: number;
}

export type FaultName =
  | 'kill-projector'
  | 'kill-server'
  | 'kill-projector-in-commit'
  | 'kill-server-in-append'
  | 'restart-projector'
  | 'restart-server'
  | 'freeze-projector'
  | 'freeze-server'
  | 'cut-power'
  | 'two-projectors'
  | 'freeze-redis'
  | 'freeze-redis-long'
  | 'client-kill'
  | 'client-pause'
  | 'flush-scripts'
  | 'busy-script'
  | 'full-memory'
  | 'no-replicas'
  | 'read-only'
  | 'black-hole'
  | 'black-hole-of-one'
  | 'reset-connections'
  | 'slow-network'
  | 'cut-replies'
  | 'kill-redis'
  | 'loading-redis'
  | 'empty-redis'
  | 'flush-redis'
  | 'torn-log'
  | 'failover-lossless'
  | 'failover';
