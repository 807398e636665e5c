import { hash } from 'node:crypto';
import { setImmediate as turnEnd } from 'node:timers/promises';
import { normalizeFilter } from './page-plan.ts';
import type {
  EncodedPage,
  Enter,
  ModelVersion,
  PageQuery,
  Pages,
  PageTag,
  VersionedPages,
} from './read-model.ts';
import { SharedReads } from './shared-reads.ts';

export interface PageCacheOptions {
  /** Of the package: another one may write the same page in other bytes. */
  readonly programVersion: string;
  /** Of all pages that are kept together. */
  readonly maxBytes?: number;
}

/** About a thousand pages of everyday tasks. */
const MAX_BYTES = 32 * 1024 * 1024;

/**
 * What a kept page takes besides its body and its tag, rounded up: the Buffer with its store, the
 * object, and the entry of the map. Most of it where pages are empty.
 */
const ENTRY_BYTES = 512;

/**
 * Pages as they are sent, kept while the read model stays in the state that they were read in, and
 * each read once for all who ask at the same time.
 *
 * Redis is asked for its state with every request, after it came in (a few dozen bytes, once for all
 * requests of a turn). The hub knows the state too, but behind Redis: a client could be shown less than
 * a stream or another server showed it before. For the same reason nobody joins a reading of an older
 * state than the one that was found for them.
 */
export class PageCache implements Pages {
  readonly #source: VersionedPages;
  readonly #programVersion: string;
  readonly #maxBytes: number;
  readonly #pages = new SharedReads<EncodedPage>();
  /** What Redis is about to be asked, for all who ask in this turn. */
  #nextVersion: Promise<ModelVersion> | undefined;
  /** All of the same state; the one that was used last comes last. */
  readonly #held = new Map<PageTag, EncodedPage>();
  #heldVersion: ModelVersion | undefined;
  #heldBytes = 0;

  constructor(source: VersionedPages, { programVersion, maxBytes = MAX_BYTES }: PageCacheOptions) {
    this.#source = source;
    this.#programVersion = programVersion;
    this.#maxBytes = maxBytes;
  }

  async tagOf(query: PageQuery): Promise<PageTag> {
    this.#nextVersion ??= this.#readVersion();
    return this.#tagAt(await this.#nextVersion, query);
  }

  held(tag: PageTag): EncodedPage | undefined {
    const page = this.#held.get(tag);
    if (page === undefined) return undefined;
    this.#held.delete(tag);
    this.#held.set(tag, page);
    return page;
  }

  async read(query: PageQuery, tag: PageTag, enter: Enter): Promise<EncodedPage> {
    return await this.#pages.get(tag, enter, () => this.#readPage(query));
  }

  /** Once for all requests of a turn of the event loop. */
  async #readVersion(): Promise<ModelVersion> {
    await turnEnd();
    // Whoever comes after Redis was asked may know more than its answer says.
    this.#nextVersion = undefined;
    const version = await this.#source.version();
    // Redis answers in the order in which it was asked, so what comes last is newest.
    if (version !== this.#heldVersion) {
      this.#heldVersion = version;
      this.#held.clear();
      this.#heldBytes = 0;
    }
    return version;
  }

  async #readPage(query: PageQuery): Promise<EncodedPage> {
    const { page, version } = await this.#source.versionedPage(query);
    const body = Buffer.from(JSON.stringify(page));
    if (version === undefined) return { body, tag: undefined };
    const encoded = { body, tag: this.#tagAt(version, query) };
    if (version === this.#heldVersion) this.#keep(encoded.tag, encoded);
    return encoded;
  }

  #keep(tag: PageTag, page: EncodedPage): void {
    const bytes = heldBytesOf(tag, page);
    if (bytes > this.#maxBytes || this.#held.has(tag)) return;
    this.#held.set(tag, page);
    this.#heldBytes += bytes;
    for (const [oldestTag, oldest] of this.#held) {
      if (this.#heldBytes <= this.#maxBytes) return;
      this.#held.delete(oldestTag);
      this.#heldBytes -= heldBytesOf(oldestTag, oldest);
    }
  }

  #tagAt(version: ModelVersion, { filter, sight, limit, cursor }: PageQuery): PageTag {
    const { project = null, statuses } = normalizeFilter(filter);
    // Whole, in an order of its own: no two sights may ever have one tag.
    const seen = sight.kind === 'own' ? [...sight.principals].sort() : null;
    const parts = [this.#programVersion, version, project, statuses, limit, cursor ?? null, seen];
    return hash('sha256', JSON.stringify(parts), 'base64url');
  }
}

function heldBytesOf(tag: PageTag, { body }: EncodedPage): number {
  return body.length + tag.length + ENTRY_BYTES;
}
