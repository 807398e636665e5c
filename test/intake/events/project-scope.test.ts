import type { TaskEvent } from '@tasktrail/contract';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  executionsToLookUp,
  type JudgedEvent,
  scopeEvents,
} from '../../../src/intake/events/project-scope.ts';
import { aProducer } from '../emitting.ts';

const limited = aProducer('ci', 'houlak/app', 'houlak/web');
const unlimited = aProducer('all');

function event(executionId: string, project?: string): JudgedEvent {
  const base: TaskEvent = { executionId, occurredAt: '2026-11-20T12:00:00.000Z' };
  return { kind: 'event', event: project === undefined ? base : { ...base, project } };
}

const REFUSED: JudgedEvent = {
  kind: 'refused',
  refusal: { field: 'status', reason: 'invalid_value', detail: 'must be a status' },
};

function scoped(parts: readonly JudgedEvent[], known: Readonly<Record<string, string>> = {}) {
  return scopeEvents(limited, parts, new Map(Object.entries(known)));
}

describe('an event that states its project', () => {
  test('passes as it is where its producer may write', () => {
    expect(scoped([event('a', 'houlak/app')])).toEqual([event('a', 'houlak/app')]);
  });

  test('is forbidden elsewhere', () => {
    expect(scoped([event('a', 'other/app')])).toEqual([
      {
        kind: 'refused',
        refusal: {
          field: 'project',
          reason: 'project_forbidden',
          detail: expect.stringMatching(/^must match the patterns/),
        },
      },
    ]);
  });

  test('is not looked up', () => {
    expect(executionsToLookUp(limited, [event('a', 'houlak/app')])).toEqual([]);
  });
});

describe('an event without project', () => {
  test('leaves with the one of an earlier event of its request', () => {
    const parts = [event('a', 'houlak/app'), event('b', 'houlak/web'), event('a')];
    expect(scoped(parts, { a: 'houlak/web' })[2]).toEqual(event('a', 'houlak/app'));
    expect(executionsToLookUp(limited, parts)).toEqual([]);
  });

  test('leaves with the first of those, as an execution keeps its first', () => {
    const parts = [event('a', 'houlak/app'), event('a', 'houlak/web'), event('a')];
    expect(scoped(parts)[2]).toEqual(event('a', 'houlak/app'));
  });

  test('has nothing of a later event, nor of one that is not appended', () => {
    const parts = [event('a'), event('a', 'houlak/app'), event('b', 'other/app'), event('b')];
    expect(executionsToLookUp(limited, parts)).toEqual(['a', 'b']);
    expect(scoped(parts).map(({ kind }) => kind)).toEqual([
      'refused',
      'event',
      'refused',
      'refused',
    ]);
  });

  test('leaves with the one that is known', () => {
    expect(scoped([event('a')], { a: 'houlak/app' })).toEqual([event('a', 'houlak/app')]);
  });

  test('is refused the same where the execution is of others and where nobody knows it', () => {
    const [ofOthers] = scoped([event('a')], { a: 'secret/app' });
    const [unknown] = scoped([event('b')]);
    expect(ofOthers).toEqual(unknown);
    expect(ofOthers).toMatchObject({ refusal: { field: 'project', reason: 'missing_field' } });
    expect(JSON.stringify(ofOthers)).not.toContain('secret');
  });

  test('is looked up once for each execution', () => {
    const parts = [event('a'), REFUSED, event('a'), event('b')];
    expect(executionsToLookUp(limited, parts)).toEqual(['a', 'b']);
  });
});

test('what was refused before stays so, in its place', () => {
  expect(scoped([REFUSED, event('a', 'houlak/app'), REFUSED])).toEqual([
    REFUSED,
    event('a', 'houlak/app'),
    REFUSED,
  ]);
});

test('a producer without limits states what it likes, ids of forges included', () => {
  const parts = [event('a', 'any/thing'), event('github-run-other~app-7', 'any/thing'), REFUSED];
  expect(executionsToLookUp(unlimited, parts)).toEqual([]);
  expect(scopeEvents(unlimited, parts, new Map())).toEqual(parts);
});

test('a producer without limits leaves out what is known, and is refused where nobody knows it', () => {
  const parts = [event('a', 'any/thing'), event('a'), event('b'), event('c')];
  expect(executionsToLookUp(unlimited, parts)).toEqual(['b', 'c']);
  expect(scopeEvents(unlimited, parts, new Map([['b', 'other/app']]))).toMatchObject([
    event('a', 'any/thing'),
    event('a', 'any/thing'),
    event('b', 'other/app'),
    { kind: 'refused', refusal: { field: 'project', reason: 'missing_field' } },
  ]);
});

test('whatever comes, a limited producer appends only to projects of its own', () => {
  const ids = fc.constantFrom('a', 'b', 'c');
  const projects = fc.constantFrom('houlak/app', 'houlak/web', 'other/app', undefined);
  const parts = fc.array(
    fc.oneof(
      fc.tuple(ids, projects).map(([id, project]) => event(id, project)),
      fc.constant(REFUSED),
    ),
  );
  const known = fc.dictionary(ids, fc.constantFrom('houlak/app', 'other/app'));
  fc.assert(
    fc.property(parts, known, (given, projectsOf) => {
      const results = scoped(given, projectsOf);
      expect(results).toHaveLength(given.length);
      for (const [place, result] of results.entries()) {
        if (result.kind === 'refused') continue;
        expect(limited.mayWrite(result.event.project ?? '')).toBe(true);
        const part = given[place];
        if (part?.kind !== 'event') throw new Error('a refusal became an event');
        expect({ ...result.event, project: part.event.project }).toEqual({
          ...part.event,
          project: part.event.project,
        });
      }
    }),
  );
});

describe('the id that a forge gives to a task', () => {
  test('of its own project passes', () => {
    const parts = [
      event('github-run-houlak~app-7', 'houlak/app'),
      event('github-run-7', 'houlak/app'),
    ];
    expect(scoped(parts)).toEqual(parts);
  });

  test.for(['github-run-other~app-7', 'gitea-status-houlak~web-ab12', 'github-job-~hash-7'])(
    'of another project is refused: %s',
    (executionId) => {
      expect(scoped([event(executionId, 'houlak/app')])).toEqual([
        {
          kind: 'refused',
          refusal: {
            field: 'executionId',
            reason: 'project_forbidden',
            detail: expect.stringContaining('another project'),
          },
        },
      ]);
    },
  );
});
