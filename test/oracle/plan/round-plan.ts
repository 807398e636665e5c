import { TASK_STATUSES, type TaskStatus } from '@tasktrail/contract';
import { Dice } from '../dice.ts';
import type { FaultName, FaultTerms } from '../faults/fault.ts';
import { PROJECTS } from './event-maker.ts';
import { PEOPLE, type Person, ROOT } from './people.ts';

/** All that is decided of a round before it begins: the same for the same seed and number. */
export interface RoundPlan {
  readonly seed: number;
  readonly round: number;
  /** Where all dice of the round come from. */
  readonly dice: Dice;
  /** In the order of `atMs`. */
  readonly faults: readonly PlannedFault[];
  /** Whether no fault takes anything away that was there. */
  readonly isLossless: boolean;
  readonly store: StoreKind;
  readonly projectors: number;
  readonly servers: number;
  readonly settings: Readonly<Record<string, string>>;
  readonly isEnforced: boolean;
  /** Whether the servers keep every change, so that nobody who resumes is told to refresh. */
  readonly isWide: boolean;
  readonly isFat: boolean;
  readonly producers: readonly PlannedProducer[];
  readonly viewers: readonly PlannedViewer[];
}

/** What a Redis keeps over a restart; or several under sentinels. */
export type StoreKind = 'memory' | 'everysec' | 'always' | 'sentinel';

export interface PlannedFault {
  readonly name: FaultName;
  /** After the actors began, in milliseconds. */
  readonly atMs: number;
  readonly holdMs: number;
}

export interface PlannedProducer {
  readonly kind: 'package' | 'raw' | 'http';
  readonly name: string;
  /** Between two bursts, at most, in milliseconds. */
  readonly gapMs: number;
  readonly burst: number;
}

export interface PlannedViewer {
  readonly name: string;
  readonly person: Person;
  readonly project?: string | undefined;
  readonly statuses?: readonly TaskStatus[] | undefined;
  readonly resumeBy: 'header' | 'query';
  readonly afterRefresh: 'reconnect' | 'stay';
  /** Bytes after which a stream is cut, at most; undefined: never. */
  readonly cutWithin: number | undefined;
  /** Tasks of a page, at most. */
  readonly limitUpTo: number;
  readonly reading: 'eager' | 'slow' | 'in fits' | 'stalling';
  /** Seconds that its tokens last; undefined: an hour. */
  readonly tokenSeconds: number | undefined;
  /** The server that it always goes to; undefined: any. */
  readonly server: number | undefined;
}

/** Faults that come along with another one. */
const COMPANIONS: readonly FaultName[] = [
  ...(['kill-server', 'kill-projector', 'client-kill', 'reset-connections'] as const),
  ...(['cut-replies', 'slow-network', 'flush-scripts'] as const),
];

/** @param deck the faults of which each cycle of rounds has every one once */
export function planRound(
  seed: number,
  round: number,
  deck: readonly FaultName[],
  termsOf: (fault: FaultName) => FaultTerms,
): RoundPlan {
  const dice = new Dice('oracle', seed, round);
  const cycle = Math.floor((round - 1) / deck.length);
  const order = new Dice('oracle', seed, 'deck', cycle).shuffled(deck);
  const main = order[(round - 1) % deck.length] as FaultName;
  const terms = termsOf(main);
  const isWide = dice.chance(0.5);
  const servers = terms.servers ?? dice.between(1, 2);
  const isEnforced = dice.chance(0.8);
  const batchSize = dice.pick([1, 20, 100, 500]);
  const isFat = dice.chance(0.2);
  const faults = faultsOf(dice, main, termsOf);
  return {
    ...{ seed, round, dice, isEnforced, isWide, servers, faults },
    isLossless: faults.every(({ name }) => termsOf(name).loses === 'nothing'),
    store: dice.pick(terms.stores),
    projectors: terms.projectors ?? dice.between(1, 2),
    settings: settingsOf(dice, batchSize, isWide, isEnforced),
    isFat,
    // A projector that commits every event by itself does not keep up with many.
    producers: producersOf(dice, batchSize < 5 ? 5 : 1),
    // Nor does the oracle itself with many viewers of large ones.
    viewers: [...watchersOf(servers), LAPSING, ...(isFat ? stallersOf(dice) : viewersOf(dice))],
  };
}

