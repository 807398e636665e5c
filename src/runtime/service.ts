/**
 * The one shape of everything that runs: it works until the signal aborts, then resolves; it
 * rejects on a failure that it cannot mend by itself. What it acquired is released either way.
 */
export interface Service {
  readonly name: string;
  run(signal: AbortSignal): Promise<void>;
}

/**
 * Whether a part of the process does its work now. Readiness asks every part, so none may answer
 * from the state of a connection alone: a loop that starves keeps its socket.
 */
export interface Health {
  readonly ready: boolean;
  /** For a person and for monitoring: what it waits for, since when. */
  readonly details: Readonly<Record<string, unknown>>;
}

export interface HealthCheck {
  readonly name: string;
  health(): Health;
}
