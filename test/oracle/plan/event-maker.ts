import { TASK_STATUSES } from '@tasktrail/contract';
import type { Dice } from '../dice.ts';
import { anActor, someResponsible } from './people.ts';

export const PROJECTS = ['acme/api', 'acme/web', 'acme/tools/ci', 'labs/x'] as const;

/** An event as a bot means to send it: the texts of its fields as they stand in the stream. */
export interface PlannedEvent {
  /** Names it among all events of the round. */
  readonly marker: string;
  readonly texts: Readonly<Record<string, string>>;
}

/** Long ago, so that no clock makes it too late. */
const BASE_MS = Date.UTC(2026, 0, 1);
const OWN_EXECUTIONS = 14;
const SHARED_EXECUTIONS = 6;

/**
 * Events as bots send them on a bad day: tasks move in any order, change hands, run again, and what
 * they say comes late. Events of executions that are shared with other bots meet theirs.
 */
export class EventMaker {
  readonly #dice: Dice;
  readonly #name: string;
  readonly #isFat: boolean;
  /** The attempt that this bot believes an execution to be in. */
  readonly #attempts = new Map<string, number>();
  #count = 0;

  /** @param isFat whether messages and links are as long as they may be */
  constructor(dice: Dice, name: string, isFat: boolean) {
    this.#dice = dice;
    this.#name = name;
    this.#isFat = isFat;
  }

  next(): PlannedEvent {
    const dice = this.#dice;
    this.#count += 1;
    const marker = `${this.#name}-${this.#count}`;
    const executionId = dice.chance(0.15)
      ? `shared-${dice.between(1, SHARED_EXECUTIONS)}`
      : `${this.#name}-run-${dice.between(1, OWN_EXECUTIONS)}`;
    const known = this.#attempts.get(executionId);
    const isFirst = known === undefined;
    const attempt = this.#attemptAfter(known ?? 1);
    this.#attempts.set(executionId, Math.max(known ?? 1, attempt ?? 1));
    const texts: Record<string, string> = { executionId, occurredAt: this.#occurredAt() };
    const set = (probability: number, field: string, text: () => string) => {
      if (dice.chance(probability)) texts[field] = text();
    };
    set(isFirst ? 1 : 0.3, 'project', () => projectOf(executionId));
    set(isFirst || attempt !== undefined ? 1 : 0.8, 'status', () => dice.pick(TASK_STATUSES));
    set(isFirst ? 0.7 : 0.06, 'actor', () => orCleared(dice, JSON.stringify(anActor(dice))));
    set(isFirst ? 0.7 : 0.2, 'visibility', () =>
      orCleared(dice, JSON.stringify({ responsibleUsers: someResponsible(dice) })),
    );
    set(0.1, 'taskName', () => orCleared(dice, `Task ${marker}`));
    set(0.1, 'flow', () => orCleared(dice, dice.pick(['release', 'nightly'])));
    set(this.#isFat ? 0.8 : 0.1, 'prLinks', () => orCleared(dice, this.#links()));
    set(this.#isFat ? 0.9 : 0.4, 'message', () => orCleared(dice, this.#message(marker)));
    if (attempt !== undefined) texts.attempt = String(attempt);
    return { marker, texts };
  }

  #attemptAfter(known: number): number | undefined {
    if (!this.#dice.chance(0.1)) return undefined;
    return Math.max(1, known + this.#dice.pick([-1, 0, 1, 1]));
  }

  /** Mostly in order, some late, many in the same second, and in any spelling. */
  #occurredAt(): string {
    const dice = this.#dice;
    const lateMs = dice.chance(0.2) ? dice.between(0, 20_000) : 0;
    const exactMs = BASE_MS + this.#count * 300 - lateMs;
    const ms = dice.chance(0.5) ? Math.floor(exactMs / 1000) * 1000 : exactMs;
    const iso = new Date(ms).toISOString();
    switch (dice.between(0, 9)) {
      case 0:
        return iso.replace(/\.(\d+)Z/, ',$1999Z');
      case 1:
        return new Date(ms + 7_200_000).toISOString().replace('Z', '+02:00');
      case 2:
        return new Date(ms - 5_400_000).toISOString().replace('Z', '-0130');
      default:
        return iso;
    }
  }

  #message(marker: string): string {
    const text = `${marker} says:\n\t"ünïcode" \\ 漢 😀`;
    return this.#isFat ? text.padEnd(1900, '…') : text;
  }

  #links(): string {
    const count = this.#isFat ? 20 : this.#dice.between(0, 3);
    const path = this.#isFat ? 'x'.repeat(150) : 'pull';
    return JSON.stringify(
      Array.from({ length: count }, (_, index) => `https://example.com/${path}/${index}`),
    );
  }
}

/** The same whichever bot states it. */
function projectOf(executionId: string): string {
  const number = Number(/\d+$/.exec(executionId)?.[0] ?? 0);
  return PROJECTS[number % PROJECTS.length] ?? PROJECTS[0];
}

function orCleared(dice: Dice, text: string): string {
  return dice.chance(0.08) ? '' : text;
}