function faultsOf(
  dice: Dice,
  main: FaultName,
  termsOf: (fault: FaultName) => FaultTerms,
): PlannedFault[] {
  const plan = (name: FaultName, from: number, to: number): PlannedFault => {
    const [least, most] = termsOf(name).holdMs;
    return { name, atMs: dice.between(from, to), holdMs: dice.between(least, most) };
  };
  const faults = [plan(main, 500, 1500)];
  const { loses, isAlone = false } = termsOf(main);
  // Who alone saw what was lost must live to tell.
  const companions = COMPANIONS.filter(
    (name) => name !== main && (loses === 'nothing' || !name.startsWith('kill-')),
  );
  if (!isAlone && dice.chance(0.35)) faults.push(plan(dice.pick(companions), 300, 2500));
  return faults.toSorted((a, b) => a.atMs - b.atMs);
}

function settingsOf(
  dice: Dice,
  batchSize: number,
  isWide: boolean,
  isEnforced: boolean,
): Record<string, string> {
  const replayLimit = isWide ? 10_000 : dice.between(1, 60);
  return {
    TASK_TRACKING_BATCH_SIZE: String(batchSize),
    TASK_TRACKING_FEED_MAX_LENGTH: isWide ? '10000' : String(dice.pick([200, 1000])),
    TASK_DASHBOARD_REPLAY_LIMIT: String(replayLimit),
    TASK_DASHBOARD_HEARTBEAT_MS: String(dice.between(100, 400)),
    TASK_DASHBOARD_STREAM_MAX_LIFETIME_MS: String(dice.pick([1500, 3_600_000])),
    TASK_DASHBOARD_ENFORCE_VISIBILITY: String(isEnforced),
    TASK_DASHBOARD_ADMINS: `google:${ROOT.email}`,
  };
}

/** @param slowness how many times longer they wait than usual */
function producersOf(dice: Dice, slowness: number): PlannedProducer[] {
  const of = (kind: PlannedProducer['kind'], name: string): PlannedProducer => ({
    ...{ kind, name, gapMs: slowness * dice.between(20, 120), burst: dice.between(1, 6) },
  });
  return [of('package', 'pack'), of('raw', 'raw'), of('http', 'post'), of('http', 'again')];
}

/** They do nothing but follow: by them it is measured how soon everything is live again. */
function watchersOf(servers: number): PlannedViewer[] {
  return Array.from({ length: servers }, (_, server) => ({
    ...{ name: `watcher-${server + 1}`, person: ROOT, server, limitUpTo: 200 },
    ...({ resumeBy: 'header', afterRefresh: 'reconnect', reading: 'eager' } as const),
    ...{ cutWithin: undefined, tokenSeconds: undefined },
  }));
}

/** Its token ends again and again, and it does nothing else than follow. */
const LAPSING: PlannedViewer = {
  ...{ name: 'lapsing', person: ROOT, server: undefined, limitUpTo: 200 },
  ...{ resumeBy: 'header', afterRefresh: 'reconnect', reading: 'eager' },
  ...{ cutWithin: undefined, tokenSeconds: 2 },
};

/** They do not read for so long that servers park them. */
function stallersOf(dice: Dice): PlannedViewer[] {
  return Array.from({ length: 2 }, (_, index) => ({
    ...{ name: `staller-${index + 1}`, person: ROOT, server: 0, limitUpTo: 200 },
    ...({ resumeBy: 'query', afterRefresh: dice.pick(['reconnect', 'stay']) } as const),
    ...({ reading: 'stalling', cutWithin: undefined, tokenSeconds: undefined } as const),
  }));
}

function viewersOf(dice: Dice): PlannedViewer[] {
  return Array.from({ length: 7 }, (_, index) => ({
    name: `viewer-${index + 1}`,
    person: PEOPLE[index % PEOPLE.length] ?? ROOT,
    project: dice.chance(0.35) ? dice.pick(PROJECTS) : undefined,
    statuses: dice.chance(0.4) ? dice.some(TASK_STATUSES, 0.5) : undefined,
    resumeBy: dice.pick(['header', 'query'] as const),
    afterRefresh: dice.pick(['reconnect', 'stay'] as const),
    cutWithin: dice.chance(0.7) ? dice.pick([300, 5_000, 60_000]) : undefined,
    limitUpTo: dice.pick([2, 7, 50, 5_000]),
    reading: dice.pick(['eager', 'eager', 'slow', 'in fits'] as const),
    tokenSeconds: dice.chance(0.2) ? dice.between(3, 6) : undefined,
    server: dice.chance(0.3) ? 0 : undefined,
  }));
}
