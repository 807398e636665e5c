import { join } from 'node:path';
import type { StreamId } from '@tasktrail/contract';
import { TaskProducer } from '@tasktrail/producer';
import { expect, onTestFinished, test } from 'vitest';
import { eventually, whenProjected } from '../fixtures/facts.ts';
import { useGoogle } from '../fixtures/google.ts';
import { dashboardEnvironment, usePrograms } from '../fixtures/program.ts';
import { useRedis } from '../fixtures/redis.ts';
import { StreamViewer } from '../fixtures/viewer.ts';
import { makeDirectory, replaceFile } from '../projects/directory.ts';

const redis = useRedis();
const google = useGoogle();
const programs = usePrograms(google);

const ANA = 'google:ana@example.com';
const BOB = 'google:bob@example.com';
const SECRET = 'the quarterly numbers';

test('a viewer whose aliases change has what they may see from then on, and nobody else notices', async () => {
  await using world = await openWorld();
  const ana = [world.open('ana', 'reconnect'), world.open('ana', 'stay')];
  const bob = world.open('bob', 'reconnect');
  for (const viewer of [...ana, bob]) await viewer.when(() => viewer.frames.length > 0);
  for (const viewer of ana) expect(idsOf(viewer)).toEqual(['of-u1']);

  await world.setIdentities({ [ANA]: ['slack:U2'], [BOB]: ['slack:U3'] });
  for (const viewer of ana) {
    // It reloads by itself: what it lost is gone, and what it gained is there.
    await viewer.when(() => idsOf(viewer).join() === 'of-u2');
    expect(viewer.refreshes).toEqual(['resync']);
  }
  expect(await world.statusOf('ana', 'of-u1')).toBe(404);
  await world.append({ executionId: 'of-u1', status: 'in_progress', message: SECRET });
  await world.append({ executionId: 'of-u2', status: 'in_progress' });
  await Promise.all([...ana, bob].map((viewer) => viewer.whenAt(world.last())));
  for (const viewer of ana) {
    expect(idsOf(viewer)).toEqual(['of-u2']);
    expect(viewer.tasks.get('of-u2')?.status).toBe('in_progress');
    expect(JSON.stringify(viewer.frames)).not.toContain(SECRET);
  }
  expect(bob).toMatchObject({ streams: 1, refreshes: [] });
});

test('a viewer who becomes a producer is sent away, and comes back when that is undone', async () => {
  await using world = await openWorld();
  const ana = world.open('ana', 'reconnect');
  const bob = world.open('bob', 'reconnect');
  for (const viewer of [ana, bob]) await viewer.when(() => viewer.frames.length > 0);
  await world.setProducers([{ name: 'ana', email: 'Ana@Example.com', projects: ['acme/*'] }]);
  await expect(ana.when(() => false)).rejects.toThrow(/answered 403: .*dashboard_forbidden/);
  expect(ana.refreshes).toEqual(['resync']);
  await world.setProducers([]);
  await eventually(async () => expect(await world.statusOf('ana', 'of-u1')).toBe(200));
  const again = world.open('ana', 'reconnect');
  await again.when(() => idsOf(again).join() === 'of-u1');
  expect(bob).toMatchObject({ streams: 1, refreshes: [] });
});

test('a viewer who is taken out of the members is ended and stays out, and an administrator is one no more', async () => {
  await using world = await openWorld();
  await world.setMembers({ domains: ['example.com'], admins: [BOB] });
  const ana = world.open('ana', 'reconnect');
  const eve = world.open('eve', 'reconnect', 'example.org');
  await expect(eve.when(() => false)).rejects.toThrow(/answered 403: .*dashboard_forbidden/);
  await eventually(async () => expect(await world.statusOf('bob', 'of-u1')).toBe(200));
  const bob = world.open('bob', 'stay');
  await bob.when(() => idsOf(bob).join() === 'of-u1,of-u2,of-u3');
  await ana.when(() => ana.frames.length > 0);

  await world.setMembers({ emails: ['bob@example.com', 'eve@example.org'] });
  await expect(ana.when(() => false)).rejects.toThrow(/answered 403: .*dashboard_forbidden/);
  await bob.when(() => idsOf(bob).join() === 'of-u3');
  expect(bob).toMatchObject({ streams: 1, refreshes: ['resync'] });
  const anaHad = ana.frames.length;
  await world.append({ executionId: 'of-u1', status: 'in_progress', message: SECRET });
  await bob.whenAt(world.last());
  expect(JSON.stringify(bob.frames)).not.toContain(SECRET);
  expect(ana.frames).toHaveLength(anaHad);
  await eventually(async () =>
    expect(await world.statusOf('eve', 'of-u1', 'example.org')).toBe(404),
  );
});

