import type { Keys } from '../../redis/keys.ts';
import type { NextBatch, Place } from './batch.ts';
import { prepareLine } from './entry.ts';
import { type EmitInput, EmitInputError, messageOf, untilAborted } from './input.ts';
import { type InputLine, LineSplitter } from './lines.ts';
import { placeText } from './texts.ts';

/** An input and what its lines are told by. */
export interface NamedInput {
  readonly input: EmitInput;
  /** What absent `eventId`s come from. */
  readonly name: string;
  /** Its path, where there are several. */
  readonly file: string | undefined;
}

export interface ReaderOptions {
  readonly keys: Keys;
  /** Milliseconds since 1970, for an absent `occurredAt`. */
  readonly wallMs: () => number;
  readonly onRefused: (place: Place, problem: string) => void;
}

/** Reads inputs one after another into the next batch, and only as fast as batches are taken. */
export class EmitReader {
  readonly #inputs: readonly NamedInput[];
  readonly #batch: NextBatch;
  readonly #options: ReaderOptions;
  #place: Place | undefined;
  #bytesBefore = 0;
  #state: 'reading' | 'waiting' | 'ended' = 'reading';

  constructor(inputs: readonly NamedInput[], batch: NextBatch, options: ReaderOptions) {
    this.#inputs = inputs;
    this.#batch = batch;
    this.#options = options;
  }

  /** The last line that was read; undefined before the first. */
  get place(): Place | undefined {
    return this.#place;
  }

  /**
   * Whether nothing is known to come after that line: the inputs have ended, or there is only a pipe
   * left that has nothing to give now.
   */
  get hasReadAll(): boolean {
    return this.#state !== 'reading';
  }

  /**
   * Resolves at the end of the inputs, or when the signal aborts.
   *
   * @throws EmitInputError when an input cannot be read further
   */
  async run(signal: AbortSignal): Promise<void> {
    for (const [index, named] of this.#inputs.entries()) {
      const isLast = index === this.#inputs.length - 1;
      try {
        await this.#read(named, isLast && named.input.sizeBytes === undefined, signal);
      } catch (cause) {
        const problem = `cannot read further than ${placeText(this.#place)}: ${messageOf(cause)}`;
        throw new EmitInputError(problem, { cause });
      }
      if (signal.aborted) return;
    }
    this.#state = 'ended';
  }

  async #read(named: NamedInput, mayWait: boolean, signal: AbortSignal): Promise<void> {
    const splitter = new LineSplitter();
    this.#bytesBefore = this.#place?.bytes ?? 0;
    if (mayWait) this.#state = 'waiting';
    for await (const chunk of untilAborted(named.input.open(), signal)) {
      this.#state = 'reading';
      for (const line of splitter.push(chunk)) {
        await this.#take(line, named);
        if (signal.aborted) return;
      }
      if (mayWait && !splitter.isInLine) this.#state = 'waiting';
    }
    if (signal.aborted) return;
    for (const line of splitter.end()) await this.#take(line, named);
  }

  async #take(line: InputLine, { file, name }: NamedInput): Promise<void> {
    const place = { file, line: line.number, bytes: this.#bytesBefore + line.endsAt };
    const prepared =
      line.kind === 'unreadable'
        ? ({ kind: 'refused', problem: line.problem } as const)
        : this.#prepare(line.text, { name, number: line.number });
    if (prepared?.kind === 'entry') {
      const { entry, bytes } = prepared;
      await this.#batch.add({ entry, bytes, place });
    } else {
      if (prepared !== undefined) this.#options.onRefused(place, prepared.problem);
      this.#batch.pass(place);
    }
    this.#place = place;
  }

  #prepare(text: string, origin: { readonly name: string; readonly number: number }) {
    return prepareLine(text, origin, this.#options.wallMs(), this.#options.keys);
  }
}
