/** Keeps an event with all its links within the size of an entry. */
const MAX_LINK_LENGTH = 500;

/** Plain ASCII, as URLs are written out; undefined for what a browser would not open as a page. */
export function webAddress(text: string): string | undefined {
  const url = URL.parse(text);
  const isWeb = url?.protocol === 'https:' || url?.protocol === 'http:';
  return isWeb && url.href.length <= MAX_LINK_LENGTH ? url.href : undefined;
}
