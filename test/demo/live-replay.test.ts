import { isTerminal, type TaskEvent, TaskEventSchema } from '@tasktrail/contract';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ReplayStep, replayLive } from '../../src/demo/live-replay.ts';
import { loadRecordedWebhooks } from '../../src/demo/recorded-webhooks.ts';
import { mapGithubWebhook } from '../../src/intake/webhooks/github.ts';

const recorded = await loadRecordedWebhooks();
const START_MS = Date.parse('2026-11-20T12:00:00.500Z');

/** The same numbers for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Played {
  readonly step: ReplayStep;
  readonly event: TaskEvent;
  /** What the clock shows once the step has been waited for. */
  readonly atMs: number;
}

/** Plays all runs, with a clock that moves as the steps want and by `driftMs` on each. */
function play(seed: number, runs: number, driftMs = 0): Played[] {
  let clockMs = START_MS;
  const nowMs = () => clockMs;
  const played: Played[] = [];
  for (const step of replayLive(recorded, { nowMs, random: randomOf(seed), runs })) {
    clockMs += step.afterMs;
    const mapped = mapGithubWebhook(step.name, step.payload);
    if (mapped.kind !== 'event') throw new Error(`is ${JSON.stringify(mapped)}`);
    played.push({ step, event: TaskEventSchema.parse(mapped.event), atMs: clockMs });
    clockMs += driftMs;
  }
  return played;
}

/** The first steps of a replay without end, under a clock that stands still. */
function firstSteps(count: number, clockMs: number): ReplayStep[] {
  const steps: ReplayStep[] = [];
  for (const step of replayLive(recorded, { nowMs: () => clockMs, random: randomOf(1) })) {
    if (steps.push(step) === count) break;
  }
  return steps;
}

function byExecution(played: readonly Played[]): TaskEvent[][] {
  const events = played.map(({ event }) => event);
  return [...Map.groupBy(events, (event) => event.executionId).values()];
}

describe('replayLive', () => {
  it('gives valid events of runs that each end, and end in different ways', () => {
    const endings = new Set<string | undefined>();
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const runs = byExecution(play(seed, 12));
        expect(runs).toHaveLength(12);
        for (const events of runs) {
          const statuses = events.map(({ status }) => status);
          expect(statuses.slice(0, 2)).toEqual(['queued', 'in_progress']);
          const last = statuses.at(-1);
          expect(last && isTerminal(last)).toBe(true);
          endings.add(last);
        }
      }),
      { numRuns: 30 },
    );
    expect(endings).toEqual(new Set(['success', 'error', 'cancelled']));
  });

  it('never goes back in time within a run, whatever the clock does', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: -30_000, max: 5_000 }), (seed, driftMs) => {
        for (const events of byExecution(play(seed, 12, driftMs))) {
          const times = events.map(({ occurredAt }) => occurredAt);
          expect(times).toEqual(times.toSorted());
        }
      }),
      { numRuns: 30 },
    );
  });

  it('tells present times, in whole seconds as GitHub does, and none that is still to come', () => {
    for (const { event, atMs } of play(7, 30)) {
      const agoMs = atMs - Date.parse(event.occurredAt);
      expect(agoMs).toBeGreaterThanOrEqual(0);
      expect(agoMs).toBeLessThan(1000);
      expect(event.occurredAt).toMatch(/\.000Z$/);
    }
  });

  it('lets each run work for 4 to 20 seconds, however many others are under way', () => {
    const startedMs = new Map<string, number>();
    for (const { event, atMs } of play(7, 60)) {
      if (event.status === 'in_progress') startedMs.set(event.executionId, atMs);
      if (!event.status || !isTerminal(event.status)) continue;
      const workedMs = atMs - (startedMs.get(event.executionId) ?? 0);
      expect(workedMs).toBeGreaterThanOrEqual(4_000);
      expect(workedMs).toBeLessThan(20_000);
    }
  });

  it('has several runs under way at the same time, and no more than it may', () => {
    const open = new Set<string>();
    let most = 0;
    for (const { event } of play(7, 60)) {
      if (event.status && isTerminal(event.status)) open.delete(event.executionId);
      else open.add(event.executionId);
      most = Math.max(most, open.size);
    }
    expect(most).toBe(6);
  });

  it('is the same again for the same seed and clock, and another for another seed', () => {
    const steps = (seed: number) => play(seed, 12).map(({ step }) => step);
    expect(steps(1)).toEqual(steps(1));
    expect(steps(1)).not.toEqual(steps(2));
  });

  it('goes on without end unless it is told how many runs to play', () => {
    expect(firstSteps(1_000, START_MS)).toHaveLength(1_000);
  });

  it('waits whole milliseconds, never less than none', () => {
    for (const { step } of play(3, 60)) {
      expect(Number.isSafeInteger(step.afterMs)).toBe(true);
      expect(step.afterMs).toBeGreaterThanOrEqual(0);
    }
  });

  it('runs a workflow run that failed a second time, as the next attempt of the same run', () => {
    const runs = byExecution(play(5, 120)).filter((events) => events.length > 3);
    expect(runs.length).toBeGreaterThan(0);
    for (const events of runs) {
      expect(events.map(({ status, attempt }) => `${attempt} ${status}`)).toEqual([
        '1 queued',
        '1 in_progress',
        '1 error',
        '2 queued',
        '2 in_progress',
        '2 success',
      ]);
    }
  });

  it('uses ids that no recorded run has, and that a replay a second later does not have', () => {
    const used = new Set(recorded.map(({ name, payload }) => payload[name]?.id));
    const first = play(1, 60).map(({ step }) => step.payload[step.name]?.id);
    for (const id of first) expect(used).not.toContain(id);
    for (const { name, payload } of firstSteps(200, START_MS + 1_000)) {
      expect(first).not.toContain(payload[name]?.id);
    }
  });

  it('keeps pull requests, and says where a job failed', () => {
    const events = play(7, 120).map(({ event }) => event);
    expect(events.flatMap(({ prLinks }) => prLinks ?? [])).toContain(
      'https://github.com/Codertocat/Hello-World/pull/2',
    );
    const messages = events.map(({ message }) => message);
    expect(messages).toContain('failure: Run yarn run format-check');
    expect(messages).toContain('timed out');
  });

  it('repeats what a check says of itself only in the status that it was said of', () => {
    for (const { event } of play(7, 120)) {
      if (event.message?.includes('Pending')) expect(event.status).toBe('in_progress');
    }
  });

  it('leaves the recorded payloads as they are', () => {
    const before = structuredClone(recorded);
    play(1, 30);
    expect(recorded).toEqual(before);
  });

  it('has nothing to play without recorded payloads', () => {
    const steps = replayLive([], { nowMs: () => START_MS, random: randomOf(1) });
    expect([...steps]).toEqual([]);
  });
});
