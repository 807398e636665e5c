import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Look } from '../../src/runtime/file-look.ts';
import { createLogger } from '../../src/runtime/logging.ts';
import { WatchedFile } from '../../src/runtime/watched-file.ts';

/** A file system that hangs, which this machine cannot be made to have. */
const looks: PromiseWithResolvers<Look>[] = [];

vi.mock(import('../../src/runtime/file-look.ts'), async (original) => ({
  ...(await original()),
  lookAtFile: (() => {
    looks.push(Promise.withResolvers<Look>());
    return looks.at(-1)?.promise;
  }) as never,
}));

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterEach(() => {
  vi.useRealTimers();
  looks.length = 0;
  toldBroken = 0;
});

/** How often the file was said to be broken. */
let toldBroken = 0;

function open() {
  return WatchedFile.open(
    {
      name: 'texts',
      path: '/mnt/texts',
      parse: (contents) => ({ kind: 'valid', value: String(contents) }),
    },
    {
      logger: createLogger({ level: 'silent', pretty: false }),
      observer: {
        onReload: () => {},
        setBroken: (isBroken) => {
          toldBroken += Number(isBroken);
        },
      },
      now: Date.now,
      lookEveryMs: 0,
    },
  );
}

const contents = (text: string): Look => ({
  kind: 'contents',
  version: text,
  bytes: Buffer.from(text),
});

test('a look that hangs is said to be broken, is waited for again, and is alone', async () => {
  const opening = open();
  looks[0]?.resolve(contents('one'));
  const file = await opening;
  const stopping = new AbortController();
  const ended = file.run(stopping.signal);
  await vi.waitFor(() => expect(looks).toHaveLength(2));
  for (let timeouts = 1; timeouts <= 3; timeouts += 1) {
    await vi.waitFor(() => expect(vi.getTimerCount()).toBe(1));
    await vi.advanceTimersByTimeAsync(10_000);
    expect(toldBroken).toBe(timeouts);
  }
  expect(file.health().details.problem).toBe('cannot be read: DeadlineError');
  expect(looks).toHaveLength(2);
  await vi.waitFor(() => {
    for (const look of looks) look.resolve(contents('two'));
    expect(file.current).toBe('two');
  });
  expect(file.health().details.problem).toBeNull();
  stopping.abort();
  await ended;
});

test('a stop waits for no look that hangs', async () => {
  const opening = open();
  looks[0]?.resolve(contents('one'));
  const file = await opening;
  const stopping = new AbortController();
  const ended = file.run(stopping.signal);
  await vi.waitFor(() => expect(looks).toHaveLength(2));
  stopping.abort();
  await ended;
  expect(file.health().details.problem).toBeNull();
});

test('a start does not wait for ever', async () => {
  const opening = expect(open()).rejects.toThrow('it cannot be read: DeadlineError');
  await vi.advanceTimersByTimeAsync(10_000);
  await opening;
});
