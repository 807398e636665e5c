import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { whileAway } from '../oracle/world/store.ts';
import { startWorld, type World } from '../oracle/world/world.ts';
import type { Seen } from './dashboards.ts';
import { bringFaults, type FaultSchedule, type Undergone } from './fault-schedule.ts';
import type { Span } from './flatness.ts';
import type { Deliveries } from './forge.ts';
import { Load } from './load.ts';
import type { SoakOptions } from './options.ts';
import { Sampler, type Series } from './sampler.ts';
import { judgeEnd, letGoOfConnections, noting, whenReady } from './settle.ts';
import { phasesOf, planWorld, settledPart } from './soak-plan.ts';

/** Everything that a soak saw. Times are milliseconds since its first sample. */
export interface Soaked {
  readonly series: readonly Series[];
  readonly idle: Span;
  readonly load: Span;
  /** After everything, once what was kept alive for a while is gone. */
  readonly rest: Span;
  /** Processes that lived from the beginning to the end: what they leak adds up. */
  readonly unbroken: readonly string[];
  readonly faults: readonly Undergone[];
  readonly events: number;
  readonly tasks: number;
  readonly seen: Seen;
  readonly deliveries: Deliveries;
  /** Streams that people left at once. */
  readonly visits: number;
  /** Everything that was not as promised. */
  readonly findings: readonly string[];
  readonly redisVersion: string;
}

/** @param say tells a person how far it has come */
export async function runSoak(options: SoakOptions, say: (line: string) => void): Promise<Soaked> {
  const { seed, faults, forMs, sampleMs } = options;
  await using world = await startWorld(planWorld(seed, faults));
  const { projectors, servers, store } = world;
  const runners = [...projectors, ...servers];
  const redis = store.connect('soak');
  await whenReady(runners);
  await letFirstLead(world, redis);
  const epoch = await whileAway(() => redis.hget('task-tracking:projector', 'epoch'));
  const startedAt = performance.now();
  const nowMs = () => performance.now() - startedAt;
  const until = (atMs: number) => delay(Math.max(0, atMs - nowMs()));
  await using sampler = new Sampler({ runners, redis, everyMs: sampleMs, nowMs });
  const { idle, load, restMs } = phasesOf(forMs, sampleMs);
  await until(idle.toMs);

  await using busy = new Load(world);
  const findings: string[] = [];
  const undergone: Undergone[] = [];
  const schedule: FaultSchedule = {
    ...{ faults, nowMs, gapMs: options.faultMs, untilMs: load.toMs },
    watchers: () => busy.watchers,
    relieve: async () => {
      say(progressOf(nowMs(), forMs, undergone));
      await busy.relieve();
    },
  };
  await noting(findings, async () => {
    findings.push(...(await bringFaults(world, redis, schedule, undergone)));
  });
  await noting(findings, () => busy.stopBots());
  const loaded = { fromMs: load.fromMs, toMs: nowMs() };
  const { ledger, dashboards, deliveries, visits } = busy;
  const end = await judgeEnd({ world, redis, ledger, epoch, viewers: dashboards.viewers });
  const { seen } = dashboards;
  await busy[Symbol.asyncDispose]();
  letGoOfConnections();
  say('nobody asks anything any more');
  const rest = { fromMs: nowMs(), toMs: nowMs() + restMs };
  await until(rest.toMs);
  await sampler[Symbol.asyncDispose]();
  const server = await whileAway(() => redis.info('server'));
  await noting(findings, async () => {
    await Promise.all(runners.map((runner) => runner.stop()));
  });
  findings.push(...dashboards.faults, ...deliveries.faults, ...visits.faults);
  findings.push(...(await end.judge(runners)));
  return {
    ...{ series: sampler.series, idle, load: loaded, rest: settledPart(rest), faults: undergone },
    unbroken: runners.filter(({ lives }) => lives.length === 1).map(({ name }) => name),
    ...{ events: end.events, tasks: end.tasks, seen, deliveries, findings },
    visits: visits.left,
    redisVersion: /redis_version:(\S+)/.exec(server)?.[1] ?? 'unknown',
  };
}

/** The first projector applies, so that it is watched at work from the beginning. */
async function letFirstLead({ projectors }: World, redis: Redis): Promise<void> {
  const second = projectors[1];
  if (second === undefined) return;
  const leader = () => whileAway(() => redis.get('task-tracking:projector:lease'));
  await second.stop();
  while ((await leader()) === null) await delay(50);
  await second.start();
  await whenReady(projectors);
}

function progressOf(atMs: number, forMs: number, undergone: readonly Undergone[]): string {
  const last = undergone.at(-1);
  const passed = `${(atMs / 60_000).toFixed(1)} of ${forMs / 60_000} minutes`;
  if (last === undefined) return passed;
  const liveMs = Math.max(last.readyMs, last.seenMs);
  return `${passed}, ${undergone.length} fault(s); after ${last.fault} live again in ${liveMs} ms`;
}
