import { Dice } from '../oracle/dice.ts';
import type { FaultName } from '../oracle/faults/fault.ts';
import { FAULT_NAMES, FAULTS } from '../oracle/faults/table.ts';
import { PROJECTS } from '../oracle/plan/event-maker.ts';
import { PEOPLE, ROOT } from '../oracle/plan/people.ts';
import type { PlannedProducer, PlannedViewer, RoundPlan } from '../oracle/plan/round-plan.ts';
import type { Span } from './flatness.ts';

/** The secret with which the soak signs webhooks. */
export const WEBHOOK_SECRET = 'soak-webhook-secret';

/**
 * Faults that take no event away, so that at the end every event must be there, and that leave alive
 * the processes whose memory is watched. The two that are left out kill everything, or make Redis so
 * slow to load that all of its events would take minutes.
 */
export const SOAK_FAULTS: readonly FaultName[] = FAULT_NAMES.filter((name) => {
  const { loses, stores } = FAULTS[name];
  const isUnfit = name === 'cut-power' || name === 'loading-redis';
  return loses === 'nothing' && !stores.includes('sentinel') && !isUnfit;
});

/** When what happens, in milliseconds since the first sample. */
export interface Phases {
  /** Everything is ready, and nobody asks anything. */
  readonly idle: Span;
  /** Bots and dashboards are at work, and faults happen. */
  readonly load: Span;
  /** Nobody asks anything any more: how long that lasts. */
  readonly restMs: number;
}

export function phasesOf(forMs: number, sampleMs: number): Phases {
  const idleMs = Math.max(6_000, 6 * sampleMs);
  const restMs = Math.max(16_000, 12 * sampleMs);
  return {
    idle: { fromMs: 0, toMs: idleMs },
    load: { fromMs: idleMs, toMs: forMs - restMs },
    restMs,
  };
}

/** The second half of a rest: in the first half what is kept alive for a while times out. */
export function settledPart({ fromMs, toMs }: Span): Span {
  return { fromMs: (fromMs + toMs) / 2, toMs };
}

/**
 * As in a small container. Without a bound Node leaves garbage for minutes where there is memory, and
 * whether anything leaks would show only when it is collected at last.
 */
const HEAP_MIB = 96;

/** What the oracle's world needs to know: two of each process, with the settings that are usual. */
export function planWorld(seed: number, faults: readonly FaultName[]): RoundPlan {
  return {
    ...{ seed, round: 1, dice: new Dice('soak', seed), isEnforced: true, isWide: false },
    isLossless: true,
    faults: faults.map((name) => ({ name, atMs: 0, holdMs: 0 })),
    // Redis is killed at any moment, and nothing that it confirmed may be gone.
    ...{ store: 'always', projectors: 2, servers: 2, isFat: false, producers: [], viewers: [] },
    settings: {
      NODE_OPTIONS: `--max-old-space-size=${HEAP_MIB}`,
      TASK_TRACKING_FEED_MAX_LENGTH: '10000',
      TASK_DASHBOARD_REPLAY_LIMIT: '200',
      TASK_DASHBOARD_HEARTBEAT_MS: '1000',
      TASK_DASHBOARD_STREAM_MAX_LIFETIME_MS: '60000',
      TASK_DASHBOARD_ENFORCE_VISIBILITY: 'true',
      TASK_DASHBOARD_ADMINS: `google:${ROOT.email}`,
      TASK_INTAKE_GITHUB_SECRETS: WEBHOOK_SECRET,
    },
  };
}

/** Bots that work at the same time, about 17 events a second each, and give way to others. */
export const BOTS: readonly PlannedProducer[] = [
  { kind: 'package', name: 'pack', gapMs: 240, burst: 3 },
  { kind: 'raw', name: 'raw', gapMs: 240, burst: 3 },
  { kind: 'http', name: 'post', gapMs: 240, burst: 3 },
];

/** It sends again what was answered, and leaves requests early; the oracle knows it by its name. */
export const LASTING_BOT: PlannedProducer = { kind: 'http', name: 'again', gapMs: 1000, burst: 3 };

/** Dashboards that do nothing but follow, one at each server: recovery is measured by them. */
export const WATCHERS: readonly PlannedViewer[] = [0, 1].map((server) => ({
  ...{ name: `watcher-${server + 1}`, person: ROOT, server, limitUpTo: 200 },
  ...({ resumeBy: 'header', afterRefresh: 'reconnect', reading: 'eager' } as const),
  ...{ cutWithin: undefined, tokenSeconds: undefined },
}));

/** People with dashboards of every kind: with and without filters, slow ones, ones that are cut. */
export const DASHBOARDS: readonly PlannedViewer[] = [
  { cutWithin: 60_000, limitUpTo: 200, reading: 'eager', resumeBy: 'header' },
  { cutWithin: 20_000, limitUpTo: 50, reading: 'slow', resumeBy: 'query' },
  { cutWithin: 300_000, limitUpTo: 200, reading: 'in fits', resumeBy: 'header' },
  { cutWithin: 5_000, limitUpTo: 50, reading: 'eager', resumeBy: 'query', project: PROJECTS[0] },
  { cutWithin: undefined, limitUpTo: 200, reading: 'stalling', resumeBy: 'header' },
  { cutWithin: 60_000, limitUpTo: 20, reading: 'eager', resumeBy: 'header', tokenSeconds: 5 },
  {
    ...({ cutWithin: 60_000, limitUpTo: 100, reading: 'eager', resumeBy: 'query' } as const),
    ...({ project: PROJECTS[1], statuses: ['queued', 'in_progress'] } as const),
  },
  { cutWithin: undefined, limitUpTo: 200, reading: 'eager', resumeBy: 'query' },
].map((kind, index) => ({
  ...{ tokenSeconds: undefined, server: undefined },
  ...{ name: `viewer-${index + 1}`, person: PEOPLE[index % PEOPLE.length] ?? ROOT },
  afterRefresh: index % 2 === 0 ? 'reconnect' : 'stay',
  ...(kind as Pick<PlannedViewer, 'cutWithin' | 'limitUpTo' | 'reading' | 'resumeBy'>),
}));
