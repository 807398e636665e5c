import { MIMEType } from 'node:util';

interface ContentHeaders {
  readonly 'content-type'?: string | undefined;
  readonly 'content-encoding'?: string | undefined;
}

export type ContentVerdict<T extends string> =
  | { readonly kind: 'accepted'; readonly mediaType: T }
  | { readonly kind: 'unsupported'; readonly message: string };

/** Both names that clients give it. */
const UTF_8 = ['utf-8', 'utf8'];

/** Whether a body is one of these media types, in UTF-8 and as it is. */
export function judgeContent<T extends string>(
  headers: ContentHeaders,
  accepted: readonly T[],
): ContentVerdict<T> {
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? '';
  if (encoding !== '' && encoding !== 'identity') {
    return { kind: 'unsupported', message: 'leave out Content-Encoding: send the body as it is' };
  }
  const given = parseMediaType(headers['content-type'] ?? '');
  const mediaType = accepted.find((each) => each === given?.essence);
  if (mediaType === undefined) {
    return { kind: 'unsupported', message: `Content-Type must be ${accepted.join(', ')}` };
  }
  const charset = given?.params.get('charset')?.toLowerCase() ?? 'utf-8';
  return UTF_8.includes(charset)
    ? { kind: 'accepted', mediaType }
    : { kind: 'unsupported', message: `Content-Type must be ${mediaType} in UTF-8` };
}

function parseMediaType(text: string): MIMEType | undefined {
  try {
    return new MIMEType(text);
  } catch {
    return undefined;
  }
}
