import { describe, expect, test } from 'vitest';
import { History } from '../../oracle/model/history.ts';
import type { Sight } from '../../oracle/model/sight.ts';
import { Expectations } from './judge.ts';
import { judgeReconnects, limitOf } from './reconnects.ts';
import type { Absence, SeenFrame } from './viewer.ts';

const START_MS = Date.parse('2026-11-20T12:00:00Z');
const idOf = (number: number) => `${START_MS + number * 1000}-0`;
const statuses = ['queued', 'queued', 'in_progress', 'success', 'error'];
const history = new History(
  statuses.map((status, index) => ({
    id: idOf(index + 1),
    pairs: Object.entries({
      ...{ executionId: 'run-1', occurredAt: `2026-11-20T12:00:0${index}Z`, project: 'acme/api' },
      ...{ status, attempt: String(index + 1) },
      ...{ visibility: JSON.stringify({ responsibleUsers: index < 4 ? ['slack:U1'] : [] }) },
    })
      .flat()
      .map((text) => Buffer.from(text)),
  })),
);
const everything: Sight = {};
const own: Sight = { principals: ['slack:U1'] };

/** What is right, as it comes over the wire. */
function framesOf(sight: Sight): SeenFrame[] {
  const before = ['queued', 'in_progress', 'success'];
  return [3, 4, 5].map((number) => {
    const item = history.changes[number - 1]?.item;
    const id = `v1.e1.${idOf(number)}`;
    if (number < 5 || sight === everything) {
      const data = JSON.stringify({ ...item, previousStatus: before[number - 3] });
      return { id, name: 'task_status_updated', data };
    }
    const removed = { executionId: 'run-1', project: 'acme/api', reason: 'not_visible' };
    return { id, name: 'task_removed', data: JSON.stringify({ ...removed, lastEventId: idOf(5) }) };
  });
}

describe('the judge of a viewer', () => {
  const expectations = new Expectations(history, idOf(2));
  const [first, second, third] = framesOf(everything) as [SeenFrame, SeenFrame, SeenFrame];

  test('finds nothing where each change came once, in order, as far as it may be seen', () => {
    expect(expectations.judge(everything, [first, second, third])).toBeUndefined();
    expect(expectations.judge(own, framesOf(own))).toBeUndefined();
    expect(expectations.countOf(own)).toBe(3);
  });

  test.each([
    ['a gap', everything, [first, third]],
    ['a missing end', everything, [first, second]],
    ['a duplicate', everything, [first, first, second, third]],
    ['a duplicate of the last', everything, [first, second, third, third]],
    ['another order', everything, [second, first, third]],
    ['other data', everything, [first, { ...second, data: first.data }, third]],
    ['another event', everything, [first, { ...second, name: 'task_removed' }, third]],
    ['what may not be seen', own, [first, second, third]],
  ])('finds %s', (_, sight, frames) => {
    expect(expectations.judge(sight, frames)).toBeDefined();
  });
});

describe('the judge of reconnects', () => {
  const absence = (secondsLater: number, why = 'draining'): Absence => ({
    ...{ endedAtMs: 0, why, askedAtMs: [secondsLater * 1000], liveAtMs: secondsLater * 1000 + 5 },
  });

  test('lets those pass who come back as a drain spreads them', () => {
    const spread = Array.from({ length: 800 }, (_, n) => absence(1 + (n % 100) / 20));
    const { perSecond, findings } = judgeReconnects(spread, 'SIGTERM', 0);
    expect(perSecond).toEqual([0, 160, 160, 160, 160, 160]);
    expect(findings).toEqual([]);
  });

  test.each([
    ['a herd', 'SIGTERM', Array.from({ length: 800 }, () => absence(2))],
    ['a stream that broke without a word', 'SIGTERM', [absence(2, 'broken')]],
    ['a viewer that is never live again', 'SIGKILL', [{ ...absence(2), liveAtMs: undefined }]],
    ['a viewer that is away for long', 'SIGTERM', [absence(11)]],
  ] as const)('finds %s', (_, signal, absences) => {
    expect(judgeReconnects(absences, signal, 0).findings).not.toEqual([]);
  });

  test('allows a quarter after a drain and a third after a crash, and what chance adds', () => {
    expect(limitOf(10_000, 'SIGTERM')).toBe(2674);
    expect(limitOf(10_000, 'SIGKILL')).toBe(3522);
  });
});
