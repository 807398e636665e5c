/** The JSON of a webhook: as it came, for the quarantine, and as the value that it stands for. */
export type WebhookBody =
  | { readonly kind: 'json'; readonly text: string; readonly value: unknown }
  | { readonly kind: 'invalid'; readonly reason: string };

const FORM = /^\s*application\/x-www-form-urlencoded\s*(;|$)/i;

/** Whether the JSON is in the field `payload` of a form, which is what GitHub proposes. */
export function isForm(contentType: string | undefined): boolean {
  return FORM.test(contentType ?? '');
}

/** The JSON text of a body; undefined for a form without it. */
export function payloadText(body: Buffer, contentType: string | undefined): string | undefined {
  const text = body.toString('utf8');
  return isForm(contentType) ? (new URLSearchParams(text).get('payload') ?? undefined) : text;
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
