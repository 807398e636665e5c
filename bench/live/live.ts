/**
 * What carries events to viewers as they happen: Tasktrail, and what somebody would take instead.
 *
 * `workload.ts` makes the events; a carrier brings them to its server's viewers; `crowd.ts` is these
 * viewers, in a process of their own (`crowd-process.ts`), who count and time what comes. The parts
 * `fanout` and `latency` measure the same carriers.
 */
export interface Carrier {
  readonly name: string;
  readonly version: string;
  /** Why it cannot be measured on this machine, with the remedy. */
  readonly missing?: string;
  /** Brings up everything that it needs, its server on SERVER_CORE, all else on LOAD_CORE. */
  start(viewers: number): Promise<RunningCarrier>;
}

export interface RunningCarrier extends AsyncDisposable {
  /** Whose work is measured: the server that viewers are connected to. */
  readonly serverPid: number;
  readonly door: Door;
  /** Appends events in one go where there are several. Resolves once they are stored. */
  publish(events: readonly WorkloadEvent[]): Promise<void>;
}

/** Where viewers connect, and what each says first. */
export interface Door {
  readonly port: number;
  /** Whole requests, without a body; viewers take them in turn. */
  readonly requests: readonly string[];
  /** What a viewer sends after the answer's head; absent: nothing. */
  readonly greeting?: Uint8Array;
}

/** One event of the workload; the item that becomes of it is in every carrier's frame. */
export interface WorkloadEvent {
  /** Grows by one with every event: whoever sees them all knows whether one is missing. */
  readonly number: number;
  /** Field, value, field, value … of an event of Tasktrail. */
  readonly fields: readonly string[];
  /** The item as Tasktrail tells it, for carriers that carry any JSON. */
  readonly item: object;
}
