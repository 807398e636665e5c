import { parsePosition } from '@tasktrail/contract';
import { differenceOf } from '../../oracle/judge/difference.ts';
import type { History } from '../../oracle/model/history.ts';
import { isAfter } from '../../oracle/model/ids.ts';
import { frameOf, type Sight } from '../../oracle/model/sight.ts';
import type { SeenFrame } from './viewer.ts';

/** A data frame that a viewer must be sent, with what was found of each text that came for it. */
interface Expected {
  readonly id: string;
  readonly name: string;
  readonly data: unknown;
  readonly problems: Map<string, string | undefined>;
}

/** What the history means for viewers who begin at a position, by what they ask for and may see. */
export class Expectations {
  readonly #history: History;
  readonly #since: string;
  readonly #bySight = new Map<string, readonly Expected[]>();

  /** @param since a stream id */
  constructor(history: History, since: string) {
    this.#history = history;
    this.#since = since;
  }

  /** How many frames a viewer must have. */
  countOf(sight: Sight): number {
    return this.#of(sight).length;
  }

  /** The first thing in which what a viewer has is not what it must have: gap, duplicate, content. */
  judge(sight: Sight, frames: readonly SeenFrame[]): string | undefined {
    const expected = this.#of(sight);
    for (const [index, one] of expected.entries()) {
      const frame = frames[index];
      if (frame === undefined) return `has nothing of ${one.id} and after`;
      const id = parsePosition(frame.id)?.id;
      if (id !== one.id) return `has ${frame.id} where ${one.id} is next`;
      const problem = problemOf(one, frame);
      if (problem !== undefined) return `at ${one.id} has ${problem}`;
    }
    const extra = frames[expected.length];
    return extra === undefined ? undefined : `has ${extra.id}, which it should not have`;
  }

  #of(sight: Sight): readonly Expected[] {
    const key = JSON.stringify(sight);
    let expected = this.#bySight.get(key);
    if (expected === undefined) {
      expected = this.#history.changes.flatMap((change) => {
        const frame = isAfter(change.id, this.#since) ? frameOf(sight, change) : undefined;
        return frame === undefined ? [] : [{ id: change.id, ...frame, problems: new Map() }];
      });
      this.#bySight.set(key, expected);
    }
    return expected;
  }
}

/** Thousands of viewers have the same text: each is taken apart once. */
function problemOf(expected: Expected, { name, data }: SeenFrame): string | undefined {
  if (name !== expected.name) return `${name} instead of ${expected.name}`;
  const { problems } = expected;
  if (!problems.has(data)) problems.set(data, differenceOf(expected.data, JSON.parse(data)));
  return problems.get(data);
}
