import type { TaskEvent } from '@tasktrail/contract';
import type { Redis } from 'ioredis';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Producer } from '../../../src/auth/auth.ts';
import { KEYS } from '../../../src/redis/keys.ts';
import { anEvent, idOf } from '../../fixtures/events.ts';
import { whenProjected } from '../../fixtures/facts.ts';
import { useRedis } from '../../fixtures/redis.ts';
import { type RunningProjector, runProjector } from '../../projector/running-projector.ts';
import { aProducer, appendedTo, aRequest, idsOf, openIntake, resultsOf } from '../emitting.ts';

const server = useRedis();
let redis: Redis;

beforeEach(() => {
  redis = server.connect();
});

const owner = aProducer('owner', 'owner/repo');
const stranger = aProducer('stranger', 'stranger/repo');
const everyone = aProducer('everyone');

function accept(producer: Producer, ...events: unknown[]) {
  return openIntake(redis).intake.accept(aRequest(events, { producer }));
}

/** An event that leaves its project to the server. */
function later(fields: Partial<TaskEvent> = {}): Omit<TaskEvent, 'project'> {
  const { project: _, ...event } = anEvent({ status: 'in_progress', ...fields });
  return event;
}

const UNKNOWN = {
  error: expect.objectContaining({ field: 'project', reason: 'missing_field' }),
};

const FORBIDDEN = {
  error: expect.objectContaining({ field: 'project', reason: 'project_forbidden' }),
};

async function lastProject(): Promise<string | undefined> {
  return (await appendedTo(redis)).at(-1)?.[1].project;
}

async function projected(projector: RunningProjector): Promise<void> {
  const [id] = (await appendedTo(redis)).at(-1) ?? [];
  if (id !== undefined) await whenProjected(redis, idOf(id));
  await projector.stop();
}

async function project(): Promise<RunningProjector> {
  const projector = await runProjector(server.url);
  await projected(projector);
  return projector;
}

describe('an event without project', () => {
  test('is of the project of its task', async () => {
    await accept(everyone, anEvent());
    await project();
    await redis.del(KEYS.intake.projectOf('run-1'));
    idsOf(await accept(owner, later()));
    expect(await lastProject()).toBe('owner/repo');
  });

  test('is of the project that was noted, while the projector is behind', async () => {
    idsOf(await accept(everyone, anEvent()));
    const note = KEYS.intake.projectOf('run-1');
    expect(await redis.ttl(note)).toBeOneOf([86_398, 86_399, 86_400]);
    idsOf(await accept(owner, later()));
    expect(await lastProject()).toBe('owner/repo');
  });

  test('is of the project of its task, whatever was noted', async () => {
    await accept(owner, anEvent());
    await project();
    await redis.set(KEYS.intake.projectOf('run-1'), 'stranger/repo');
    expect(resultsOf(await accept(stranger, later()))).toEqual([UNKNOWN]);
    idsOf(await accept(owner, later()));
    expect(await lastProject()).toBe('owner/repo');
  });

  test('is refused where nobody knows the execution, and the others are appended', async () => {
    const other = anEvent({ executionId: 'run-2' });
    const results = resultsOf(await accept(owner, later(), other, later({ executionId: 'run-2' })));
    expect(results).toEqual([UNKNOWN, { id: expect.any(String) }, { id: expect.any(String) }]);
    expect((await appendedTo(redis)).map(([, fields]) => fields.project)).toEqual([
      'owner/repo',
      'owner/repo',
    ]);
  });

  test('of a producer without limits is no different: every event has a project', async () => {
    expect(resultsOf(await accept(everyone, later()))).toEqual([UNKNOWN]);
    await accept(owner, anEvent());
    idsOf(await accept(everyone, later({ eventId: 'by its note' })));
    await project();
    await redis.del(KEYS.intake.projectOf('run-1'));
    idsOf(await accept(everyone, later({ eventId: 'by its task' })));
    const projects = (await appendedTo(redis)).map(([, fields]) => fields.project);
    expect(projects).toEqual(['owner/repo', 'owner/repo', 'owner/repo']);
  });
});

