import { isUtf8 } from 'node:buffer';
import { streamIdTimeMs } from '@tasktrail/contract';
import { originOf, type QuarantineEntry } from '../../redis/quarantine-entry.ts';
import type { Forecast } from './forecast.ts';
import type { Subject } from './subject.ts';

/** Entries of the quarantine as lines, for a person and as JSON. */

/** What a terminal obeys or hides: controls, invisible formats, line separators, half characters. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

const NAMED_ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Foreign text as a terminal may show it: what is not printable is spelled out. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => {
    const code = (character.codePointAt(0) ?? 0).toString(16);
    const spelled = code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u{${code}}`;
    return NAMED_ESCAPES[character] ?? spelled;
  });
}

/** The same of bytes, which may be no text. */
export function printableBytes(bytes: Buffer): string {
  if (isUtf8(bytes)) return printable(String(bytes));
  return printable(bytes.toString('latin1')).replace(
    /[\u00a0-\u00ff]/g,
    (byte) => `\\x${byte.charCodeAt(0).toString(16)}`,
  );
}

/** id, when, reason, field, execution, detail; a dash for what is not known. */
export function entryLine(entry: QuarantineEntry, { executionId }: Subject): string {
  const { id, reason, field, detail } = entry;
  const known = [reason, field, executionId ?? ''].map((text) => shortened(text, 80) || '-');
  return [id, timeOf(entry), ...known, shortened(detail, 100)].join('  ').trimEnd();
}

/** When it was quarantined, as ISO-8601. */
export function timeOf({ id }: QuarantineEntry): string {
  const date = new Date(streamIdTimeMs(id));
  return Number.isNaN(date.getTime()) ? '-' : date.toISOString();
}

/** What a line of NDJSON says of an entry, but for its pairs. */
export function entryJson(entry: QuarantineEntry, { executionId, project }: Subject): object {
  const { kind, id, reason, field, detail } = entry;
  const sourceId = kind === 'event' ? entry.sourceId : null;
  return {
    ...{ id, at: timeOf(entry), kind, reason, field, detail, sourceId, origin: originOf(entry) },
    executionId: executionId ?? null,
    project: project ?? null,
  };
}

/** Names and values in turn, as they came: what is no UTF-8 as base64. */
export function pairsJson(pairs: readonly Buffer[]): unknown[] {
  const texts = pairs.map((bytes) =>
    isUtf8(bytes) ? String(bytes) : { base64: bytes.toString('base64') },
  );
  return texts.flatMap((name, place) => (place % 2 === 0 ? [[name, texts[place + 1]]] : []));
}

/** What would become of an entry, as the rest of a sentence about it. */
export function forecastText(forecast: Forecast): string {
  switch (forecast.kind) {
    case 'applied':
      return changeText(forecast.from, forecast.to);
    case 'older':
      return (
        `older than its task (${forecast.occurredAt}, and the task ${forecast.taskAt}), ` +
        `would overwrite ${forecast.overwrites.join(', ')}: ${changeText(forecast.from, forecast.to)}`
      );
    case 'duplicate':
      return 'changes nothing: its eventId was applied before';
    case 'stale':
      return 'changes nothing: its task has ended since, or is in a later attempt';
    case 'replayed_before':
      return `its event was replayed before${forecast.as === undefined ? '' : ` as ${forecast.as}`}`;
    case 'invalid': {
      const { reason, field, detail } = forecast.fault;
      return printable(`still invalid: ${field === '' ? '' : `${field}: `}${detail} (${reason})`);
    }
    case 'no_event':
      return printable(`nothing to replay: ${forecast.detail}`);
  }
}

function changeText(from: string | undefined, to: string): string {
  if (from === undefined) return `begins as ${to}`;
  return from === to ? `status stays ${to}` : `${from} → ${to}`;
}

function shortened(text: string, max: number): string {
  // Cut first: escapes make it longer, and a text may be of many megabytes.
  return printable(text.length > max ? `${text.slice(0, max - 1)}…` : text);
}
