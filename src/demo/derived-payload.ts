import type { JsonObject, RecordedWebhook } from './recorded-webhooks.ts';

/** One thing that happens to a run. */
export interface Stage {
  readonly status: 'queued' | 'in_progress' | 'completed';
  readonly conclusion: string | null;
  readonly attempt: number;
  /** Milliseconds after what happened to the run before. */
  readonly afterMs: number;
}

/** Milliseconds since 1970. */
export interface RunTimes {
  readonly nowMs: number;
  readonly createdMs: number;
  /** When this attempt began to run; until then, to wait. */
  readonly startedMs: number;
}

/**
 * A recorded payload as it would be for another run: id, state, attempt, times and steps are new;
 * all else, addresses included, stays as it was recorded.
 */
export function derivePayload(
  { name, payload }: RecordedWebhook,
  id: number,
  stage: Stage,
  times: RunTimes,
): RecordedWebhook['payload'] {
  const recorded = payload[name] ?? {};
  const { status, conclusion } = stage;
  const state = { ...recorded, id, status, conclusion };
  const startedAt = githubTime(times.startedMs);
  const completedAt = status === 'completed' ? githubTime(times.nowMs) : null;
  const createdAt = githubTime(times.createdMs);
  switch (name) {
    case 'workflow_run': {
      const run = {
        ...state,
        run_attempt: stage.attempt,
        created_at: createdAt,
        run_started_at: startedAt,
        updated_at: githubTime(times.nowMs),
      };
      const action = status === 'queued' ? 'requested' : status;
      return { ...payload, action, workflow_run: run };
    }
    case 'workflow_job': {
      const job = {
        ...state,
        created_at: createdAt,
        started_at: startedAt,
        completed_at: completedAt,
        steps: stepsAt(stage, recorded.steps),
      };
      return { ...payload, action: status, workflow_job: job };
    }
    case 'check_run': {
      const check = {
        ...state,
        started_at: startedAt,
        completed_at: completedAt,
        output: outputAt(stage, recorded),
      };
      // GitHub has no action for a check that begins to run.
      const action = status === 'completed' ? 'completed' : 'created';
      return { ...payload, action, check_run: check };
    }
  }
}

/** To the second, as GitHub's clocks tick; never ahead of the time it is made from. */
function githubTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

/** What a check says of itself ("Pending") fits the status that it was recorded with. */
function outputAt(stage: Stage, recorded: JsonObject): unknown {
  return recorded.status === stage.status ? recorded.output : { title: null, summary: null };
}

/** The recorded steps, as far as the job has come; it fails where the recorded one did, if it did. */
function stepsAt({ status, conclusion }: Stage, recorded: unknown): JsonObject[] {
  if (status === 'queued' || !Array.isArray(recorded)) return [];
  const steps: JsonObject[] = recorded;
  if (status === 'in_progress') {
    return steps.map((step, i) => stepOf(step, i === 0 ? 'in_progress' : 'queued', null));
  }
  if (conclusion === 'success') return steps.map((step) => stepOf(step, status, 'success'));
  const recordedEnd = steps.findIndex((step) => step.conclusion === 'failure');
  const end = recordedEnd === -1 ? Math.floor(steps.length / 2) : recordedEnd;
  return steps.map((step, i) =>
    stepOf(step, status, i < end ? 'success' : i > end ? 'skipped' : conclusion),
  );
}

function stepOf(step: JsonObject, status: string, conclusion: string | null): JsonObject {
  return { ...step, status, conclusion };
}
