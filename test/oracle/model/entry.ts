import { isUtf8 } from 'node:buffer';
import { timeOf } from './ids.ts';

/**
 * What an entry of the event stream says, read a second time from PROTOCOL.md, "The event", without
 * the program's schemas. Where an entry breaks several rules the one found first is named, which need
 * not be the program's choice: nothing here sends such entries.
 */
export interface ModelEvent {
  readonly executionId: string;
  readonly occurredAt: string;
  readonly project?: string;
  readonly status?: string;
  readonly taskName?: string | null;
  readonly flow?: string | null;
  readonly actor?: ModelActor | null;
  readonly prLinks?: readonly string[];
  readonly responsibleUsers?: readonly string[];
  readonly message?: string | null;
  readonly attempt?: number;
  readonly eventId?: string;
}

export interface ModelActor {
  readonly provider: string;
  readonly id: string;
  readonly displayName?: string;
}

export interface Flaw {
  readonly reason: string;
  readonly field: string;
}

export type Reading =
  | { readonly kind: 'event'; readonly event: ModelEvent }
  | { readonly kind: 'broken'; readonly flaw: Flaw };

const MAX_BYTES = 65_536;
const DAY_MS = 86_400_000;
export const ENDED = ['success', 'error', 'cancelled'];
const STATUSES = ['queued', 'in_progress', ...ENDED];
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is the purpose
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** Thrown by the readers of single fields. */
class BrokenField extends Error {}

type Read = (text: string) => Partial<ModelEvent>;

const READERS: Readonly<Record<string, Read>> = {
  executionId: (text) => {
    const isFree = !['stream', '.', '..'].includes(text);
    return { executionId: demand(text, /^[!-~]{1,200}$/.test(text) && isFree) };
  },
  occurredAt: (text) => ({ occurredAt: readTime(text) }),
  project: (text) => {
    if (text === '') return {};
    const isPath = text.includes('/') && text.split('/').every((part) => part !== '');
    return { project: demand(line(text, 200), isPath && !/\s/.test(text)) };
  },
  status: (text) => (text === '' ? {} : { status: demand(text, STATUSES.includes(text)) }),
  taskName: (text) => ({ taskName: line(text, 300) || null }),
  flow: (text) => ({ flow: line(text, 100) || null }),
  actor: (text) => ({ actor: text === '' || text === '[]' ? null : readActor(json(text)) }),
  prLinks: (text) => ({ prLinks: text === '' ? [] : readLinks(json(text)) }),
  visibility: (text) => ({
    responsibleUsers: text === '' || text === '[]' ? [] : readUsers(json(text)),
  }),
  message: (text) => ({ message: lines(text, 2000) || null }),
  attempt: (text) =>
    text === '' ? {} : { attempt: Number(demand(text, /^[1-9]\d{0,14}$/.test(text))) },
  eventId: (text) => (text === '' ? {} : { eventId: line(text, 200) }),
};

/** @param pairs field, value, field, value … as bytes */
export function readEntry(id: string, pairs: readonly Buffer[]): Reading {
  if (pairs.reduce((bytes, text) => bytes + text.length, 0) > MAX_BYTES) {
    return broken('entry_too_large', '');
  }
  if (!pairs.every((text) => isUtf8(text))) return broken('not_utf8', '');
  const texts = new Map<string, string>();
  for (let i = 0; i + 1 < pairs.length; i += 2) texts.set(String(pairs[i]), String(pairs[i + 1]));
  const event: Partial<ModelEvent> = {};
  for (const [field, read] of Object.entries(READERS)) {
    const text = texts.get(field);
    try {
      if (text !== undefined) Object.assign(event, read(text));
    } catch (error) {
      if (error instanceof BrokenField) return broken('invalid_value', field);
      throw error;
    }
  }
  const { executionId, occurredAt } = event;
  if (executionId === undefined) return broken('missing_field', 'executionId');
  if (occurredAt === undefined) return broken('missing_field', 'occurredAt');
  if (Date.parse(occurredAt) > timeOf(id) + DAY_MS)
    return broken('occurred_too_late', 'occurredAt');
  return { kind: 'event', event: { ...event, executionId, occurredAt } };
}

export function principalOf(provider: string, id: string): string {
  return provider === 'google' ? `google:${id}`.toLowerCase() : `${provider}:${id}`;
}

function broken(reason: string, field: string): Reading {
  return { kind: 'broken', flaw: { reason, field } };
}

function demand(text: string, isFine: boolean): string {
  if (!isFine) throw new BrokenField();
  return text;
}

function line(text: string, max: number): string {
  return demand(text, text.length <= max && !CONTROL.test(text));
}

function lines(text: string, max: number): string {
  line(text.replaceAll(/[\n\t]/g, ' '), max);
  return text;
}

function json(text: string): unknown {
  try {
    return JSON.parse(demand(text, !CONTROL.test(text)));
  } catch {
    throw new BrokenField();
  }
}

function readActor(value: unknown): ModelActor {
  const { provider, id, displayName } = (value ?? {}) as Record<string, unknown>;
  if (typeof provider !== 'string' || typeof id !== 'string') throw new BrokenField();
  demand(line(provider, 300), /^[^:\s]+$/.test(provider));
  demand(line(id, 300), /^\S/.test(id));
  if (displayName === undefined) return { provider, id };
  if (typeof displayName !== 'string') throw new BrokenField();
  return { provider, id, displayName: line(displayName, 300) };
}

function readLinks(value: unknown): readonly string[] {
  if (!Array.isArray(value) || value.length > 50) throw new BrokenField();
  return value.map((link) => demand(String(link), /^https?:\/\/\S+$/i.test(link)));
}

function readUsers(value: unknown): readonly string[] {
  const { responsibleUsers } = (value ?? {}) as Record<string, unknown>;
  if (!Array.isArray(responsibleUsers) || responsibleUsers.length > 200) throw new BrokenField();
  return responsibleUsers.map((user) => {
    const [, provider = '', name = ''] = /^([^:\s]+):(\S.*)$/.exec(line(String(user), 1000)) ?? [];
    return principalOf(demand(provider, provider !== ''), name);
  });
}

function readTime(text: string): string {
  const parts = /^(\d{4}-\d\d-\d\dT\d\d:\d\d)(:\d\d)?(?:[.,](\d+))?(Z|[+-]\d\d(?::?\d\d)?)$/.exec(
    text,
  );
  if (parts === null) throw new BrokenField();
  const [, minutes, seconds = ':00', fraction = '', zone = 'Z'] = parts;
  const milliseconds = fraction.padEnd(3, '0').slice(0, 3);
  const offset =
    zone === 'Z' ? zone : `${zone.slice(0, 3)}:${zone.replace(':', '').slice(3) || '00'}`;
  const time = new Date(`${minutes}${seconds}.${milliseconds}${offset}`);
  // JavaScript takes February 30 for March 2.
  const day = new Date(`${minutes}${seconds}.000Z`);
  if (Number.isNaN(day.getTime()) || !day.toISOString().startsWith(minutes ?? '')) {
    throw new BrokenField();
  }
  return time.toISOString();
}
