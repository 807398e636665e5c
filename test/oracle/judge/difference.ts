import { isDeepStrictEqual } from 'node:util';

const SHOWN = 300;

/** In which fields two things differ, for a person; undefined when they do not. */
export function differenceOf(expected: unknown, found: unknown): string | undefined {
  if (isDeepStrictEqual(expected, found)) return undefined;
  if (!isObject(expected) || !isObject(found)) return `${show(found)} instead of ${show(expected)}`;
  const fields = [...new Set([...Object.keys(expected), ...Object.keys(found)])];
  const differing = fields.filter((field) => !isDeepStrictEqual(expected[field], found[field]));
  return differing
    .map((field) => `${field} ${show(found[field])} instead of ${show(expected[field])}`)
    .join(', ');
}

export function show(value: unknown): string {
  const plain = value instanceof Map ? Object.fromEntries(value) : value;
  return JSON.stringify(plain)?.slice(0, SHOWN) ?? 'nothing';
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
