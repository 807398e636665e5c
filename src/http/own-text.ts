/**
 * The same text, which is no part of another. As long as one part of a text is kept, all of it is: of
 * a request's URL the token, too.
 */
export function ownText(text: string): string {
  return Buffer.from(text).toString();
}
