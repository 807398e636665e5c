import type { ClientPosition, Position } from '@tasktrail/contract';
import type { StreamConnection } from '../../../src/http/sse/stream-connection.ts';
import { ChangeHub } from '../../../src/hub/change-hub.ts';
import type { PlacedChange } from '../../../src/hub/hub.ts';
import { changesOf, EPOCH, placeId, type TaskStep } from '../../hub/histories.ts';
import { entriesOf } from './running-streams.ts';

/** What a client joins with: a number of places before the head, or something else. */
export type JoinCursor = number | 'none' | 'other epoch';

/** A hub, one stream of it over a real socket, and everything that there was to be told. */
export class Joined {
  readonly hub: ChangeHub;
  readonly changes: PlacedChange[] = [];
  clockMs = 0;
  stream: StreamConnection | undefined;
  #place = 0;
  #epochs = 0;
  #epoch = EPOCH;

  constructor(windowSize: number) {
    this.hub = new ChangeHub(windowSize, { onChanges: () => {} });
    this.hub.reset([], placeId(0), this.head, 'start');
  }

  get head(): Position {
    return { epoch: this.#epoch, id: placeId(this.#place) };
  }

  advance(of: readonly TaskStep[], silent: number): void {
    // Large, so that few of them fill a socket.
    const entries = entriesOf(of, this.#place + 1, true);
    this.changes.push(...changesOf(of, { epoch: this.#epoch, from: this.#place + 1 }));
    this.#place += of.length + silent;
    this.hub.advance(entries, this.head);
  }

  /** Another history, or a hole in this one: the hub begins anew, with nothing kept. */
  reset(isOtherEpoch: boolean, missed: number): void {
    this.#place += missed;
    if (isOtherEpoch) this.#epoch = `other${++this.#epochs}`;
    this.hub.reset([], this.head.id, this.head, isOtherEpoch ? 'epoch' : 'resync');
  }

  cursorAt(cursor: JoinCursor): ClientPosition | undefined {
    if (cursor === 'none') return undefined;
    if (cursor === 'other epoch') return { epoch: 'void', id: this.head.id };
    return { epoch: EPOCH, id: placeId(Math.max(-8, this.#place - cursor)) };
  }
}
