import { describe, expect, test } from 'vitest';
import { type Authenticator, ForbiddenError, UnauthorizedError } from '../../src/auth/auth.ts';
import { SnapshotGate, type SnapshotGateOptions } from '../../src/http/snapshot-gate.ts';
import { eventually } from '../fixtures/facts.ts';
import { ana, answerOf, PAGE, type RunningDashboard, runDashboard } from './running-dashboard.ts';

/** Viewers that may no longer read. */
const dismissed = new Set<string>();

/** Whoever says who they are is believed. */
const authenticator: Authenticator = {
  async authenticate(token) {
    if (token === '') throw new UnauthorizedError('malformed');
    if (dismissed.has(token)) throw new ForbiddenError(`google:${token}@example.com`);
    return { ...ana, identity: `google:${token}@example.com` };
  },
};

/** A dashboard whose pages are made when a test says so. */
class SlowPages implements AsyncDisposable {
  readonly load = { inWork: 0, waiting: 0 };
  readonly refused: string[] = [];
  /** Whose pages are worked on now, in the order in which they began. */
  readonly working: { readonly finish: () => void; readonly fail: () => void }[] = [];
  begun = 0;
  readonly #dashboard: Promise<RunningDashboard>;

  constructor(options: Partial<SnapshotGateOptions> = {}) {
    const observer = {
      onLoad: (inWork: number, waiting: number) => Object.assign(this.load, { inWork, waiting }),
      onRefused: (reason: string) => this.refused.push(reason),
    };
    const limits = { places: 4, maxWaiting: 2, maxWaitMs: 20_000, random: () => 0.5 };
    const work = async () => {
      this.begun += 1;
      await new Promise<void>((resolve, reject) =>
        this.working.push({ finish: resolve, fail: () => reject(new Error('a defect')) }),
      );
    };
    this.#dashboard = runDashboard({
      authenticator,
      snapshotGate: new SnapshotGate({ ...limits, observer, ...options }),
      readModel: {
        page: () => work().then(() => PAGE),
        task: () => work().then(() => PAGE.items[0]),
      },
    });
  }

  async ask(viewer: string, path = '/dashboard/tasks', signal?: AbortSignal): Promise<Response> {
    const dashboard = await this.#dashboard;
    const headers = { Authorization: `Bearer ${viewer}` };
    return await dashboard.get(path, { headers, ...(signal === undefined ? {} : { signal }) });
  }

  /** Asks so many times, and waits until so many are in work and so many wait. */
  async fill(viewer: string, count: number, load: { inWork: number; waiting: number }) {
    const answers = Array.from({ length: count }, () => this.ask(viewer));
    await eventually(() => expect(this.load).toEqual(load));
    return answers;
  }

  async finishAll(count: number): Promise<void> {
    await eventually(() => {
      for (const one of this.working.splice(0)) one.finish();
      expect(this.begun).toBe(count);
    });
    for (const one of this.working.splice(0)) one.finish();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (await this.#dashboard)[Symbol.asyncDispose]();
  }
}

