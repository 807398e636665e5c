import { beforeEach, describe, expect, test } from 'vitest';
import type { Service } from '../../src/runtime/service.ts';
import { runServices } from '../../src/runtime/supervisor.ts';

let stopping: AbortController;
/** What happened, in order. */
let log: string[];

beforeEach(() => {
  stopping = new AbortController();
  log = [];
});

async function drain(): Promise<void> {
  log.push('drain');
}

async function whenAborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** Works until it is told to stop; `end` is how it then ends. */
function worker(name: string, end = async () => {}): Service {
  return {
    name,
    run: async (signal) => {
      log.push(`${name} runs`);
      await whenAborted(signal);
      log.push(`${name} stops`);
      await end();
    },
  };
}

/** Fails when `when` resolves, whatever it is told. */
function failing(name: string, error: Error, when: Promise<void> = Promise.resolve()): Service {
  return {
    name,
    run: async () => {
      await when;
      log.push(`${name} fails`);
      throw error;
    },
  };
}

describe('a stop', () => {
  test('drains while all services still work, and only then stops them', async () => {
    const drained = Promise.withResolvers<void>();
    const running = runServices([worker('a'), worker('b')], stopping.signal, async () => {
      log.push('drain');
      await drained.promise;
      log.push('drained');
    });
    expect(log).toEqual(['a runs', 'b runs']);
    stopping.abort();
    setTimeout(drained.resolve, 5);
    await running;
    expect(log).toEqual(['a runs', 'b runs', 'drain', 'drained', 'a stops', 'b stops']);
  });

  test('waits for every service to end', async () => {
    const ended = Promise.withResolvers<void>();
    const slow = worker('slow', async () => {
      await ended.promise;
      log.push('slow ends');
    });
    const running = runServices([slow, worker('fast')], stopping.signal, drain);
    stopping.abort();
    setTimeout(ended.resolve, 5);
    await running;
    expect(log.at(-1)).toBe('slow ends');
  });

  test('stops the services and says so also where the drain fails', async () => {
    const failure = new Error('nobody listened');
    const running = runServices([worker('a')], stopping.signal, async () => {
      await drain();
      throw failure;
    });
    stopping.abort();
    await expect(running).rejects.toBe(failure);
    expect(log).toEqual(['a runs', 'drain', 'a stops']);
  });

  test('asked for twice drains once', async () => {
    const running = runServices([worker('a')], stopping.signal, async () => {
      stopping.abort();
      await drain();
    });
    stopping.abort();
    stopping.abort();
    await running;
    expect(log).toEqual(['a runs', 'drain', 'a stops']);
  });

  test('asked for before the start drains and stops all the same', async () => {
    stopping.abort();
    await runServices([worker('a')], stopping.signal, drain);
    expect(log).toEqual(['a runs', 'drain', 'a stops']);
  });
});

describe('a service that fails', () => {
  const failure = new Error('another layout');

  test('stops the others without a drain, and its error comes out', async () => {
    const running = runServices([worker('a'), failing('b', failure)], stopping.signal, drain);
    await expect(running).rejects.toBe(failure);
    expect(log).toEqual(['a runs', 'b fails', 'a stops']);
  });

  test('comes out before those that fail because they are stopped', async () => {
    const later = () => Promise.reject(new Error('closed'));
    const services = [worker('a', later), failing('b', failure), worker('c', later)];
    await expect(runServices(services, stopping.signal, drain)).rejects.toBe(failure);
  });

  test('during the drain stops the others without waiting for its end', async () => {
    const draining = Promise.withResolvers<void>();
    const stopped = Promise.withResolvers<void>();
    const running = runServices(
      [worker('a', async () => stopped.resolve()), failing('b', failure, draining.promise)],
      stopping.signal,
      async () => {
        draining.resolve();
        await stopped.promise;
        log.push('drained');
      },
    );
    stopping.abort();
    await expect(running).rejects.toBe(failure);
    expect(log).toEqual(['a runs', 'b fails', 'a stops', 'drained']);
  });

  test('at once, before it waits for anything, stops the others too', async () => {
    const broken: Service = {
      name: 'broken',
      run: () => {
        throw failure;
      },
    };
    const running = runServices([broken, worker('a')], stopping.signal, drain);
    await expect(running).rejects.toBe(failure);
    expect(log).toEqual(['a runs', 'a stops']);
  });
});
