import type { EventRefusal } from '@tasktrail/contract';
import { type EventMediaType, type EventsAnswer, MAX_EVENTS } from '../intake.ts';
import { lineOf } from '../webhooks/line.ts';

/** A part of a body: what may be an event, or why it cannot even be read. */
export type EventItem =
  | { readonly kind: 'value'; readonly value: unknown }
  | { readonly kind: 'refused'; readonly refusal: EventRefusal };

export type EventBody =
  | { readonly kind: 'items'; readonly items: readonly EventItem[] }
  | Extract<EventsAnswer, { readonly kind: 'invalid_body' | 'too_many_events' }>;

/**
 * Takes the body of a request apart, without judging what it holds. A document is read whole or not
 * at all; of lines, each is read by itself, so that a bad one spoils no other. (PROTOCOL.md, "Events
 * over HTTP")
 */
export function readEventBody(body: Uint8Array, mediaType: EventMediaType): EventBody {
  return mediaType === 'application/x-ndjson' ? readLines(body) : readDocument(body, mediaType);
}

type Document = Exclude<EventMediaType, 'application/x-ndjson'>;

const EXPECTED: Readonly<Record<Document, string>> = {
  'application/json': 'send one event as a JSON object, or an array of them',
  'application/cloudevents+json': 'send one CloudEvent as a JSON object, or an array of them',
  'application/cloudevents-batch+json': 'send an array of CloudEvents',
};

function readDocument(body: Uint8Array, mediaType: Document): EventBody {
  const isBatch = mediaType === 'application/cloudevents-batch+json';
  const document = decodeJson(body);
  const fault = (what: string) => invalid(`the body ${what}: ${EXPECTED[mediaType]}`);
  if (document.kind === 'not_utf8') return invalid('the body is not UTF-8: send it as UTF-8');
  if (document.kind === 'empty') return fault('is empty');
  if (document.kind === 'not_json') return fault(`is not JSON (${document.problem})`);
  const { value } = document;
  if (Array.isArray(value)) {
    // An empty batch is a legal one of CloudEvents.
    return value.length === 0 && !isBatch ? fault('is an empty array') : itemsOf(value, toItem);
  }
  if (isBatch) return fault('is no array');
  return typeof value === 'object' && value !== null
    ? itemsOf([value], toItem)
    : fault('is neither an object nor an array');
}

const NEWLINE = 0x0a;

function readLines(body: Uint8Array): EventBody {
  const lines: { readonly number: number; readonly bytes: Uint8Array }[] = [];
  for (let start = 0, number = 1; start < body.length; number += 1) {
    const newline = body.indexOf(NEWLINE, start);
    const end = newline < 0 ? body.length : newline;
    const bytes = body.subarray(start, end);
    if (!isBlank(bytes)) lines.push({ number, bytes });
    start = end + 1;
  }
  if (lines.length === 0) return invalid('the body is empty: send one event as JSON on each line');
  return itemsOf(lines, ({ number, bytes }) => {
    const line = decodeJson(bytes);
    switch (line.kind) {
      case 'json':
        return toItem(line.value);
      case 'not_utf8':
        return refused('not_utf8', `line ${number} must be UTF-8`);
      case 'empty':
        return refused('not_json', `line ${number} must be JSON`);
      case 'not_json':
        return refused('not_json', `line ${number} must be JSON: ${withinLine(line.problem)}`);
    }
  });
}

/** White space of JSON only, so that a line of anything else is told of. */
function isBlank(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}

/** Nothing is made of the parts before their number is known. */
function itemsOf<T>(parts: readonly T[], toItemOf: (part: T) => EventItem): EventBody {
  return parts.length > MAX_EVENTS
    ? { kind: 'too_many_events', max: MAX_EVENTS }
    : { kind: 'items', items: parts.map(toItemOf) };
}

function toItem(value: unknown): EventItem {
  return { kind: 'value', value };
}

function refused(reason: EventRefusal['reason'], detail: string): EventItem {
  return { kind: 'refused', refusal: { field: '', reason, detail } };
}

function invalid(reason: string): EventBody {
  return { kind: 'invalid_body', reason };
}

export type DecodedJson =
  | { readonly kind: 'json'; readonly value: unknown }
  | { readonly kind: 'not_utf8' }
  | { readonly kind: 'empty' }
  /** The problem names the position where it is known, or the character that is wrong. */
  | { readonly kind: 'not_json'; readonly problem: string };

const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** Reads JSON in UTF-8, with a byte order mark or without, however deep it is nested. */
export function decodeJson(bytes: Uint8Array): DecodedJson {
  let text: string;
  try {
    text = UTF8.decode(bytes);
  } catch {
    return { kind: 'not_utf8' };
  }
  if (text.trim() === '') return { kind: 'empty' };
  try {
    return { kind: 'json', value: JSON.parse(text) };
  } catch (error) {
    return { kind: 'not_json', problem: problemOf((error as Error).message) };
  }
}

/** In words of its own: the engine's change with its version, and quote what they were given. */
function problemOf(message: string): string {
  const [place] = /position \d+(?: \(line \d+ column \d+\))?$/.exec(message) ?? [];
  if (place !== undefined) return `see ${place}`;
  const [, token] = /^Unexpected token '(.)', /u.exec(message) ?? [];
  if (token === undefined) return 'it ends too early, or is no value of JSON';
  return `${lineOf(token, 2) ?? 'a control character'} cannot stand where it does`;
}

/** The engine counts lines within what it was given, which here is one line. */
function withinLine(problem: string): string {
  return problem.replace(/ \(line \d+ column \d+\)$/, '');
}
