import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { VERSION } from '../../src/version.ts';
import type { BenchCase, BenchPart, Contestant, Figures } from '../harness/bench.ts';
import { SERVER_CORE, startWorker } from '../harness/processes.ts';
import { bullmqContestant } from '../peers/bullmq-worker.ts';
import type { Replay } from '../peers/precomputed-process.ts';
import { redisFloorContestant } from '../peers/redis-floor.ts';
import { lastEvent, secondsToApply } from './applying.ts';
import { EVENTS_PER_EXECUTION } from './backlog.ts';
import { KeptRedis } from './kept-redis.ts';
import { Recording } from './recording.ts';
import { append, stock } from './stock.ts';

const METHOD = `
A backlog of events waits in the stream when \`tasktrail projector\` starts; what is told is events a
second from its taking the lease to its last commit, its first half second of being compiled included.
The events are made up: 20 projects, executions that are queued, start, tell what they do and end, with
actors, flows, links, visibility and messages in the shares that bots have; one in a hundred comes twice,
a few come late, are of a second attempt, or are none. 1,000 executions are at work at a time, so that
those of one are spread among those of the others. Every index and the change feed are written.

The projector has one core, and Redis the other; Redis syncs its append-only file every second, as a
deployment's does, and nothing rewrites the file meanwhile. Its files are put back before every turn.

*The same bytes* is everything that the projector sent on its connection, recorded once, and sent again
by a process that does nothing else: reads of events, commits and all; so the ratio to it is what the
projector's own work costs. It is recorded of a fifth of the backlog. *BullMQ* is one worker whose
jobs do nothing, with the concurrency of 50 that its documents show, jobs of the same contents added by
addBulk before, and removed when they are completed. *redis-benchmark* has 10 connections and pipelines
of 50: one script an event that writes change, row and five ordered sets, and single commands.
`.trim();

const START_MS = Date.UTC(2026, 0, 8);
const AT_WORK = 1000;

interface Kept {
  readonly redis: KeptRedis;
  readonly events: number;
}

/** A Redis with a backlog, made when it is asked for first. */
function backlog(executions: number, atWork: number, stocked = 0): () => Promise<Kept> {
  let made: Promise<Kept> | undefined;
  const make = async (): Promise<Kept> => {
    let events = 0;
    const redis = await KeptRedis.fill(async (client) => {
      await stock(client, stocked);
      events = await append(client, { firstExecution: 0, executions, atWork, startMs: START_MS });
    });
    return { redis, events };
  };
  return () => {
    made ??= make();
    return made;
  };
}

function projector(name: string, kept: () => Promise<Kept>): Contestant {
  return {
    name,
    version: `tasktrail ${VERSION}`,
    measure: async () => {
      const { redis, events } = await kept();
      return await redis.run(async (url, client) => ({
        'events/s': events / (await secondsToApply(client, url)),
      }));
    },
  };
}

/** What the projector sent, sent again. */
function sameBytes(kept: () => Promise<Kept>): Contestant {
  let recorded: Promise<string> | undefined;
  const record = async (redis: KeptRedis) => {
    const directory = await mkdtemp(join(tmpdir(), 'tasktrail-bench-recorded-'));
    process.once('exit', () => void rm(directory, { recursive: true, force: true }));
    return await redis.run(async (url, client) => {
      await using recording = await Recording.start(url, directory);
      await secondsToApply(client, recording.url);
      return await recording.largest();
    });
  };
  const replay = async (file: string, redisUrl: string, client: Redis): Promise<number> => {
    await using worker = await startWorker(
      new URL('../peers/precomputed-process.ts', import.meta.url),
      SERVER_CORE,
    );
    const seconds = await worker.ask<number>({ redisUrl, file } satisfies Replay);
    const reached = await client.hget('task-tracking:projector', 'checkpoint');
    if (reached !== (await lastEvent(client))) throw new Error('the recording was not taken');
    return seconds;
  };
  return {
    name: 'the same bytes',
    version: 'a bare socket',
    measure: async (): Promise<Figures> => {
      const { redis, events } = await kept();
      recorded ??= record(redis);
      const file = await recorded;
      return await redis.run(async (url, client) => ({
        'events/s': events / (await replay(file, url, client)),
      }));
    },
  };
}

const EVENTS_A_SECOND = { 'events/s': { unit: 'events/s', better: 'more' } } as const;

async function cases(isQuick: boolean): Promise<readonly BenchCase[]> {
  const executions = isQuick ? 4000 : 100_000;
  const bullJobs = isQuick ? 5000 : 50_000;
  const sizes = isQuick ? [1000, 20_000] : [1000, 100_000, 1_000_000];
  const part = backlog(executions / 5, AT_WORK);
  const scattered = backlog(executions / 5, executions / 5);
  const ours = 'tasktrail';
  const bullmq = await bullmqContestant(bullJobs);
  const [smallest = '', ...larger] = sizes.map((size) => sizeName(size));
  return [
    {
      id: 'backlog',
      title: `A backlog of ${(executions * EVENTS_PER_EXECUTION).toLocaleString('en')} events`,
      figures: EVENTS_A_SECOND,
      contestants: [
        projector(ours, backlog(executions, AT_WORK)),
        sameBytes(part),
        bullmq,
        await redisFloorContestant(isQuick),
      ],
      targets: [
        { contestant: ours, figure: 'events/s', atLeast: 40_000 },
        { contestant: ours, figure: 'events/s', against: 'the same bytes', atLeast: 0.6 },
        { contestant: ours, figure: 'events/s', against: bullmq.name, atLeast: 2 },
      ],
      plotted: 'events/s',
      isGuarded: true,
    },
    {
      id: 'scattered',
      title: 'All executions at work at the same time, so that none is remembered for long',
      figures: EVENTS_A_SECOND,
      contestants: [projector(ours, scattered), sameBytes(scattered)],
      targets: [{ contestant: ours, figure: 'events/s', against: 'the same bytes', atLeast: 0.6 }],
    },
    {
      id: 'sizes',
      title: 'Executions that are there already',
      figures: EVENTS_A_SECOND,
      contestants: sizes.map((size) =>
        projector(sizeName(size), backlog(executions / 5, AT_WORK, size)),
      ),
      targets: larger.map((contestant) => ({
        ...{ contestant, figure: 'events/s', against: smallest },
        ...{ atLeast: 0.8, atMost: 1.2 },
      })),
      plotted: 'events/s',
    },
  ];
}

function sizeName(size: number): string {
  return `tasktrail, ${size.toLocaleString('en')} rows`;
}

export const PART: BenchPart = { id: 'apply', title: 'Applying events', method: METHOD, cases };
