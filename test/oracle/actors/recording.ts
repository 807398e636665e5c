import type { FrameData, FrameName, Position, TaskItem } from '@tasktrail/contract';

/** Everything that a viewer was sent, for the judge. Times are milliseconds since 1970. */
export class Recording {
  readonly walks: Walk[] = [];
  readonly streams: Stream[] = [];
  /** What a client need not know the history for to see that it is wrong. */
  readonly faults: string[] = [];

  get pages(): number {
    return this.walks.reduce((sum, { pages }) => sum + pages.length, 0);
  }

  get frames(): number {
    return this.streams.reduce((sum, { frames }) => sum + frames.length, 0);
  }
}

/** The pages of one snapshot, in order. */
export interface Walk {
  readonly server: string;
  readonly pages: SeenPage[];
  /** When the last page had come; undefined: the walk broke off. */
  endedAtMs: number | undefined;
}

export interface SeenPage {
  readonly items: readonly TaskItem[];
  readonly limit: number;
  readonly isLast: boolean;
  readonly position: Position;
}

/** A connection to the stream. */
export interface Stream {
  readonly server: string;
  readonly from: Position;
  /** When the token of its request ends. */
  readonly tokenEndsAtMs: number;
  readonly frames: SeenFrame[];
}

export type SeenFrame = {
  [N in FrameName]: {
    readonly name: N;
    readonly data: FrameData[N];
    readonly position: Position;
    readonly atMs: number;
  };
}[FrameName];
