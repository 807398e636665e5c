import { parseArgs } from 'node:util';
import type { FaultName } from '../oracle/faults/fault.ts';
import { isFaultName } from '../oracle/faults/table.ts';
import { phasesOf, SOAK_FAULTS } from './soak-plan.ts';

/** What `npm run soak` was asked for. */
export interface SoakOptions {
  readonly seed: number;
  /** From the first sample to the last, in milliseconds; 0: nothing runs, documents are written. */
  readonly forMs: number;
  readonly sampleMs: number;
  /** From the end of one fault to the beginning of the next, in milliseconds. */
  readonly faultMs: number;
  readonly faults: readonly FaultName[];
  /** The directory of reliability.md. */
  readonly docs: string;
  /** What the oracle wrote with `--json`. */
  readonly oracle: string | undefined;
  /** Where all that was sampled is written to. */
  readonly json: string | undefined;
}

export const USAGE = `npm run soak -- [--minutes M] [--seed N] [--sample-seconds S] [--fault-seconds F]
                [--faults a,b] [--docs DIRECTORY] [--oracle FILE] [--json FILE]

  --minutes M         how long; default 30. With 0 nothing runs, and --oracle is written down
  --seed N            what bots, dashboards and faults do; default 1
  --sample-seconds S  how often it looks; default: 360 times, but not more often than each second
  --fault-seconds F   from one fault to the next; default: the 90th part, from 8 to 20
  --faults a,b        only these, or none: ${SOAK_FAULTS.join(', ')}
  --docs DIRECTORY    where reliability.md and its plots are written; default docs
  --oracle FILE       what the oracle wrote with --json; default: its section stays as it is
  --json FILE         writes every sample down`;

/** Under load, in all four quarters. */
const LEAST_SAMPLES = 24;

/** @throws TypeError when the arguments mean nothing */
export function readOptions(args: string[]): SoakOptions {
  const { values } = parseArgs({
    args,
    options: {
      minutes: { type: 'string', default: '30' },
      seed: { type: 'string', default: '1' },
      'sample-seconds': { type: 'string' },
      'fault-seconds': { type: 'string' },
      faults: { type: 'string', default: SOAK_FAULTS.join(',') },
      docs: { type: 'string', default: 'docs' },
      oracle: { type: 'string' },
      json: { type: 'string' },
    },
  });
  const number = (name: 'minutes' | 'seed' | 'sample-seconds' | 'fault-seconds', or: number) => {
    const value = Number(values[name] ?? or);
    if (!(value >= 0)) throw new TypeError(`--${name} must be a number`);
    return value;
  };
  const minutes = number('minutes', 30);
  if (minutes > 0 && minutes < 1) throw new TypeError('--minutes must be 0, or at least 1');
  const sampleMs = 1000 * number('sample-seconds', Math.max(1, (minutes * 60) / 360));
  if (sampleMs < 100) throw new TypeError('--sample-seconds must be at least 0.1');
  const { load } = phasesOf(minutes * 60_000, sampleMs);
  if (minutes > 0 && load.toMs - load.fromMs < LEAST_SAMPLES * sampleMs) {
    throw new TypeError('--sample-seconds leaves too few samples: take fewer, or more --minutes');
  }
  const names = values.faults === 'none' ? [] : values.faults.split(',');
  const unfit = names.filter((name) => !isFaultName(name) || !SOAK_FAULTS.includes(name));
  if (unfit.length > 0) throw new TypeError(`a soak has no fault ${unfit.join(', ')}`);
  const { docs, oracle, json } = values;
  return {
    ...{ docs, oracle, json, seed: number('seed', 1), forMs: minutes * 60_000 },
    sampleMs,
    faultMs: 1000 * number('fault-seconds', Math.min(20, Math.max(8, (minutes * 60) / 90))),
    faults: names.filter(isFaultName),
  };
}
