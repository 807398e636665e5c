import { expect } from 'vitest';

/** What tells of the inside of the program. */
const INTERNALS = new RegExp(
  [
    // Stacks, files and classes of errors.
    /\n\s+at |\\n\s+at |node_modules|node:internal|\/(?:src|dist|packages)\/\w|\.[tj]s:\d+/,
    /\b\w*(?:Error|Exception):|ECONN|ETIMEDOUT|EPIPE|\[object |is not valid JSON/,
    // What Redis says, its client, and where it is.
    /WRONGTYPE|NOSCRIPT|NOPERM|NOAUTH|WRONGPASS|MISCONF|READONLY|LOADING|CLUSTERDOWN|\b(?:OOM|ERR|Lua)\b/,
    /Command timed out|Connection is closed|Stream isn't writeable/,
    /127\.0\.0\.1:\d+|rediss?:\/\/|task-tracking:/,
  ]
    .map(({ source }) => source)
    .join('|'),
);

/** Holds an answer to saying nothing of the inside of the program, in its body and its headers. */
export function expectNoInternals(
  body: string,
  headers: Readonly<Record<string, string | string[] | undefined>>,
): void {
  expect(body).not.toMatch(INTERNALS);
  expect(JSON.stringify(headers)).not.toMatch(INTERNALS);
}
