/** The JSON of a webhook: as it came, for the quarantine, and as the value that it stands for. */
export type WebhookBody =
  | { readonly kind: 'json'; readonly text: string; readonly value: unknown }
  | { readonly kind: 'invalid'; readonly reason: string };

const FORM = /^\s*application\/x-www-form-urlencoded\s*(;|$)/i;

/** Whether the JSON is in the field `payload` of a form, which is what GitHub proposes. */
export function isForm(contentType: string | undefined): boolean {
  return FORM.test(contentType ?? '');
}

/** The value of the field as it is encoded. Its name needs no encoding, and forges give it none. */
const PAYLOAD_FIELD = /(?:^|&)payload=([^&]*)/;

/**
 * The JSON text of a body; undefined for a form without it. Anybody may send a form before a signature
 * is judged, so only the one field is decoded: what takes a form of very many fields apart takes
 * seconds for it.
 */
export function payloadText(body: Buffer, contentType: string | undefined): string | undefined {
  const text = body.toString('utf8');
  if (!isForm(contentType)) return text;
  const encoded = PAYLOAD_FIELD.exec(text)?.[1];
  return encoded === undefined
    ? undefined
    : (new URLSearchParams(`payload=${encoded}`).get('payload') ?? undefined);
}

export function readWebhookBody(body: Buffer, contentType: string | undefined): WebhookBody {
  const text = payloadText(body, contentType);
  if (text === undefined) {
    return { kind: 'invalid', reason: 'the form has no field payload, which holds the JSON' };
  }
  try {
    return { kind: 'json', text, value: JSON.parse(text) };
  } catch {
    return { kind: 'invalid', reason: 'the payload is not JSON' };
  }
}
