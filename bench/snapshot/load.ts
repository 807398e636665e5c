/** What the load generator is told. */
export interface Load {
  readonly port: number;
  /** Whole requests, as they are sent: taken in turn, over all connections. */
  readonly requests: readonly string[];
  /** Kept alive, each with one request at a time. */
  readonly connections: number;
  readonly seconds: number;
  /** Requests that are due in a second, whatever the answers do; undefined: as many as are answered. */
  readonly perSecond?: number;
}

/** What it tells. */
export interface Loaded {
  /** Answers that came whole, a second. */
  readonly perSecond: number;
  /** How many answers had which status. */
  readonly statuses: ReadonlyMap<number, number>;
  /** Milliseconds from when a request was due to the last byte of its answer. */
  readonly p50: number;
  readonly p99: number;
}

/** A request as it is sent. HTTP/1.1 keeps the connection alive. */
export function requestOf(path: string, headers: Readonly<Record<string, string>>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET ${path} HTTP/1.1\r\nHost: dashboard.example.com\r\n${lines.join('')}\r\n`;
}
