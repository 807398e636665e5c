import type { ClientPosition, Position, StreamId } from '@tasktrail/contract';
import { audienceOf } from '../auth/visibility.ts';
import type { Health, HealthCheck } from '../runtime/service.ts';
import type { FeedEntry, FeedSink, ResetCause } from '../tailer/tailer.ts';
import { FollowerGroups } from './follower-groups.ts';
import type { Follower, Hub, PlacedChange, Resume } from './hub.ts';
import { ReplayWindow } from './replay-window.ts';

/** What the hub tells whoever measures it. */
export interface HubObserver {
  onChanges(changes: readonly PlacedChange[]): void;
}

/** The one hub of a serving process. */
export class ChangeHub implements Hub, FeedSink, HealthCheck {
  readonly name = 'hub';
  readonly #replayLimit: number;
  readonly #observer: HubObserver;
  readonly #followers = new FollowerGroups();
  #window: ReplayWindow | undefined;

  /** @param replayLimit how many changes stay for clients that resume */
  constructor(replayLimit: number, observer: HubObserver) {
    this.#replayLimit = replayLimit;
    this.#observer = observer;
  }

  get head(): Position | undefined {
    return this.#window?.head;
  }

  follow(follower: Follower): void {
    this.#followers.add(follower);
  }

  unfollow(follower: Follower): void {
    this.#followers.remove(follower);
  }

  resume(cursor: ClientPosition): Resume {
    return this.#window?.resume(cursor) ?? { kind: 'ahead' };
  }

  changesAfter(id: StreamId): readonly PlacedChange[] | undefined {
    return this.#window?.after(id);
  }

  reset(entries: readonly FeedEntry[], floor: StreamId, head: Position, cause: ResetCause): void {
    const window = new ReplayWindow(this.#replayLimit, floor, head);
    window.append(place(entries, head.epoch), head.id);
    this.#window = window;
    const reason = cause === 'epoch' ? 'cursor_epoch' : 'resync';
    for (const follower of this.#followers.all()) follower.refresh(reason);
  }

  advance(entries: readonly FeedEntry[], head: Position): void {
    const changes = place(entries, head.epoch);
    // The head moves last: a stream whose time is over ends instead of taking these changes, and
    // tells its client a position that must not be past them.
    if (changes.length > 0) this.#fanOut(changes);
    this.#window?.append(changes, head.id);
  }

  #fanOut(changes: readonly PlacedChange[]): void {
    for (const [{ followers }, told] of this.#followers.told(changes)) {
      for (const follower of followers) follower.deliver(told);
    }
    this.#observer.onChanges(changes);
  }

  /** Filled before ready, so that a deploy is no storm of refreshes. */
  health(): Health {
    return { ready: this.#window !== undefined, details: { head: this.#window?.head.id ?? null } };
  }
}

function place(entries: readonly FeedEntry[], epoch: string): PlacedChange[] {
  return entries.map(({ id, change }) => ({
    position: { epoch, id },
    change,
    audience: audienceOf(change.item),
  }));
}
