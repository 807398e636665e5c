import { describe, expect, test } from 'vitest';
import { FAULTS } from '../oracle/faults/table.ts';
import { readOptions } from './options.ts';
import { countConnections } from './sampler.ts';
import { phasesOf, SOAK_FAULTS, settledPart } from './soak-plan.ts';

describe('a soak', () => {
  test('has faults of processes, of the network and of Redis, and none that takes events away', () => {
    for (const kind of ['kill-server', 'kill-projector', 'black-hole', 'kill-redis'] as const) {
      expect(SOAK_FAULTS).toContain(kind);
    }
    expect(SOAK_FAULTS.filter((fault) => FAULTS[fault].loses !== 'nothing')).toEqual([]);
  });

  test.each([1, 2, 30, 600])('of %i minutes has samples enough in each of its parts', (minutes) => {
    const { forMs, sampleMs } = readOptions(['--minutes', String(minutes)]);
    const { idle, load, restMs } = phasesOf(forMs, sampleMs);
    const rest = settledPart({ fromMs: 0, toMs: restMs });
    for (const { fromMs, toMs } of [idle, rest]) {
      expect((toMs - fromMs) / sampleMs).toBeGreaterThanOrEqual(5);
    }
    expect((load.toMs - load.fromMs) / 4 / sampleMs).toBeGreaterThanOrEqual(5);
    expect(load.toMs + restMs).toBe(forMs);
  });
});

describe('options', () => {
  test('are half an hour, with a sample each 5 s and a fault each 20 s, unless they say otherwise', () => {
    expect(readOptions([])).toMatchObject({ forMs: 1_800_000, sampleMs: 5_000, faultMs: 20_000 });
    expect(readOptions([])).toMatchObject({ seed: 1, docs: 'docs', faults: SOAK_FAULTS });
    expect(readOptions(['--faults', 'none']).faults).toEqual([]);
  });

  test.each([
    [['--minutes', 'x'], '--minutes must be a number'],
    [['--minutes', '0.1'], 'at least 1'],
    [['--sample-seconds', '0'], '--sample-seconds'],
    [['--minutes', '2', '--sample-seconds', '5'], 'too few samples'],
    [['--faults', 'empty-redis'], 'a soak has no fault empty-redis'],
    [['--faults', 'rain'], 'a soak has no fault rain'],
    [['--hours', '1'], '--hours'],
  ])('%j are refused', (args, said) => {
    expect(() => readOptions(args)).toThrow(said);
  });
});

test('connections of the program are counted by name, and those of nobody else', () => {
  const list = [
    'id=3 addr=127.0.0.1:1 laddr=127.0.0.1:2 name=tasktrail:commands age=1 lib-name= lib-ver=',
    'id=4 addr=127.0.0.1:1 laddr=127.0.0.1:2 name=tasktrail:commands age=1 lib-name=x lib-ver=',
    'id=5 addr=127.0.0.1:1 laddr=127.0.0.1:2 name=tasktrail:events age=1',
    'id=6 addr=127.0.0.1:1 laddr=127.0.0.1:2 name= age=1',
    'id=7 addr=127.0.0.1:1 laddr=127.0.0.1:2 name=soak age=1',
  ].join('\n');
  expect(Object.fromEntries(countConnections(list))).toEqual({
    'tasktrail:commands': 2,
    'tasktrail:events': 1,
  });
});
