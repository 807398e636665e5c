import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { runAuditor } from './actors/auditor.ts';
import { runHttpProducer } from './actors/http-producer.ts';
import { runIntruder } from './actors/intruder.ts';
import { Ledger } from './actors/ledger.ts';
import { runPackageProducer } from './actors/package-producer.ts';
import { runRawProducer } from './actors/raw-producer.ts';
import { Viewer } from './actors/viewer.ts';
import type { FaultName } from './faults/fault.ts';
import { FAULTS } from './faults/table.ts';
import type { Evidence, Lookup } from './judge/evidence.ts';
import { judge } from './judge/judge.ts';
import { readStored, type Stored } from './judge/stored.ts';
import { type Recovery, whenLive } from './live.ts';
import { History } from './model/history.ts';
import { isAfter } from './model/ids.ts';
import type { PlannedFault, RoundPlan } from './plan/round-plan.ts';
import { patienceMs } from './world/machine.ts';
import { watchMemory } from './world/memory.ts';
import type { Runner } from './world/runner.ts';
import { whileAway } from './world/store.ts';
import { startWorld, type World } from './world/world.ts';

/** What became of a round. */
export interface Outcome {
  readonly plan: RoundPlan;
  /** Everything that was not as promised. */
  readonly findings: readonly string[];
  readonly recoveries: readonly (Recovery & { readonly fault: FaultName })[];
  readonly tookMs: number;
  readonly timeline: World['timeline'];
  readonly tally: World['tally'];
  readonly runners: readonly Runner[];
  /** Undefined where it did not come that far. */
  readonly evidence: Evidence | undefined;
}

/**
 * After a fault everything is live again within so many milliseconds, or the round has failed. The
 * goal is shorter, and the summary counts what misses it.
 */
export const LIVE_WITHIN_MS = 8_000;
const READY_MS = 20_000;
/** How long everybody may take to come to the end, once nothing moves. */
const QUIET_MS = 20_000;
const CALM_MS = 300;
const POLL_MS = 10;

const PRODUCERS = { package: runPackageProducer, raw: runRawProducer, http: runHttpProducer };

/**
 * Runs a round from nothing to its end, and judges it. Whatever it started is gone then.
 *
 * @param liveWithinMs how soon everything must be live again after a fault
 */
