import type { StreamId } from '@tasktrail/contract';
import { TaskProducer } from '@tasktrail/producer';
import { expect, test } from 'vitest';
import { differencesBetween, foldAllEvents } from '../../src/demo/expected-tasks.ts';
import { KEYS } from '../../src/redis/keys.ts';
import { whenProjected } from '../fixtures/facts.ts';
import { useGoogle } from '../fixtures/google.ts';
import { dashboardEnvironment, usePrograms } from '../fixtures/program.ts';
import { useRedis } from '../fixtures/redis.ts';
import { StreamViewer } from '../fixtures/viewer.ts';

const redis = useRedis();
const google = useGoogle();
const programs = usePrograms(google);

test.for([
  { replayLimit: 200, refreshes: [], title: 'within its window nobody loads the snapshot again' },
  { replayLimit: 10, refreshes: ['cursor_expired'], title: 'past its window everybody is told' },
])('a server is killed and started again: $title', async ({ replayLimit, refreshes }) => {
  const env = dashboardEnvironment(redis, google, {
    TASK_DASHBOARD_REPLAY_LIMIT: String(replayLimit),
  });
  const projector = programs.start(['projector'], env);
  const first = programs.start(['serve'], env);
  await Promise.all([projector.whenReadyz(200), first.whenReadyz(200)]);
  await using producer = new TaskProducer({ redis: redis.urlOf('producer') });
  const append = async (status: 'queued' | 'in_progress' | 'success') => {
    const ids = await Promise.all(
      Array.from({ length: 30 }, (_, n) =>
        producer.append({ executionId: `run-${n}`, project: `acme/app-${n % 3}`, status }),
      ),
    );
    return ids.at(-1) as StreamId;
  };
  await whenProjected(redis.connect(), await append('queued'));

  const url = await first.url();
  const token = programs.signIn({ email: 'ana@example.com' });
  await using viewers = new AsyncDisposableStack();
  const following = (['header', 'query'] as const).map((resumeBy) =>
    viewers.use(new StreamViewer({ url: () => url, token, resumeBy })).start(),
  );
  const began = await append('in_progress');
  for (const viewer of following) await viewer.whenAt(began);

  await first.kill();
  await whenProjected(redis.connect(), await append('success'));
  const second = programs.start(['serve'], { ...env, TASK_DASHBOARD_PORT: new URL(url).port });
  await second.whenReadyz(200);
  const last = await append('queued');
  const { tasks } = await foldAllEvents(redis.connect(), KEYS);
  for (const viewer of following) {
    await viewer.whenAt(last);
    expect(viewer.refreshes).toEqual(refreshes);
    expect(differencesBetween(tasks, viewer.tasks)).toEqual([]);
  }
});
