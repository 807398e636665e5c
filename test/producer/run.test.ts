import type { StreamId } from '@tasktrail/contract';
import { describe, expect, test } from 'vitest';
import { type AppendInput, toEntry } from '../../packages/producer/src/entry.ts';
import { RunStateError } from '../../packages/producer/src/errors.ts';
import {
  nextRunState,
  Run,
  type RunAction,
  type RunState,
} from '../../packages/producer/src/run.ts';

const ACTIONS: readonly RunAction[] = [
  'queue',
  'start',
  'update',
  'succeed',
  'fail',
  'cancel',
  'restart',
];

/** For each state, what each action above leads to; `-` is not possible. */
const TABLE: Readonly<Record<RunState, string>> = {
  new: 'queued running - - ended ended -',
  queued: '- running queued - ended ended -',
  running: '- - running ended ended ended -',
  ended: '- - - - - - running',
};

describe.for(Object.entries(TABLE) as [RunState, string][])('a run that is %s', ([state, row]) => {
  test.for(row.split(' ').map((next, index) => [ACTIONS[index]!, next] as const))(
    'on %s is %s',
    ([action, next]) => {
      expect(nextRunState(state, action) ?? '-').toBe(next);
    },
  );
});

function runWith(refuse: (event: AppendInput) => boolean = () => false) {
  const events: AppendInput[] = [];
  const run = new Run(
    { executionId: 'run-1', project: 'acme/app', taskName: 'Build', flow: 'ci' },
    {
      append: (event) => {
        if (refuse(event)) throw new Error('not taken');
        events.push(event);
        return Promise.resolve('1-0' as StreamId);
      },
      reported: async (appending) => appending(),
    },
  );
  return { run, events };
}

test('a run states its description once, and execution, project and attempt always', async () => {
  const { run, events } = runWith();
  await run.queue();
  await run.start();
  await run.update({ message: 'half way' });
  await run.succeed();
  const always = { executionId: 'run-1', project: 'acme/app', attempt: 1 };
  expect(events).toEqual([
    { ...always, status: 'queued', taskName: 'Build', flow: 'ci' },
    { ...always, status: 'in_progress' },
    { ...always, message: 'half way' },
    { ...always, status: 'success' },
  ]);
});

test('a restart begins the next attempt', async () => {
  const { run, events } = runWith();
  await run.start();
  await run.fail();
  await run.restart();
  expect(run).toMatchObject({ state: 'running', attempt: 2 });
  expect(events.at(-1)).toMatchObject({ status: 'in_progress', attempt: 2 });
});

test('methods need not be awaited to keep their order', () => {
  const { run, events } = runWith();
  void run.start();
  void run.update({ message: 'on it' });
  void run.cancel();
  expect(events.map(({ status }) => status)).toEqual(['in_progress', undefined, 'cancelled']);
});

test('an action after the end is refused, saying what is possible', async () => {
  const { run, events } = runWith();
  await run.start();
  await run.succeed();
  const refused = run.update({ message: 'too late' });
  await expect(refused).rejects.toBeInstanceOf(RunStateError);
  await expect(refused).rejects.toThrow(
    'cannot update the run run-1, which is ended; possible now: restart',
  );
  expect(events).toHaveLength(2);
});

test('a run whose event was not taken stays as it was', async () => {
  let isFull = true;
  const { run, events } = runWith(() => isFull);
  await expect(run.start()).rejects.toThrow('not taken');
  expect(run.state).toBe('new');
  isFull = false;
  await run.start();
  await run.succeed();
  isFull = true;
  await expect(run.restart()).rejects.toThrow('not taken');
  expect(run).toMatchObject({ state: 'ended', attempt: 1 });
  expect(events[0]).toMatchObject({ status: 'in_progress', taskName: 'Build' });
});

describe('the failure of a run states', () => {
  async function messageOf(reason: Parameters<Run['fail']>[0]): Promise<string> {
    const { run, events } = runWith();
    await run.fail(reason);
    const [event] = events;
    // Valid, whatever the reason says.
    toEntry(event!, { occurredAt: '2026-11-20T12:00:00Z', eventId: 'e' });
    return event?.message ?? '';
  }

  test('what it is told', async () => {
    expect(await messageOf({ message: 'no disk' })).toBe('no disk');
  });

  test("an error's message", async () => {
    expect(await messageOf(new TypeError('x is undefined'))).toBe('x is undefined');
    expect(await messageOf(new TypeError())).toBe('TypeError');
  });

  test("an error's message without colours and control characters", async () => {
    const message = '\u001b[31mTS2322\u001b[0m: wrong\r\n\tat a.ts\u0007';
    expect(await messageOf(new Error(message))).toBe('TS2322: wrong\n\tat a.ts ');
  });

  test('at most 2,000 characters of it', async () => {
    const message = await messageOf(new Error('x'.repeat(5000)));
    expect(message).toHaveLength(2000);
    expect(message.endsWith('x…')).toBe(true);
  });
});
