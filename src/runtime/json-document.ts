/** A document either is JSON, or has a fault: words that go on from its name. */
export type JsonDocument =
  | { readonly kind: 'json'; readonly value: unknown }
  | { readonly kind: 'invalid'; readonly fault: string };

/**
 * Reads JSON, from UTF-8 where it is bytes. Faults quote nothing of the document, as those of
 * JSON.parse do: it may be a wrong file, with secrets in it.
 */
export function readJson(document: Uint8Array | string): JsonDocument {
  let text: string;
  try {
    text =
      typeof document === 'string'
        ? document
        : new TextDecoder('utf-8', { fatal: true }).decode(document);
  } catch {
    return { kind: 'invalid', fault: 'must be UTF-8' };
  }
  try {
    return { kind: 'json', value: JSON.parse(text) };
  } catch (error) {
    const place = /\bline \d+ column \d+\b/.exec(String(error))?.[0];
    const fault = place === undefined ? 'must be JSON' : `must be JSON, which ends at ${place}`;
    return { kind: 'invalid', fault };
  }
}