describe('a stranger', () => {
  test('learns of no execution whose it is', async () => {
    await accept(owner, anEvent());
    const noted = resultsOf(await accept(stranger, later()));
    await project();
    const known = resultsOf(await accept(stranger, later()));
    const unknown = resultsOf(await accept(stranger, later({ executionId: 'run-9' })));
    expect(noted).toEqual(unknown);
    expect(known).toEqual(unknown);
    expect(await appendedTo(redis)).toHaveLength(1);
  });

  test('states a project of others in vain', async () => {
    expect(resultsOf(await accept(stranger, anEvent()))).toEqual([FORBIDDEN]);
    expect(await redis.dbsize()).toBe(0);
  });

  test("changes nothing of an owner's task by stating a project of their own", async () => {
    await accept(owner, anEvent({ taskName: 'Deploy' }));
    const theirs = { project: 'stranger/repo', taskName: 'Mine now', status: 'error' } as const;
    idsOf(await accept(stranger, anEvent(theirs), later({ taskName: 'Mine now' })));
    const { quarantined } = await project();
    expect(quarantined.map(([, reason]) => reason)).toEqual(['project_changed', 'project_changed']);
    expect(await redis.hgetall(KEYS.execution('run-1'))).toMatchObject({
      project: 'owner/repo',
      taskName: 'Deploy',
      status: 'queued',
    });
  });

  test("takes no note of an owner's execution away, while the projector is behind", async () => {
    await accept(owner, anEvent());
    idsOf(await accept(stranger, anEvent({ project: 'stranger/repo' })));
    expect(resultsOf(await accept(stranger, later()))).toEqual([UNKNOWN]);
    idsOf(await accept(owner, later({ eventId: 'e' })));
    expect(await lastProject()).toBe('owner/repo');
  });

  test('makes no note with an event that can begin no execution', async () => {
    const { status: _, ...noStatus } = anEvent({ project: 'stranger/repo' });
    idsOf(await accept(stranger, noStatus));
    await accept(owner, anEvent());
    idsOf(await accept(owner, later()));
    const { quarantined } = await project();
    expect(quarantined.map(([, reason, field]) => [reason, field])).toEqual([
      ['missing_field', 'status'],
    ]);
    expect(await redis.hget(KEYS.execution('run-1'), 'status')).toBe('in_progress');
  });

  test('that had an execution before its owner has it, and the owner is told so', async () => {
    await accept(stranger, anEvent({ project: 'stranger/repo' }));
    expect(resultsOf(await accept(owner, later()))).toEqual([UNKNOWN]);
    idsOf(await accept(owner, anEvent()));
    const { quarantined } = await project();
    expect(quarantined).toMatchObject([[expect.any(String), 'project_changed', 'project']]);
  });
});

describe('what names an event', () => {
  const colleague = aProducer('colleague', 'owner/repo');

  test("is its producer's own: another one's event id takes nothing away", async () => {
    const event = anEvent({ eventId: 'e1' });
    const [first] = idsOf(await accept(colleague, event));
    const [second] = idsOf(await accept(owner, event));
    expect(second).not.toBe(first);
    expect((await appendedTo(redis)).map(([, { producer }]) => producer)).toEqual([
      'colleague',
      'owner',
    ]);
    const { commits } = await project();
    expect(commits).toMatchObject([{ applied: 1, duplicate: 1 }]);
  });

  test("is its producer's own: so is an Idempotency-Key", async () => {
    const { intake } = openIntake(redis);
    const send = (producer: Producer, event: TaskEvent) =>
      intake.accept(aRequest([event], { producer, idempotencyKey: 'key' }));
    const [first] = idsOf(await send(colleague, anEvent()));
    const [second] = idsOf(await send(owner, anEvent()));
    const [third] = idsOf(await send(everyone, anEvent({ status: 'error' })));
    expect(new Set([first, second, third]).size).toBe(3);
    const eventIds = (await appendedTo(redis)).map(([, { eventId }]) => eventId);
    expect(new Set(eventIds).size).toBe(3);
  });

  test('does not let a producer that is limited since have what it may write no more', async () => {
    const event = anEvent({ eventId: 'e1' });
    await accept(aProducer('owner'), event);
    expect(resultsOf(await accept(aProducer('owner', 'a/b'), event))).toEqual([FORBIDDEN]);
  });
});
