import { expect, test } from 'vitest';
import { eventually } from '../fixtures/facts.ts';
import { useGoogle } from '../fixtures/google.ts';
import { dashboardEnvironment, type Program, usePrograms } from '../fixtures/program.ts';
import { useRedis } from '../fixtures/redis.ts';
import { NumberedChanges } from '../rigs/changes.ts';
import { RigViewer } from '../rigs/rig-viewer.ts';
import { Crowd } from '../rigs/viewers/crowd.ts';

/** What `npm run rig:viewers` measures with thousands, as facts with tens. */

const redis = useRedis();
const google = useGoogle();
const programs = usePrograms(google);

const HEALTHY = 10;
const NEVER = 30;
const TRICKLE = 30;
const VANISH = 100;
/** Each change is so large that a hundred of them are more than the kernel takes for one socket. */
const BYTES = 50_000;
const PATIENCE_MS = 60_000;

test.each([
  { replayLimit: 2000, whole: NEVER + TRICKLE, title: 'each goes on exactly where it was' },
  { replayLimit: 20, whole: 0, title: 'past the window each is told to refresh' },
])(
  'INV6: viewers that do not read are parked, cost nobody a change, and $title',
  async ({ replayLimit, whole }) => {
    const program = programs.start(['all'], {
      ...dashboardEnvironment(redis, google),
      TASK_DASHBOARD_REPLAY_LIMIT: String(replayLimit),
    });
    await program.whenReadyz(200);
    const url = await program.url();
    const tokens = ['ana', 'ben'].map((name) => programs.signIn({ email: `${name}@example.com` }));
    const changes = new NumberedChanges({ redis: redis.connect(), bytes: BYTES });
    using viewers = new DisposableStack();
    const healthy = Array.from({ length: HEALTHY }, () => {
      const viewer = new RigViewer({ url, token: tokens[0] ?? '' });
      viewers.defer(() => viewer.stop());
      return viewer.start();
    });
    const plan = {
      ...{ url, tokens, never: NEVER, trickle: TRICKLE, arriveMs: 100 },
      ...{ vanish: VANISH, vanishMs: 500 },
    };
    const crowd = viewers.use(new Crowd(plan));
    await crowd.misbehave();
    await whenStreams(program, 'open', HEALTHY + NEVER + TRICKLE);

    await eventually(async () => {
      for (let n = 0; n < 10; n += 1) changes.send();
      await changes.stop();
      expect(await streams(program, 'parked')).toBe(NEVER + TRICKLE);
    }, PATIENCE_MS);
    // More than the smaller window holds.
    for (let n = 0; n < 30; n += 1) changes.send();
    await changes.stop();
    await eventually(() => {
      for (const viewer of healthy) expect(viewer.number).toBe(changes.last);
    });

    const outcome = crowd.readOn(changes.last + 1);
    await whenStreams(program, 'parked', 0);
    changes.send();
    await changes.stop();
    const { beginnings, ...counts } = await outcome;
    expect(counts).toMatchObject({
      ...{ whole, refreshed: NEVER + TRICKLE - whole, behind: 0, vanished: VANISH, faults: [] },
    });
    for (const one of [...beginnings, ...healthy.flatMap((viewer) => viewer.beginnings)]) {
      expect(changes.isNext(one), JSON.stringify(one)).toBe(true);
    }
    await whenStreams(program, 'open', HEALTHY);
    for (const { faults, refreshes, reconnects } of healthy) {
      expect({ faults, refreshes, reconnects }).toEqual({
        faults: [],
        refreshes: 0,
        reconnects: 0,
      });
    }
    const metrics = await program.metrics();
    expect(metrics.get('tasktrail_connections_open')).toBeLessThanOrEqual(HEALTHY + 1);
  },
  120_000,
);

async function streams(program: Program, state: 'open' | 'parked'): Promise<number> {
  return (await program.metrics()).get(`tasktrail_streams_${state}`) ?? Number.NaN;
}

async function whenStreams(program: Program, state: 'open' | 'parked', count: number) {
  await eventually(async () => expect(await streams(program, state)).toBe(count), PATIENCE_MS);
}