/** The program with enforcement on, and a task of each of three people in Slack. */
async function openWorld() {
  const directory = await makeDirectory();
  const identitiesPath = join(directory, 'identities.json');
  const producersPath = join(directory, 'producers.json');
  const membersPath = join(directory, 'members.json');
  const aliases: Record<string, string[]> = {};
  const setIdentities = async (next: Record<string, string[]>) => {
    Object.assign(aliases, next);
    await replaceFile(identitiesPath, JSON.stringify(next));
  };
  const setProducers = (producers: unknown[]) =>
    replaceFile(producersPath, JSON.stringify({ producers }));
  await setIdentities({ [ANA]: ['slack:U1'], [BOB]: ['slack:U3'] });
  let admins: readonly string[] = [];
  const setMembers = async (members: { admins?: readonly string[] } & Record<string, unknown>) => {
    admins = members.admins ?? [];
    await replaceFile(membersPath, JSON.stringify(members));
  };
  await setProducers([]);
  await setMembers({ domains: ['example.com'] });
  const program = programs.start(
    ['all'],
    dashboardEnvironment(redis, google, {
      TASK_DASHBOARD_ENFORCE_VISIBILITY: 'true',
      TASK_DASHBOARD_IDENTITIES: identitiesPath,
      TASK_DASHBOARD_ALLOWED_DOMAINS: '',
      TASK_DASHBOARD_MEMBERS: membersPath,
      TASK_INTAKE_PRODUCERS: producersPath,
    }),
  );
  await program.whenReadyz(200);
  const url = await program.url();
  const producer = new TaskProducer({ redis: redis.url });
  onTestFinished(() => producer.close());
  let last: StreamId | undefined;
  const append = async (event: Parameters<TaskProducer['append']>[0]) => {
    last = await producer.append(event);
  };
  for (const id of ['1', '2', '3']) {
    const actor = { provider: 'slack', id: `U${id}` };
    await append({ executionId: `of-u${id}`, project: 'acme/api', status: 'queued', actor });
  }
  if (last !== undefined) await whenProjected(redis.connect(), last);
  const viewers: StreamViewer[] = [];
  return {
    ...{ setIdentities, setProducers, setMembers, append },
    last: () => last as StreamId,
    open: (name: string, afterRefresh: 'reconnect' | 'stay', domain = 'example.com') => {
      const identity = `google:${name}@${domain}`;
      const viewer = new StreamViewer({
        url: () => url,
        token: programs.signIn({ email: `${name}@${domain}` }),
        afterRefresh,
        get principals() {
          if (admins.includes(identity)) return undefined;
          return [identity, ...(aliases[identity] ?? [])];
        },
      });
      viewers.push(viewer);
      return viewer.start();
    },
    statusOf: async (name: string, executionId: string, domain = 'example.com') => {
      const token = programs.signIn({ email: `${name}@${domain}` });
      const headers = { Authorization: `Bearer ${token}` };
      return (await fetch(`${url}/dashboard/tasks/${executionId}`, { headers })).status;
    },
    [Symbol.asyncDispose]: async () => {
      for (const viewer of viewers) await viewer[Symbol.asyncDispose]();
    },
  };
}

function idsOf({ tasks }: StreamViewer): string[] {
  return [...tasks.keys()].toSorted();
}
