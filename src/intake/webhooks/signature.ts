import { isUtf8 } from 'node:buffer';
import { verify } from '@octokit/webhooks-methods';
import type { WebhookRequest } from '../intake.ts';
import { isForm, payloadText } from './webhook-body.ts';

const WELL_FORMED = /^sha256=[0-9a-f]{64}$/;
/** Stand in where there is nothing to judge by. What they say is never believed. */
const MADE_UP_SIGNATURE = `sha256=${'0'.repeat(64)}`;
const MADE_UP_SECRET = 'no secret is configured';
const MADE_UP_TEXT = 'an empty body';

/**
 * Whether one of the secrets signed these bytes. Each is tried, also after one that fits, and made-up
 * ones where there are none, so that how long a refusal takes tells neither what was wrong nor how
 * close it came.
 *
 * The library judges text, not bytes, and in what is not UTF-8 different bytes become the same text:
 * such a body is refused, whatever its signature. Forges send JSON, which is UTF-8.
 *
 * @param signature `sha256=` and 64 lower-case hexadecimal digits
 */
export async function isSigned(
  secrets: readonly string[],
  body: Buffer,
  signature: string | undefined,
): Promise<boolean> {
  const judged = signature !== undefined && WELL_FORMED.test(signature);
  const given = judged ? signature : MADE_UP_SIGNATURE;
  const text = body.toString('utf8') || MADE_UP_TEXT;
  let fits = false;
  for (const secret of secrets.length === 0 ? [MADE_UP_SECRET] : secrets) {
    fits = (await verify(secret, text, given)) || fits;
  }
  return fits && judged && secrets.length > 0 && body.length > 0 && isUtf8(body);
}

/**
 * Whether a webhook comes from a forge that has one of the secrets.
 *
 * Of a form GitHub signs the bytes that it sends, and Gitea the JSON in it, so that a form of Gitea is
 * taken apart first. Both count there: either way what is mapped is what was signed.
 */
export async function isFromForge(
  secrets: readonly string[],
  { forge, header, body }: Pick<WebhookRequest, 'forge' | 'header' | 'body'>,
): Promise<boolean> {
  const signature = signatureOf({ forge, header });
  const isRaw = await isSigned(secrets, body, signature);
  const contentType = header('content-type');
  if (secrets.length === 0 || forge !== 'gitea' || !isForm(contentType)) return isRaw;
  const json = Buffer.from(payloadText(body, contentType) ?? '');
  return (await isSigned(secrets, json, signature)) || isRaw;
}

/**
 * The signature that came with a webhook, in GitHub's spelling. Gitea and Forgejo give the bare
 * digits under their own names, and the same as GitHub under GitHub's.
 */
function signatureOf({
  forge,
  header,
}: Pick<WebhookRequest, 'forge' | 'header'>): string | undefined {
  const names = ['x-gitea-signature', 'x-forgejo-signature', 'x-gogs-signature'];
  const own = forge === 'gitea' ? names.map(header).find(Boolean) : undefined;
  return own ? `sha256=${own}` : header('x-hub-signature-256');
}
