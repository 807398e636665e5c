import { FatalError } from '../runtime/retry.ts';
import { LAYOUT_VERSION } from './keys.ts';

/**
 * Which program may read and write what is stored. The projector hash says it: `layout` is a
 * version, or `<from>><to>` from the beginning to the end of a migration, so that nobody takes a read
 * model that is half of each for either; `program` is the version of the program that wrote it.
 */
export interface StoredLayout {
  /** Empty before anything was applied. */
  readonly layout: string;
  /** Empty where it was written before programs put their version beside it. */
  readonly program: string;
}

export type LayoutVerdict =
  /** There is nothing yet, or it is of this program's layout. */
  | { readonly kind: 'current' }
  /** An older one: to be migrated from that version. */
  | { readonly kind: 'older'; readonly from: number }
  /** Not to be understood by this program: a later one wrote it, or is about to. */
  | { readonly kind: 'newer' };

/** @param own the layout version of this program */
export function judgeLayout(layout: string, own = Number(LAYOUT_VERSION)): LayoutVerdict {
  if (layout === '' || layout === String(own)) return { kind: 'current' };
  const [, from = '', to] = /^(\d{1,9})(?:>(\d{1,9}))?$/.exec(layout) ?? [];
  const isOlder = from !== '' && Number(from) < own && Number(to ?? own) <= own;
  return isOlder ? { kind: 'older', from: Number(from) } : { kind: 'newer' };
}

/** A read model that this program cannot read yet: it waits until a projector has migrated it. */
export class OlderLayoutError extends Error {
  override readonly name = 'OlderLayoutError';

  constructor({ layout }: StoredLayout) {
    super(
      `the read model has layout ${layout}, this program reads layout ${LAYOUT_VERSION}: start a ` +
        'projector of this version, which migrates it',
    );
  }
}

/**
 * Returns where the read model is of this program's layout.
 *
 * @throws FatalError where a later program has laid it out
 * @throws OlderLayoutError where it must be migrated first
 */
export function requireLayout(stored: StoredLayout): void {
  switch (judgeLayout(stored.layout).kind) {
    case 'current':
      return;
    case 'older':
      throw new OlderLayoutError(stored);
    case 'newer':
      throw newerLayoutError(stored);
  }
}

/** Ends the program: nothing that it could wait for makes it understand. */
export function newerLayoutError({ layout, program }: StoredLayout): FatalError {
  const writer = program === '' ? 'the later version that wrote it' : `version ${program} or later`;
  // The version is noted by whoever wrote first, so it may be this program's own.
  const other = program === '' ? '' : ' or, if this is that version, the later one that wrote it';
  return new FatalError(
    `the read model has layout ${layout}, this program knows layout ${LAYOUT_VERSION} and those ` +
      `before it, and neither reads nor writes any other: run ${writer} of tasktrail${other}`,
  );
}