export async function runRound(plan: RoundPlan, liveWithinMs = LIVE_WITHIN_MS): Promise<Outcome> {
  const startedAt = performance.now();
  await using world = await startWorld(plan);
  const { timeline, tally, projectors, servers } = world;
  const runners = [...projectors, ...servers];
  const recoveries: Outcome['recoveries'][number][] = [];
  const findings: string[] = [];
  let evidence: Evidence | undefined;
  try {
    evidence = await play(world, recoveries, findings, liveWithinMs);
    findings.push(...judge(evidence));
  } catch (error) {
    findings.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  const tookMs = Math.round(performance.now() - startedAt);
  return { plan, findings, recoveries, tookMs, timeline, tally, runners, evidence };
}

async function play(
  world: World,
  recoveries: Outcome['recoveries'][number][],
  findings: string[],
  liveWithinMs: number,
): Promise<Evidence> {
  const { plan, timeline, projectors, servers, secrets } = world;
  const runners = [...projectors, ...servers];
  await using actors = new AsyncDisposableStack();
  const redis = world.store.connect('oracle');
  await eventually('every process is ready', READY_MS, async () => {
    const statuses = await Promise.all(runners.map((runner) => runner.probe('readyz')));
    return statuses.every((status) => status === 200);
  });
  const firstEpoch = await whileAway(() => redis.hget('task-tracking:projector', 'epoch'));
  const viewers = plan.viewers.map((viewer) => new Viewer(world, viewer).start());
  actors.defer(async () => void (await Promise.all(viewers.map((viewer) => viewer.stop()))));
  actors.use(watchMemory(runners));
  const ledger = new Ledger();
  const moments: Stored[] = [];
  const stop = new AbortController();
  const acting = Promise.all([
    ...plan.producers.map((one) => PRODUCERS[one.kind](world, one, ledger, stop.signal)),
    runIntruder(world, ledger.faults, stop.signal),
    runAuditor(world, moments, stop.signal),
  ]);
  actors.defer(async () => {
    stop.abort();
    await acting.catch(() => {});
  });
  timeline.note('the actors begin');

  const watchers = viewers.filter((viewer) => viewer.plan.name.startsWith('watcher'));
  const measure = async (fault: FaultName) => {
    const recovery = await whenLive(world, redis, watchers);
    timeline.note(`live: ready after ${recovery.readyMs} ms, seen after ${recovery.seenMs} ms`);
    recoveries.push({ ...recovery, fault });
    const usual = Math.max(FAULTS[fault].liveWithinMs ?? 0, liveWithinMs);
    const bound = patienceMs(usual);
    const tookMs = Math.max(recovery.readyMs, recovery.seenMs);
    if (tookMs > bound) findings.push(`live only after ${tookMs} ms of ${bound}`);
  };
  await Promise.all(plan.faults.map((fault) => undergo(world, fault, findings, measure)));
  await measure(lastOf(plan.faults).name);
  const settledAtMs = Date.now();
  await delay(CALM_MS);
  stop.abort();
  await acting;
  for (const viewer of viewers) viewer.hurry();
  timeline.note('the bots have stopped');

  await whenQuiet(redis, viewers);
  timeline.note('everybody is at the end');
  const lookups = await lookAround(viewers, world, redis);
  timeline.note('everybody has looked around');
  const parkings = await countParkings(servers);
  await actors.disposeAsync();
  const stored = await readStored(redis);
  timeline.note('Redis is read');
  await Promise.all(runners.map((runner) => runner.stop()));
  timeline.note('the processes have stopped');
  return {
    ...{ plan, firstEpoch, settledAtMs, stored, moments, ledger, viewers, lookups, runners },
    ...{ secrets, parkings, history: new History(stored.events) },
  };
}

/** The one whose end everybody waited for: the one that takes longest to be over, or ended last. */
function lastOf(faults: readonly PlannedFault[]): PlannedFault {
  const boundOf = ({ name }: PlannedFault) => FAULTS[name].liveWithinMs ?? 0;
  const endOf = ({ atMs, holdMs }: PlannedFault) => atMs + holdMs;
  const byEnd = faults.toSorted((a, b) => boundOf(b) - boundOf(a) || endOf(b) - endOf(a));
  return byEnd[0] as PlannedFault;
}

async function undergo(
  world: World,
  { name, atMs, holdMs }: PlannedFault,
  findings: string[],
  measure: (fault: FaultName) => Promise<void>,
): Promise<void> {
  const { timeline, plan, projectors, servers } = world;
  const fault = FAULTS[name];
  await delay(atMs);
  timeline.note(`${name} begins`);
  const heal = await fault.inject(world, plan.dice.of('fault', name));
  if (fault.isBackBeforeHealed) await measure(name);
  await delay(holdMs);
  if (fault.isOutage) {
    for (const runner of [...projectors, ...servers]) {
      const status = await runner.probe('readyz');
      if (status !== 503) findings.push(`${runner.name} answers ${status} to /readyz amid ${name}`);
    }
  }
  await heal();
  timeline.note(`${name} is over`);
}

/** Resolves once every event is applied, and every viewer has come to the last one. */
async function whenQuiet(redis: Redis, viewers: readonly Viewer[]): Promise<void> {
  const [last] = await redis.xrevrange('task-events:v1', '+', '-', 'COUNT', 1);
  const lastId = last?.[0] ?? '0-0';
  await eventually('every event is applied', QUIET_MS, async () => {
    const checkpoint = await redis.hget('task-tracking:projector', 'checkpoint');
    return !isAfter(lastId, checkpoint ?? '0-0');
  });
  for (const viewer of viewers) {
    const what = `${viewer.plan.name} comes to ${lastId}`;
    await eventually(what, QUIET_MS, async () => viewer.isAt(lastId));
  }
}

/** Every viewer loads all pages once more from every server, and some tasks by themselves. */
async function lookAround(
  viewers: readonly Viewer[],
  { servers, plan }: World,
  redis: Redis,
): Promise<Lookup[]> {
  const executions = await redis.zrange('task-tracking:executions', '0', '-1');
  const asked = plan.dice.of('lookups').some(executions, 0.1);
  const found = viewers.map(async (viewer) => {
    for (const server of servers) await viewer.walk(server);
    const answers = asked.map(async (executionId) => ({
      ...{ viewer, executionId },
      answer: await viewer.lookUp(executionId),
    }));
    return await Promise.all(answers);
  });
  return (await Promise.all(found)).flat();
}

/** Of the servers as they live now. */
async function countParkings(servers: readonly Runner[]): Promise<number> {
  const metrics = await Promise.all(servers.map((server) => server.metrics()));
  return metrics.reduce((sum, one) => sum + (one.get('tasktrail_stream_parkings_total') ?? 0), 0);
}

async function eventually(
  what: string,
  withinMs: number,
  fact: () => Promise<boolean>,
): Promise<void> {
  const boundMs = patienceMs(withinMs);
  const deadline = performance.now() + boundMs;
  while (!(await fact())) {
    if (performance.now() > deadline) throw new Error(`waited ${boundMs} ms in vain until ${what}`);
    await delay(POLL_MS);
  }
}
