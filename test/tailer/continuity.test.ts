import type { StreamId } from '@tasktrail/contract';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  beginFrom,
  type Continuity,
  type FeedTail,
  judgeContinuity,
  type KnownHistory,
  type StoredHistory,
} from '../../src/tailer/continuity.ts';
import { idOf } from '../fixtures/events.ts';

/** Events up to 20-0 were read, and the last change among them was 10-0. */
const KNOWN: KnownHistory = {
  epoch: 'followed',
  last: idOf('10-0'),
  trimmed: 0,
  head: idOf('20-0'),
};

/** As of a feed that an earlier version wrote. */
const UNKNOWN = { lastChange: undefined, maxDeleted: undefined };

const EPOCHS = {
  'the same': { epoch: 'followed', formerEpochs: ['before'] },
  'its successor': { epoch: 'later', formerEpochs: ['followed', 'before'] },
  "its successor's successor": { epoch: 'last', formerEpochs: ['later', 'followed'] },
  another: { epoch: 'restored', formerEpochs: ['before'] },
  none: { epoch: undefined, formerEpochs: [] },
} as const;

const CHECKPOINTS = { behind: '19-9', absent: undefined, there: '20-0', ahead: '100-0' } as const;

const NEXT = { none: undefined, 'not after the head': '20-0', 'after the head': '20-1' } as const;

/** Where the change that was read last is now, and what that proves. */
const LAST = {
  'still there': { first: '5-0', holdsLast: true, trimmed: 0, proof: 'continued' },
  'first in the feed': { first: '10-0', holdsLast: true, trimmed: 0, proof: 'continued' },
  'before the feed': { first: '100-0', holdsLast: false, trimmed: 0, proof: 'unproven' },
  'missing in the feed': { first: '9-0', holdsLast: false, trimmed: 0, proof: 'lost' },
  'missing in an empty feed': { first: undefined, holdsLast: false, trimmed: 0, proof: 'lost' },
} as const;

/** The same where none had been read when three entries were trimmed. */
const NONE_READ = {
  'nothing was trimmed since': { first: '21-0', holdsLast: false, trimmed: 3, proof: 'continued' },
  'more was trimmed': { first: '21-0', holdsLast: false, trimmed: 4, proof: 'unproven' },
  'less was trimmed': { first: '21-0', holdsLast: false, trimmed: 2, proof: 'lost' },
} as const;

const CASES = [
  ...tableOf(KNOWN, LAST),
  ...tableOf({ ...KNOWN, last: undefined, trimmed: 3 }, NONE_READ),
];

describe('the verdict of every combination', () => {
  test.each(Object.keys(EPOCHS))('where the stored epoch is %s', (epoch) => {
    const cases = CASES.filter((one) => one.epoch === epoch);
    const found = cases.map(({ name, known, stored }) => [name, judgeContinuity(known, stored)]);
    expect(found).toEqual(cases.map(({ name, verdict }) => [name, { kind: verdict }]));
  });

  test('each verdict is among them', () => {
    const verdicts = new Set(CASES.map(({ verdict }) => verdict));
    expect([...verdicts].sort()).toEqual(['continued', 'lost', 'replaced', 'unproven']);
  });
});

test('a new history without a checkpoint goes on', () => {
  const known: KnownHistory = { epoch: 'e', last: undefined, trimmed: 0, head: idOf('0-0') };
  const stored: StoredHistory = {
    epoch: 'e',
    formerEpochs: [],
    checkpoint: undefined,
    first: undefined,
    trimmed: 0,
    holdsLast: false,
    next: undefined,
    end: undefined,
    lastChange: undefined,
  };
  expect(judgeContinuity(known, stored)).toEqual({ kind: 'continued' });
});

describe('the changes to begin with', () => {
  const feeds = fc
    .record({
      count: fc.nat(12),
      trimmed: fc.nat(4),
      wanted: fc.integer({ min: 1, max: 8 }),
      silent: fc.nat(3),
    })
    // Ids of one and two digits: as strings they compare otherwise.
    .map(({ count, trimmed, wanted, silent }) => {
      const all = Array.from({ length: trimmed + count }, (_, i) => idOf(`${i + 5}-0`));
      return { all, feed: all.slice(trimmed), trimmed, wanted, head: headAfter(all, silent) };
    });

  test('are the latest that are wanted, and the floor is the one right before them', () => {
    fc.assert(
      fc.property(feeds, ({ all, feed, trimmed, wanted, head }) => {
        const newestFirst = feed.toReversed().slice(0, wanted + 1);
        const newest = newestFirst[0];
        const read = newestFirst.map((id) => ({ id }));
        const tail = { entries: read, newest, corruptAt: undefined, trimmed, ...UNKNOWN, head };
        const { entries, floor } = beginFrom(tail, wanted);
        const left = all.slice(0, all.length - entries.length);
        expect(entries.map(({ id }) => id)).toEqual(all.slice(left.length));
        if (feed.length === 0 && trimmed > 0) expect(floor).toBe(head);
        else expect(floor).toBe(left.at(-1) ?? '0-0');
        expect(entries.length).toBeLessThanOrEqual(wanted);
        // No more is given up than the one entry that has to stand for what is unknown.
        const given = trimmed > 0 ? feed.length - 1 : feed.length;
        expect(entries.length).toBe(Math.max(0, Math.min(wanted, given)));
      }),
    );
  });

  test('follow one that cannot be read, which is their floor', () => {
    const entries = ['9-0', '8-0'].map((id) => ({ id: idOf(id) }));
    const tail = {
      entries,
      newest: idOf('9-0'),
      corruptAt: idOf('7-0'),
      trimmed: 0,
      ...UNKNOWN,
      head: idOf('9-0'),
    };
    expect(beginFrom(tail, 5)).toEqual({ entries: entries.toReversed(), floor: '7-0' });
    expect(beginFrom(tail, 1)).toEqual({ entries: [{ id: '9-0' }], floor: '8-0' });
  });
});

