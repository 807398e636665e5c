import { TASK_STATUSES } from '@tasktrail/contract';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readQuery, streamQuery, taskPageQuery } from '../../src/http/query.ts';
import { Refusal } from '../../src/http/refusal.ts';

const pageQuery = taskPageQuery({ defaultLimit: 50, maxLimit: 200 });
const page = (text: string) => readQuery(new URLSearchParams(text), pageQuery);

function refusal(text: string): string {
  try {
    page(text);
  } catch (error) {
    if (error instanceof Refusal && error.code === 'invalid_query') return error.message;
    throw error;
  }
  throw new Error(`"${text}" was not refused`);
}

describe('statuses', () => {
  test.each([
    ['statuses=queued,error', ['queued', 'error']],
    ['statuses=queued&statuses=error', ['queued', 'error']],
    ['statuses=queued,error&statuses=success', ['queued', 'error', 'success']],
    ['statuses=,queued,,error,&statuses=', ['queued', 'error']],
    ['statuses=queued,%20error', ['queued', 'error']],
    ['statuses=queued,queued&statuses=queued', ['queued']],
    ['statuses=', []],
    ['statuses=,', []],
    ['', []],
  ])('of "%s" are %j', (text, statuses) => {
    expect(page(text).statuses).toEqual(statuses);
  });

  test('that are unknown are named, with those that are allowed', () => {
    expect(refusal('statuses=queued,done')).toBe(
      'statuses: "done" is none of queued, in_progress, success, error, cancelled',
    );
  });

  test('that are unknown are repeated in part only', () => {
    expect(refusal(`statuses=${'x'.repeat(10_000)}`).length).toBeLessThan(150);
  });

  test('however spelled give each status once', () => {
    const part = fc.oneof(fc.constantFrom(...TASK_STATUSES), fc.constantFrom('', ' '));
    const value = fc.array(part).map((parts) => parts.join(','));
    fc.assert(
      fc.property(fc.array(value), (values) => {
        const query = new URLSearchParams(
          values.map((text) => ['statuses', text] as [string, string]),
        );
        const wanted = values.flatMap((text) => text.split(',')).filter((text) => text.trim());
        expect(readQuery(query, streamQuery).statuses).toEqual([...new Set(wanted)]);
      }),
    );
  });
});

describe('limit', () => {
  test.each([
    ['limit=1', 1],
    ['limit=007', 7],
    ['limit=200', 200],
    ['limit=201', 200],
    [`limit=${'9'.repeat(1000)}`, 200],
    ['limit=', 50],
    ['', 50],
  ])('of "%s" is %d', (text, limit) => {
    expect(page(text).limit).toBe(limit);
  });

  test.each([
    '0',
    '000',
    '-1',
    '+1',
    '1.5',
    '1e3',
    '0x10',
    'ten',
    '1 ',
    ' 1',
    '１',
    '1_000',
    'NaN',
  ])('cannot be "%s"', (limit) => {
    expect(refusal(String(new URLSearchParams({ limit })))).toBe(
      'limit: must be a whole number of at least 1',
    );
  });
});

describe('project', () => {
  test('is owner/repo, and groups may nest', () => {
    expect(page('project=a%2Fb%2Fc').project).toBe('a/b/c');
  });

  test.each(['rukipay', 'a//b', '/a', 'a/', 'a/b c', 'a/\n', `a/${'b'.repeat(200)}`])(
    'cannot be "%s"',
    (project) => {
      expect(refusal(String(new URLSearchParams({ project })))).toMatch(/^project: must be /);
    },
  );
});

describe('parameters', () => {
  test('that are empty count as absent', () => {
    expect(page('project=&cursor=&statuses=&limit=')).toEqual({ statuses: [], limit: 50 });
  });

  test.each(['project=a/b&project=a/b', 'cursor=x&cursor=y', 'limit=1&limit=1'])(
    'that must be single are refused when repeated: %s',
    (text) => {
      expect(refusal(text)).toBe(`${text.slice(0, text.indexOf('='))}: must be given once`);
    },
  );

  test('that are unknown are ignored', () => {
    expect(page('a=1&a=2&__proto__=3&Project=x&toString=1')).toEqual({ statuses: [], limit: 50 });
  });
});