describe('snapshot pages', () => {
  test('are made by the rights of the moment, not by those from before the wait', async () => {
    await using pages = new SlowPages();
    const ofAna = await pages.fill('ana', 2, { inWork: 2, waiting: 0 });
    const ofEve = await pages.fill('eve', 3, { inWork: 4, waiting: 1 });
    dismissed.add('eve');
    await pages.finishAll(4);
    const statuses = (await Promise.all([...ofAna, ...ofEve])).map(({ status }) => status);
    dismissed.clear();
    expect(statuses).toEqual([200, 200, 200, 200, 403]);
    expect(pages.load).toEqual({ inWork: 0, waiting: 0 });
  });

  test('beyond the places wait for one, and are then answered', async () => {
    await using pages = new SlowPages();
    const ofAna = await pages.fill('ana', 2, { inWork: 2, waiting: 0 });
    const ofBen = await pages.fill('ben', 4, { inWork: 4, waiting: 2 });
    expect(pages.begun).toBe(4);
    await pages.finishAll(6);
    const answers = await Promise.all([...ofAna, ...ofBen]);
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(200));
    await eventually(() => expect(pages.load).toEqual({ inWork: 0, waiting: 0 }));
    expect(pages.refused).toEqual([]);
  });

  test('beyond the queue are 503 with the time to wait, and are not begun', async () => {
    await using pages = new SlowPages();
    const ofAna = await pages.fill('ana', 3, { inWork: 2, waiting: 1 });
    const ofBen = await pages.fill('ben', 3, { inWork: 4, waiting: 2 });
    const refused = await pages.ask('eve');
    expect(refused.headers.get('Retry-After')).toBe('3');
    expect(await answerOf(refused)).toEqual({
      status: 503,
      error: 'unavailable',
      message: 'too many snapshot pages are asked for now; try again in 3 s',
    });
    expect(pages.refused).toEqual(['queue_full']);
    await pages.finishAll(6);
    await Promise.all([...ofAna, ...ofBen]);
    expect(pages.begun).toBe(6);
  });

  test('that wait for too long are 503', async () => {
    await using pages = new SlowPages({ maxWaitMs: 30 });
    const ofAna = await pages.fill('ana', 2, { inWork: 2, waiting: 0 });
    const late = await pages.ask('ana');
    expect(await answerOf(late)).toMatchObject({ status: 503, error: 'unavailable' });
    expect(pages.refused).toEqual(['queue_timeout']);
    expect(pages.load).toEqual({ inWork: 2, waiting: 0 });
    await pages.finishAll(2);
    await Promise.all(ofAna);
  });

  test('of a client that has left leave the queue and are never begun', async () => {
    await using pages = new SlowPages();
    const ofAna = await pages.fill('ana', 2, { inWork: 2, waiting: 0 });
    const left = new AbortController();
    const gone = pages.ask('ana', '/dashboard/tasks', left.signal);
    await eventually(() => expect(pages.load.waiting).toBe(1));
    left.abort();
    await expect(gone).rejects.toThrow();
    await eventually(() => expect(pages.load).toEqual({ inWork: 2, waiting: 0 }));
    expect(pages.refused).toEqual([]);
    await pages.finishAll(2);
    await Promise.all(ofAna);
    expect(pages.begun).toBe(2);
  });

  test('of one viewer who asks for any number of them keep nobody else out', async () => {
    await using pages = new SlowPages({ maxWaiting: 20 });
    const flood = Array.from({ length: 50 }, () => pages.ask('ana'));
    await eventually(() => expect(pages.load).toEqual({ inWork: 2, waiting: 20 }));
    await eventually(() => expect(pages.refused).toHaveLength(28));
    const ofBen = pages.ask('ben');
    // At once, though nothing has finished.
    await eventually(() => expect(pages.begun).toBe(3));
    pages.working[2]?.finish();
    expect((await ofBen).status).toBe(200);
    await pages.finishAll(23);
    const statuses = await Promise.all(flood.map(async (answer) => (await answer).status));
    expect(statuses.filter((status) => status === 200)).toHaveLength(22);
    expect(statuses.filter((status) => status === 503)).toHaveLength(28);
  });

  test('that fail give their place back', async () => {
    await using pages = new SlowPages({ places: 1, maxWaiting: 1 });
    const failing = pages.ask('ana');
    await eventually(() => expect(pages.working).toHaveLength(1));
    const next = pages.ask('ben');
    await eventually(() => expect(pages.load.waiting).toBe(1));
    pages.working.splice(0)[0]?.fail();
    expect((await failing).status).toBe(500);
    await pages.finishAll(2);
    expect((await next).status).toBe(200);
  });
});

test('single tasks take the same places', async () => {
  await using pages = new SlowPages({ places: 1, maxWaiting: 0 });
  const first = pages.ask('ana', '/dashboard/tasks/run-1');
  await eventually(() => expect(pages.load.inWork).toBe(1));
  expect((await pages.ask('ben')).status).toBe(503);
  await pages.finishAll(1);
  expect((await first).status).toBe(200);
});

test('those who are refused together are told different times to come back', async () => {
  const dice = [0, 0.2, 0.4, 0.6, 0.999];
  await using pages = new SlowPages({
    places: 1,
    maxWaiting: 0,
    random: () => dice.shift() ?? 0,
  });
  const first = pages.ask('ana');
  await eventually(() => expect(pages.load.inWork).toBe(1));
  const times: (string | null)[] = [];
  for (let n = 0; n < 5; n += 1) {
    times.push((await pages.ask('ben')).headers.get('Retry-After'));
  }
  expect(times).toEqual(['1', '2', '3', '4', '5']);
  await pages.finishAll(1);
  await first;
});
