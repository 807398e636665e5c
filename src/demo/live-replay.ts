import { derivePayload, type RunTimes, type Stage } from './derived-payload.ts';
import type { GithubTaskWebhook, RecordedWebhook } from './recorded-webhooks.ts';

export interface ReplayStep extends RecordedWebhook {
  /** How long to wait before this step, in milliseconds after the step before. */
  readonly afterMs: number;
}

export interface LiveReplayOptions {
  /** Milliseconds since 1970; asked at the start and for each step. */
  readonly nowMs: () => number;
  /** 0 ≤ r < 1; the same numbers give the same replay. */
  readonly random: () => number;
  /** How many runs are under way at the same time. Default 6. */
  readonly concurrency?: number | undefined;
  /** How many runs in all; each is brought to its end. Default: without end. */
  readonly runs?: number | undefined;
}

interface LiveRun {
  readonly recorded: RecordedWebhook;
  readonly id: number;
  /** What is still to come; never empty. */
  readonly stages: Stage[];
  /** When the next of them is due, in milliseconds since the replay began. */
  dueMs: number;
  times: RunTimes | undefined;
}

/** How runs end: each kind with conclusions that GitHub gives it, the usual ones more often. */
const CONCLUSIONS: Readonly<Record<GithubTaskWebhook, readonly string[]>> = {
  workflow_run: ['success', 'success', 'success', 'failure', 'failure', 'cancelled', 'timed_out'],
  workflow_job: ['success', 'success', 'success', 'failure', 'failure', 'cancelled', 'skipped'],
  check_run: ['success', 'success', 'neutral', 'failure', 'timed_out', 'action_required', 'stale'],
};

/**
 * Recorded webhooks as if they happened now: runs with fresh ids that are queued, make progress and
 * end in different ways, several at a time, and some that failed run a second time.
 *
 * A run keeps who and what was recorded, pull requests and names of steps included. Its times are
 * present ones and never go back, whatever the clock does. Ids count up from the clock's
 * milliseconds: higher than any that was recorded, and no replay starts a run each millisecond, so
 * that a later replay into the same history names other runs.
 *
 * Waits for nothing: who takes a step waits its `afterMs` before using it. No recorded webhooks, no
 * steps.
 */
export function* replayLive(
  recorded: readonly RecordedWebhook[],
  options: LiveReplayOptions,
): Generator<ReplayStep, void, void> {
  const { nowMs, random, concurrency = 6, runs = Number.POSITIVE_INFINITY } = options;
  if (recorded.length === 0) return;
  const firstId = nowMs();
  let started = 0;
  let elapsedMs = 0;
  const startRun = (dueMs: number): LiveRun => {
    const template = pick(recorded, random);
    const stages = planRun(template.name, random);
    started += 1;
    return { recorded: template, id: firstId + started, stages, dueMs, times: undefined };
  };

  const live: LiveRun[] = [];
  while (started < Math.min(concurrency, runs)) live.push(startRun(between(0, 6_000, random)));
  for (let run = takeEarliest(live); run !== undefined; run = takeEarliest(live)) {
    const afterMs = run.dueMs - elapsedMs;
    elapsedMs = run.dueMs;
    yield { afterMs, ...nextWebhook(run, nowMs() + afterMs) };
    const [next] = run.stages;
    if (next !== undefined) {
      run.dueMs += next.afterMs;
      live.push(run);
    } else if (started < runs) {
      live.push(startRun(elapsedMs + between(300, 3_000, random)));
    }
  }
}

/** Takes the run's next stage and says what GitHub would send of it. */
function nextWebhook(run: LiveRun, atMs: number): RecordedWebhook {
  const stage = run.stages.shift() as Stage;
  const nowMs = Math.max(atMs, run.times?.nowMs ?? 0);
  const { createdMs, startedMs } = run.times ?? { createdMs: nowMs, startedMs: nowMs };
  run.times = { nowMs, createdMs, startedMs: stage.status === 'completed' ? startedMs : nowMs };
  return {
    name: run.recorded.name,
    payload: derivePayload(run.recorded, run.id, stage, run.times),
  };
}

function planRun(name: GithubTaskWebhook, random: () => number): Stage[] {
  const conclusion = pick(CONCLUSIONS[name], random);
  const stages = planAttempt(1, conclusion, random);
  // Only a workflow run keeps its id when it runs again.
  if (name === 'workflow_run' && conclusion === 'failure') {
    stages.push(...planAttempt(2, 'success', random));
  }
  return stages;
}

/** The wait before it counts for a second attempt only: the first begins when its run is due. */
function planAttempt(attempt: number, conclusion: string, random: () => number): Stage[] {
  return [
    { status: 'queued', conclusion: null, attempt, afterMs: between(3_000, 6_000, random) },
    { status: 'in_progress', conclusion: null, attempt, afterMs: between(1_000, 4_000, random) },
    { status: 'completed', conclusion, attempt, afterMs: between(4_000, 20_000, random) },
  ];
}

function takeEarliest(live: LiveRun[]): LiveRun | undefined {
  const [first, ...others] = live;
  if (first === undefined) return undefined;
  const earliest = others.reduce((best, run) => (run.dueMs < best.dueMs ? run : best), first);
  live.splice(live.indexOf(earliest), 1);
  return earliest;
}

/** One of the values, which must not be empty. */
function pick<T>(values: readonly T[], random: () => number): T {
  return values[Math.floor(random() * values.length)] as T;
}

/** A whole number, `min` included, `max` not. */
function between(min: number, max: number, random: () => number): number {
  return min + Math.floor(random() * (max - min));
}
