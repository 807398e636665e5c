import type { StreamId } from '@tasktrail/contract';
import { originOf, type QuarantineEntry } from '../../redis/quarantine-entry.ts';
import type { OperatorIo } from '../redis-session.ts';
import type { Replayed } from './append.ts';
import type { Forecast } from './forecast.ts';
import type { Selection } from './selection.ts';
import { subjectOf } from './subject.ts';
import { forecastText, printable } from './text.ts';

/** What a replay says: a line for each entry, and what came of all of them. */

type Action = 'would_replay' | 'replayed' | 'removed' | 'stays' | 'gone';

export class ReplayReport {
  readonly #io: OperatorIo;
  readonly #isJson: boolean;
  readonly #isDryRun: boolean;
  readonly #counts = new Map<Action, number>();
  readonly #reasonsToStay = new Map<string, number>();

  constructor(options: { readonly yes?: boolean; readonly json?: boolean }, io: OperatorIo) {
    this.#io = io;
    this.#isJson = options.json === true;
    this.#isDryRun = options.yes !== true;
  }

  /** @param waitMs for how long the oldest event waits to be applied, where that is long */
  begin({ missing, isCut, ids }: Selection, waitMs: number | undefined): void {
    for (const id of missing) {
      this.#io.writeError(`${id} is not in the quarantine: see list; it may have been replayed`);
    }
    if (isCut) this.#io.writeError(`only the first ${ids.length}: run this again for the rest`);
    if (waitMs !== undefined) {
      this.#io.writeError(
        `the projector is behind by ${Math.round(waitMs / 1000)} s, so tasks may be newer than ` +
          'what is said here; better wait until it has caught up',
      );
    }
  }

  wouldReplay(entry: QuarantineEntry, forecast: Forecast): void {
    this.#say(entry, 'would_replay', forecast, 'would be replayed');
  }

  replayed(entry: QuarantineEntry, forecast: Forecast, done: Exclude<Replayed, { kind: 'gone' }>) {
    if (done.kind === 'replayed') {
      this.#say(entry, 'replayed', forecast, `replayed as ${done.id}`, done.id);
    } else {
      const known: Forecast = { kind: 'replayed_before', as: done.id };
      this.#say(entry, 'removed', known, 'removed');
    }
  }

  stays(entry: QuarantineEntry, forecast: Forecast): void {
    const count = this.#reasonsToStay.get(forecast.kind) ?? 0;
    this.#reasonsToStay.set(forecast.kind, count + 1);
    this.#say(entry, 'stays', forecast, 'stays');
  }

  /** Somebody else was first. */
  gone(id: StreamId): void {
    this.#count('gone');
    if (this.#isJson) this.#io.write(JSON.stringify({ id, action: 'gone' }));
    else this.#io.write(`${id}  gone: replayed or dropped by somebody else meanwhile`);
  }

  /** The counts, which are no line of NDJSON. */
  end(): void {
    const say = this.#isJson ? this.#io.writeError : this.#io.write;
    const count = (action: Action) => this.#counts.get(action) ?? 0;
    const staying = [...this.#reasonsToStay].map(([kind, n]) => `${n} ${kind}`).join(', ');
    const parts = [
      this.#isDryRun
        ? `dry run, nothing was written: ${count('would_replay')} would be replayed`
        : `${count('replayed')} replayed`,
      count('removed') > 0 ? `${count('removed')} removed, replayed before` : '',
      count('stays') > 0 ? `${count('stays')} stay (${staying})` : '',
      count('gone') > 0 ? `${count('gone')} gone meanwhile` : '',
    ];
    say(parts.filter(Boolean).join(', '));
    if (this.#reasonsToStay.has('older')) say('--force replays what is older, too');
    if (count('would_replay') > 0) say('--yes does it');
  }

  #say(
    entry: QuarantineEntry,
    action: Action,
    forecast: Forecast,
    words: string,
    replayedAs: StreamId | null = null,
  ): void {
    this.#count(action);
    const { id } = entry;
    const { executionId } = subjectOf(entry);
    if (this.#isJson) {
      const ids = { id, origin: originOf(entry), executionId: executionId ?? null };
      this.#io.write(JSON.stringify({ ...ids, action, replayedAs, forecast }));
    } else {
      const whose = executionId === undefined ? '-' : printable(executionId.slice(0, 200));
      this.#io.write(`${id}  ${whose}  ${words}: ${forecastText(forecast)}`);
    }
  }

  #count(action: Action): void {
    this.#counts.set(action, (this.#counts.get(action) ?? 0) + 1);
  }
}
