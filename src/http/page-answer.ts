import type { Viewer } from '../auth/auth.ts';
import { isSameSight } from '../auth/visibility.ts';
import type { EncodedPage, PageQuery, Pages, PageTag } from '../read-model/read-model.ts';
import type { RequestContext } from './http.ts';
import type { SnapshotGate } from './snapshot-gate.ts';

interface PageAnswerDependencies {
  readonly pages: Pages;
  readonly gate: SnapshotGate;
  /** Who asks, and what they may see now. Throws where they may no longer ask. */
  readonly authenticate: () => Promise<Viewer>;
}

/** For so long, in milliseconds, an answer to what the viewer may see holds. */
const RIGHTS_MS = 100;

/**
 * Answers with a page, or with 304 where the client has it already. What has to be read takes a place,
 * once for all who ask for the same; what the viewer may see is asked again then, and of whoever had to
 * wait.
 *
 * @param viewer who was authenticated for this request
 */
export async function answerPage(
  ctx: RequestContext,
  viewer: Viewer,
  query: Omit<PageQuery, 'sight'>,
  { pages, gate, authenticate }: PageAnswerDependencies,
): Promise<void> {
  const known = ctx.get('If-None-Match');
  let asking = viewer;
  for (;;) {
    const askedAt = performance.now();
    const { identity, sight } = asking;
    let isAskedAgain = false;
    const askAgain = async () => {
      asking = await authenticate();
      isAskedAgain = true;
    };
    const enter = () => gate.enter(identity, ctx.res);
    const enterToRead = async () => {
      using place = new DisposableStack();
      place.use(await enter());
      await askAgain();
      return place.move();
    };

    const ask = { ...query, sight };
    const tag = await pages.tagOf(ask, enter);
    const page = isOneOf(tag, known)
      ? 'known'
      : (pages.held(tag) ?? (await pages.read(ask, tag, enterToRead)));
    if (!isAskedAgain && performance.now() - askedAt > RIGHTS_MS) await askAgain();
    if (!isSameSight(asking.sight, sight)) continue;
    return page === 'known' ? answerNotModified(ctx, tag) : answerWith(ctx, page, known);
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
