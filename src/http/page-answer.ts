import type { Viewer } from '../auth/auth.ts';
import { isSameSight } from '../auth/visibility.ts';
import type { EncodedPage, Enter, PageQuery, Pages, PageTag } from '../read-model/read-model.ts';
import type { RequestContext } from './http.ts';
import type { SnapshotGate } from './snapshot-gate.ts';

interface PageAnswerDependencies {
  readonly pages: Pages;
  readonly gate: SnapshotGate;
  /** Who asks, and what they may see now. Throws where they may no longer ask. */
  readonly authenticate: () => Promise<Viewer>;
  /** Whether the URL holds the viewer's token: then no client may keep the page under it. */
  readonly isUrlSecret: boolean;
}

/**
 * For so long, in milliseconds, a viewer counts as authenticated. After it they are authenticated once
 * more before they are answered, and where they may see something else by then, all begins anew.
 */
const RIGHTS_MS = 100;

/**
 * Answers with a page, or with 304 where the client has it already. What has to be read takes a place,
 * once for all who ask for the same; whoever waited for one is authenticated again.
 *
 * @param viewer who was authenticated for this request just now
 */
export async function answerPage(
  ctx: RequestContext,
  viewer: Viewer,
  asked: Omit<PageQuery, 'sight'>,
  { pages, gate, authenticate, isUrlSecret }: PageAnswerDependencies,
): Promise<void> {
  const known = ctx.get('If-None-Match');
  let { sight } = viewer;
  let authenticatedAt = performance.now();
  const reauthenticate = async () => {
    ({ sight } = await authenticate());
    authenticatedAt = performance.now();
  };
  for (;;) {
    const query = { ...asked, sight };
    const tag = await pages.tagOf(query);
    const enter: Enter = async (unneeded) => {
      using stack = new DisposableStack();
      const place = await gate.enter(viewer.identity, ctx.res, { page: tag, unneeded });
      if (place === undefined) return undefined;
      stack.use(place);
      await reauthenticate();
      return stack.move();
    };
    const page = isOneOf(tag, known)
      ? 'known'
      : (pages.held(tag) ?? (await pages.read(query, tag, enter)));
    if (performance.now() - authenticatedAt > RIGHTS_MS) await reauthenticate();
    if (!isSameSight(sight, query.sight)) continue;
    if (page === 'known') answerNotModified(ctx, tag);
    else answerWith(ctx, page, known);
    if (isUrlSecret) ctx.set('Cache-Control', 'no-store');
    return;
  }
}

/** @param known `*` stands for whatever there is, which is known only now */
function answerWith(ctx: RequestContext, { body, tag }: EncodedPage, known: string): void {
  if (tag !== undefined) {
    setValidator(ctx, tag);
    if (known.trim() === '*') {
      ctx.status = 304;
      return;
    }
  }
  ctx.status = 200;
  ctx.type = 'application/json';
  ctx.body = body;
}

function answerNotModified(ctx: RequestContext, tag: PageTag): void {
  setValidator(ctx, tag);
  ctx.status = 304;
}

/**
 * A browser may keep the page, and asks each time whether it still holds; nobody between may. The tag
 * says what the viewer may see, so that Authorization need not be in Vary (RFC 9110, section 12.5.5).
 */
function setValidator(ctx: RequestContext, tag: PageTag): void {
  ctx.set('ETag', `"${tag}"`);
  ctx.set('Cache-Control', 'private, no-cache');
}

/** By weak comparison (RFC 9110, section 13.1.2): proxies that compress make the tag a weak one. */
function isOneOf(tag: PageTag, known: string): boolean {
  for (const [, one] of known.matchAll(/(?:W\/)?"([^"]*)"/g)) if (one === tag) return true;
  return false;
}
