import type { Dice } from '../dice.ts';
import { EventMaker, type PlannedEvent } from './event-maker.ts';

/** What a bot appends with XADD: anything at all. */
export interface PlannedEntry {
  readonly marker: string;
  /** field, value, field, value … */
  readonly pairs: readonly (string | Buffer)[];
}

/** How an entry is spoilt: texts that break one rule of PROTOCOL.md, "The event", each. */
const FAULTY_TEXTS: readonly Readonly<Record<string, string | undefined>>[] = [
  { executionId: 'stream' },
  { executionId: 'two words' },
  { executionId: '' },
  { executionId: undefined },
  { occurredAt: undefined },
  { occurredAt: 'yesterday' },
  { occurredAt: '2026-02-30T12:00:00Z' },
  { occurredAt: '2999-01-01T00:00:00Z' },
  { project: 'no-slash' },
  { project: 'other/project' },
  { status: 'running' },
  { attempt: '0' },
  { attempt: '1.5' },
  { attempt: '90', status: undefined },
  { actor: '{"provider":"slack"}' },
  { actor: '{' },
  { prLinks: '["javascript:alert(1)"]' },
  { visibility: '{"responsibleUsers":["ana"]}' },
  { visibility: '{"responsibleUsers":"slack:U1"}' },
  { message: 'x'.repeat(2001) },
  { taskName: 'bell \u0007' },
  { eventId: 'e'.repeat(201) },
];

/** Valid, duplicated, stale and broken entries; each carries its marker in a field of its own. */
export class RawEntryMaker {
  readonly #dice: Dice;
  readonly #events: EventMaker;
  readonly #sent: PlannedEvent[] = [];
  readonly #name: string;
  #count = 0;

  constructor(dice: Dice, name: string, isFat: boolean) {
    this.#dice = dice;
    this.#name = name;
    this.#events = new EventMaker(dice.of('events'), name, isFat);
  }

  next(): PlannedEntry {
    const dice = this.#dice;
    this.#count += 1;
    const marker = `${this.#name}-entry-${this.#count}`;
    if (this.#sent.length > 0 && dice.chance(0.08)) return this.#again(marker);
    const event = this.#events.next();
    const eventId = dice.chance(0.6) ? { eventId: event.marker } : {};
    const texts = { ...event.texts, ...eventId };
    this.#sent.push({ marker, texts });
    if (this.#sent.length > 12) this.#sent.shift();
    return { marker, pairs: this.#spoilt(texts, marker) };
  }

  /** The same event once more, after so many others of the same bot. */
  #again(marker: string): PlannedEntry {
    const { texts } = this.#dice.pick(this.#sent);
    return { marker, pairs: [...Object.entries(texts).flat(), 'marker', marker] };
  }

  #spoilt(texts: Readonly<Record<string, string>>, marker: string): (string | Buffer)[] {
    const dice = this.#dice;
    const pairs = Object.entries(texts).flat();
    const marked = (...more: (string | Buffer)[]) => [...pairs, ...more, 'marker', marker];
    switch (dice.between(0, 24)) {
      case 0:
      case 1: {
        const faulty = { ...texts, ...dice.pick(FAULTY_TEXTS), marker };
        return Object.entries(faulty).flatMap(([name, text]) =>
          text === undefined ? [] : [name, text],
        );
      }
      case 2:
        return marked('padding', 'x'.repeat(70_000));
      case 3:
        return marked('note', Buffer.from([0xff, 0xfe, 0x61]));
      case 4:
        // Of a repeated field the last counts, and unknown fields are ignored.
        return ['status', 'nonsense', ...marked('note', 'x', 'status', 'in_progress')];
      case 5:
        return ['marker', marker, 'hello', 'world'];
      default:
        return marked();
    }
  }
}