describe('changes that are missing, and were not trimmed from the front,', () => {
  const feed = (ids: readonly string[], more: Partial<FeedTail<{ id: StreamId }>>) => ({
    entries: ids.map((id) => ({ id: idOf(id) })),
    newest: maybeId(ids[0]),
    corruptAt: undefined,
    trimmed: 0,
    ...UNKNOWN,
    head: idOf('20-0'),
    ...more,
  });

  test.for<[what: string, tail: FeedTail<{ id: StreamId }>, floor: string, ids: string[]]>([
    ['from its end', feed(['9-0', '8-0'], { lastChange: idOf('10-0') }), '20-0', []],
    ['with the whole feed', feed([], { trimmed: 3, lastChange: idOf('10-0') }), '20-0', []],
    ['not at all', feed(['10-0', '9-0'], { lastChange: idOf('10-0') }), '0-0', ['9-0', '10-0']],
    [
      'not where an earlier version wrote since',
      feed(['10-0', '9-0'], { lastChange: idOf('9-0') }),
      '0-0',
      ['9-0', '10-0'],
    ],
    [
      'not where the checkpoint went back',
      feed(['9-0'], { lastChange: idOf('30-0') }),
      '0-0',
      ['9-0'],
    ],
    [
      'from within',
      feed(['11-0', '10-0', '8-0'], { trimmed: 1, maxDeleted: idOf('9-0') }),
      '9-0',
      ['10-0', '11-0'],
    ],
    [
      'from after the checkpoint',
      feed(['9-0'], { trimmed: 1, maxDeleted: idOf('30-0') }),
      '20-0',
      [],
    ],
  ])('%s: cursors before them expire', ([, tail, floor, ids]) => {
    expect(beginFrom(tail, 5)).toEqual({ entries: ids.map((id) => ({ id: idOf(id) })), floor });
  });

  test.for<
    [what: string, known: Partial<KnownHistory>, stored: Partial<StoredHistory>, kind: string]
  >([
    ['missing before it was read', {}, { end: '10-0', lastChange: '25-0' }, 'unproven'],
    ['missing behind others', {}, { end: '22-0', lastChange: '25-0' }, 'unproven'],
    ['read now', {}, { end: '25-0', lastChange: '25-0' }, 'continued'],
    ['maybe not read yet', {}, { end: undefined, lastChange: '25-0' }, 'continued'],
    ['of an earlier version', {}, { end: '25-0', lastChange: '22-0' }, 'continued'],
    ['missing, as is known', { head: '25-0' }, { end: '10-0', lastChange: '25-0' }, 'continued'],
    ['after the checkpoint', {}, { end: '10-0', lastChange: '31-0' }, 'continued'],
  ] as never)('a last change that is %s', ([, known, stored, kind]) => {
    const whole = {
      epoch: 'followed',
      formerEpochs: [],
      checkpoint: idOf('30-0'),
      first: idOf('5-0'),
      trimmed: 0,
      holdsLast: true,
      next: undefined,
      end: undefined,
      lastChange: undefined,
    };
    expect(judgeContinuity({ ...KNOWN, ...known }, { ...whole, ...stored }).kind).toBe(kind);
  });
});

interface Place {
  readonly first: string | undefined;
  readonly holdsLast: boolean;
  readonly trimmed: number;
  readonly proof: Continuity['kind'];
}

function tableOf(known: KnownHistory, places: Record<string, Place>) {
  return Object.entries(EPOCHS).flatMap(([epoch, epochs]) =>
    Object.entries(places).flatMap(([last, { first, holdsLast, trimmed, proof }]) =>
      Object.entries(CHECKPOINTS).flatMap(([checkpoint, checkpointId]) =>
        Object.entries(NEXT).map(([next, nextId]) => {
          const wentBack =
            checkpoint === 'behind' || checkpoint === 'absent' || next === 'not after the head';
          const verdicts: Record<string, Continuity['kind']> = {
            'the same': wentBack ? 'lost' : proof,
            'its successor': 'replaced',
            "its successor's successor": 'replaced',
          };
          const verdict = verdicts[epoch] ?? 'lost';
          const stored: StoredHistory = {
            ...epochs,
            checkpoint: maybeId(checkpointId),
            first: maybeId(first),
            trimmed,
            holdsLast,
            next: maybeId(nextId),
            end: undefined,
            lastChange: undefined,
          };
          const name = `last change ${last}, checkpoint ${checkpoint}, next ${next}`;
          return { name, epoch, known, stored, verdict };
        }),
      ),
    ),
  );
}

function maybeId(text: string | undefined): StreamId | undefined {
  return text === undefined ? undefined : idOf(text);
}

function headAfter(all: readonly StreamId[], silent: number): StreamId {
  return idOf(`${Number((all.at(-1) ?? '4-0').split('-')[0]) + silent}-0`);
}
