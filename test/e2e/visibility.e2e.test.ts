import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseStreamId, type StreamId } from '@tasktrail/contract';
import { TaskProducer } from '@tasktrail/producer';
import { expect, onTestFinished, test } from 'vitest';
import { whenProjected } from '../fixtures/facts.ts';
import { useGoogle } from '../fixtures/google.ts';
import { dashboardEnvironment, usePrograms } from '../fixtures/program.ts';
import { useRedis } from '../fixtures/redis.ts';
import { type SeenFrame, StreamViewer } from '../fixtures/viewer.ts';

const redis = useRedis();
const google = useGoogle();
const programs = usePrograms(google);

const ANA = 'google:ana@example.com';
const BOB = 'google:bob@example.com';
const SECRET = 'the quarterly numbers';

/** Ana's tasks come from Slack, bob's name him, and the administrator has none. */
const TASKS = [
  { executionId: 'of-ana', actor: { provider: 'slack', id: 'U1' } },
  { executionId: 'of-bob', visibility: { responsibleUsers: ['google:Bob@Example.com'] } },
  { executionId: 'of-both', visibility: { responsibleUsers: ['slack:U1', BOB] } },
  { executionId: 'of-nobody' },
];

test('viewers see their own tasks, an administrator all, in snapshot, single task and stream', async () => {
  await using world = await openWorld();
  const { ana, bob, admin, append } = world;
  expect([...ana.tasks.keys()].toSorted()).toEqual(['of-ana', 'of-both']);
  expect([...bob.tasks.keys()].toSorted()).toEqual(['of-bob', 'of-both']);
  expect(admin.tasks.size).toBe(4);

  expect(await world.statusOf('of-ana', ana)).toBe(200);
  expect(await world.statusOf('of-ana', bob)).toBe(404);
  expect(await world.statusOf('of-nobody', ana)).toBe(404);
  expect(await world.statusOf('of-nobody', admin)).toBe(200);

  for (const { executionId } of TASKS) await append({ executionId, status: 'in_progress' });
  await world.everyoneIsThere();
  expect(told(ana)).toEqual(['of-ana', 'of-both']);
  expect(told(bob)).toEqual(['of-bob', 'of-both']);
  expect(told(admin)).toEqual(TASKS.map(({ executionId }) => executionId));
});

test.for(['live', 'in a replay'] as const)(
  'a task that is taken away is removed, untold of meanwhile, and new when given back, %s',
  async (when) => {
    await using world = await openWorld();
    const { bob, append } = world;
    const executionId = 'of-bob';
    const taken = async () => {
      const first = await append({ executionId, visibility: null, message: SECRET });
      await append({ executionId, status: 'success', message: SECRET });
      return first;
    };
    const given = () =>
      append({ executionId, visibility: { responsibleUsers: [BOB] }, message: null });

    // Who resumes late is told of every step as it was judged at its own position.
    if (when === 'in a replay') bob.hold();
    const takenId = await taken();
    if (when === 'live') {
      await world.everyoneIsThere();
      expect(bob.tasks.has(executionId)).toBe(false);
      expect(await world.statusOf(executionId, bob)).toBe(404);
    }
    const givenId = await given();
    bob.resume();
    await world.everyoneIsThere();

    const frames = bob.frames.filter(isData);
    expect(frames).toEqual([
      expect.objectContaining({
        name: 'task_removed',
        data: {
          executionId,
          project: 'acme/api',
          reason: 'not_visible',
          lastEventId: takenId,
        },
      }),
      expect.objectContaining({
        name: 'task_status_updated',
        data: expect.objectContaining({
          executionId,
          status: 'success',
          previousStatus: null,
          lastEventId: givenId,
        }),
      }),
    ]);
    expect(JSON.stringify(bob.frames)).not.toContain(SECRET);
    expect(bob.tasks.get(executionId)).toMatchObject({ status: 'success', message: null });
    expect(bob.refreshes).toEqual([]);
  },
);

/** The program with enforcement on, four tasks, and three viewers that follow. */
async function openWorld() {
  const directory = await mkdtemp(join(tmpdir(), 'tasktrail-identities-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const identities = join(directory, 'identities.json');
  await writeFile(identities, JSON.stringify({ [ANA]: ['slack:U1', 'github:ana'] }));
  const program = programs.start(
    ['all'],
    dashboardEnvironment(redis, google, {
      TASK_DASHBOARD_ENFORCE_VISIBILITY: 'true',
      TASK_DASHBOARD_ADMINS: 'google:Root@Example.com',
      TASK_DASHBOARD_IDENTITIES: identities,
    }),
  );
  await program.whenReadyz(200);
  const url = await program.url();
  const producer = new TaskProducer({ redis: redis.urlOf('producer') });
  let last = parseStreamId('0-0') as StreamId;
  const append = async (event: Parameters<TaskProducer['append']>[0]) => {
    last = await producer.append(event);
    return last;
  };
  for (const task of TASKS) await append({ ...task, project: 'acme/api', status: 'queued' });

  await whenProjected(redis.connect(), last);

  const tokens = new Map<StreamViewer, string>();
  const open = (email: string, principals?: string[]) => {
    const token = programs.signIn({ email });
    const viewer = new StreamViewer({ url: () => url, token, principals, limit: () => 1 });
    tokens.set(viewer, token);
    return viewer.start();
  };
  const ana = open('Ana@example.com', [ANA, 'slack:U1', 'github:ana']);
  const bob = open('bob@example.com', [BOB]);
  const admin = open('root@example.com');
  const everyoneIsThere = () => Promise.all([ana, bob, admin].map((viewer) => viewer.whenAt(last)));
  await everyoneIsThere();
  for (const viewer of [ana, bob, admin]) await viewer.when(() => viewer.frames.length > 0);
  return {
    ...{ ana, bob, admin, append, everyoneIsThere },
    statusOf: async (executionId: string, viewer: StreamViewer) => {
      const headers = { Authorization: `Bearer ${tokens.get(viewer)}` };
      const { status } = await fetch(`${url}/dashboard/tasks/${executionId}`, { headers });
      return status;
    },
    [Symbol.asyncDispose]: async () => {
      for (const viewer of tokens.keys()) await viewer[Symbol.asyncDispose]();
      await producer.close();
    },
  };
}

/** The executions that a viewer's stream has told of, in order. */
function told(viewer: StreamViewer): string[] {
  return viewer.frames.flatMap((frame) =>
    frame.name === 'task_status_updated' ? [frame.data.executionId] : [],
  );
}

function isData({ name }: SeenFrame): boolean {
  return name === 'task_status_updated' || name === 'task_removed';
}
