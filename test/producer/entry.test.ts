import { describe, expect, test } from 'vitest';
import { type AppendInput, toEntry } from '../../packages/producer/src/entry.ts';
import { InvalidEventError } from '../../packages/producer/src/errors.ts';

const DEFAULTS = { occurredAt: '2026-11-20T12:00:00.000Z', eventId: 'generated' };

function fieldsOf(event: AppendInput): Record<string, string> {
  const { pairs } = toEntry(event, DEFAULTS);
  const fields: Record<string, string> = {};
  for (let i = 0; i < pairs.length; i += 2) fields[pairs[i]!] = pairs[i + 1]!;
  return fields;
}

function refusalOf(event: unknown): InvalidEventError {
  try {
    toEntry(event as AppendInput, DEFAULTS);
  } catch (error) {
    if (error instanceof InvalidEventError) return error;
  }
  throw new Error('the event was taken');
}

describe('an event', () => {
  test('gets the time and the idempotency key that it does not state', () => {
    expect(fieldsOf({ executionId: 'run-1', status: 'queued' })).toEqual({
      executionId: 'run-1',
      occurredAt: '2026-11-20T12:00:00.000Z',
      status: 'queued',
      eventId: 'generated',
    });
  });

  test('keeps those that it states, the time as UTC', () => {
    const stated = { executionId: 'run-1', occurredAt: '2026-11-20T14:00:00+02:00', eventId: 'e' };
    expect(fieldsOf(stated)).toMatchObject({
      occurredAt: '2026-11-20T12:00:00.000Z',
      eventId: 'e',
    });
  });

  test('has Windows line ends in its message turned into newlines', () => {
    expect(fieldsOf({ executionId: 'run-1', message: 'one\r\ntwo\r\n' }).message).toBe(
      'one\ntwo\n',
    );
  });

  test('clears a field with null, and leaves it with undefined', () => {
    const fields = fieldsOf({ executionId: 'run-1', message: null, flow: undefined as never });
    expect(fields.message).toBe('');
    expect(fields).not.toHaveProperty('flow');
  });

  test('is measured in bytes as it will be sent', () => {
    const { pairs, bytes } = toEntry({ executionId: 'run-1', message: 'é' }, DEFAULTS);
    expect(bytes).toBe(Buffer.byteLength(pairs.join('')));
  });
});

describe('an invalid event is refused, naming', () => {
  test.for([
    [{}, 'executionId', 'is required'],
    [{ executionId: 'run 1' }, 'executionId', 'printable ASCII'],
    [{ executionId: 'run-1', status: 'done' }, 'status', 'in_progress'],
    [{ executionId: 'run-1', project: 'no-owner' }, 'project', 'owner/repo'],
    [{ executionId: 'run-1', occurredAt: 'yesterday' }, 'occurredAt', 'ISO-8601'],
    [{ executionId: 'run-1', attempt: 0 }, 'attempt', 'at least 1'],
    [{ executionId: 'run-1', message: 'a\rb' }, 'message', 'control characters'],
    [{ executionId: 'run-1', prLinks: ['javascript:0'] }, 'prLinks.0', 'http'],
    [{ executionId: 'run-1', actor: { provider: 'a b', id: 'U1' } }, 'actor.provider', 'spaces'],
  ] as const)('%j: %s', ([event, field, reason]) => {
    const error = refusalOf(event);
    expect(error.field).toBe(field);
    expect(error.reason).toContain(reason);
    expect(error.message).toContain(`${field}: ${error.reason}`);
  });

  test('the whole event, when it is larger than an entry may be', () => {
    const prLinks = [`https://example.com/${'x'.repeat(70_000)}`];
    const error = refusalOf({ executionId: 'run-1', prLinks });
    expect(error.field).toBe('');
    expect(error.message).toContain('65536 bytes');
  });
});
