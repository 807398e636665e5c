import type { Fault, FaultName } from './fault.ts';
import { LOSS_FAULTS } from './loss-faults.ts';
import { NETWORK_FAULTS } from './network-faults.ts';
import { PROCESS_FAULTS } from './process-faults.ts';
import { REDIS_FAULTS } from './redis-faults.ts';
import { SENTINEL_FAULTS } from './sentinel-faults.ts';

/** Every fault there is. */
export const FAULTS: Readonly<Record<FaultName, Fault>> = {
  ...PROCESS_FAULTS,
  ...NETWORK_FAULTS,
  ...REDIS_FAULTS,
  ...LOSS_FAULTS,
  ...SENTINEL_FAULTS,
};

export const FAULT_NAMES = Object.keys(FAULTS) as readonly FaultName[];

export function isFaultName(text: string): text is FaultName {
  return Object.hasOwn(FAULTS, text);
}
