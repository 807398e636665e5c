import { parseArgs } from 'node:util';
import type { FaultName } from './faults/fault.ts';
import { FAULT_NAMES, isFaultName } from './faults/table.ts';
import { LIVE_WITHIN_MS } from './round.ts';

/** What `npm run oracle` was asked for. */
export interface OracleOptions {
  readonly seed: number;
  /** No round begins after so long, in milliseconds. */
  readonly forMs: number;
  readonly rounds: number;
  /** The only round to run. */
  readonly round: number | undefined;
  readonly faults: readonly FaultName[];
  /** Rounds at the same time. */
  readonly jobs: number;
  /** Whether to go on after a round that failed. */
  readonly keepsGoing: boolean;
  /** Whether to tell what happened when, also of rounds that were good. */
  readonly isVerbose: boolean;
  /** Where a failure is written to. */
  readonly out: string | undefined;
  /** Where the figures of all rounds are written to, as JSON. */
  readonly json: string | undefined;
  /** How soon everything must be live again, in milliseconds; undefined: as usual. */
  readonly liveWithinMs: number | undefined;
}

export const USAGE = `npm run oracle -- [--seed N] [--minutes M] [--rounds K] [--round K] [--faults a,b]
                  [--jobs J] [--keep-going] [--verbose] [--out DIRECTORY]
                  [--json FILE] [--live-within MS]

  --seed N        which schedule; default: a fresh one, which is printed
  --minutes M     no round begins after so long; default 3
  --rounds K      at most so many rounds
  --round K       that one alone, as it was
  --faults a,b    only these: ${FAULT_NAMES.join(', ')}
  --jobs J        so many rounds at the same time; default 1
  --keep-going    goes on after a round that failed
  --verbose       tells what happened when, also of good rounds
  --out DIRECTORY where a failure is written to; default: under the temporary directory
  --json FILE     writes the figures of all rounds down
  --live-within MS  how soon everything must be live again; default ${LIVE_WITHIN_MS}`;

/** @throws TypeError when the arguments mean nothing */
export function readOptions(args: string[], freshSeed: number): OracleOptions {
  const { values } = parseArgs({
    args,
    options: {
      seed: { type: 'string' },
      minutes: { type: 'string', default: '3' },
      rounds: { type: 'string' },
      round: { type: 'string' },
      faults: { type: 'string' },
      jobs: { type: 'string', default: '1' },
      'keep-going': { type: 'boolean', default: false },
      verbose: { type: 'boolean', default: false },
      out: { type: 'string' },
      json: { type: 'string' },
      'live-within': { type: 'string' },
    },
  });
  const names = values.faults?.split(',') ?? FAULT_NAMES;
  const unknown = names.filter((name) => !isFaultName(name));
  if (unknown.length > 0) throw new TypeError(`there is no fault ${unknown.join(', ')}`);
  const number = (name: keyof typeof values, fallback: number) => {
    const value = Number(values[name] ?? fallback);
    if (!(value >= 0)) throw new TypeError(`--${name} must be a number`);
    return value;
  };
  return {
    seed: number('seed', freshSeed),
    forMs: number('minutes', 3) * 60_000,
    rounds: number('rounds', Number.POSITIVE_INFINITY),
    round: values.round === undefined ? undefined : number('round', 1),
    faults: names.filter(isFaultName),
    jobs: number('jobs', 1),
    keepsGoing: values['keep-going'],
    isVerbose: values.verbose,
    ...{ out: values.out, json: values.json },
    liveWithinMs: values['live-within'] === undefined ? undefined : number('live-within', 0),
  };
}
