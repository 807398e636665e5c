import { ProjectSchema } from '@tasktrail/contract';

/**
 * Which projects somebody may write to: `houlak/*`, `acme/shop`, `acme/**`. Compared part by part:
 * `*` stands for a whole part or any piece of one, also an empty piece; `**`, which is a part by
 * itself, for one part or several. Everything else stands for itself, case included.
 * (PROTOCOL.md, "Who may emit")
 */
export interface ProjectPattern {
  /** @param project a valid one */
  matches(project: string): boolean;
  /** Whether it matches every project there may ever be. */
  readonly matchesAll: boolean;
}

export type ParsedPattern =
  | { readonly kind: 'valid'; readonly pattern: ProjectPattern }
  /** In words that go on from the place of the pattern. */
  | { readonly kind: 'invalid'; readonly problem: string };

const PIECE = '*';
const PARTS = '**';

/** Refuses what can match no project: it is a slip, and would shut somebody out without a word. */
export function parseProjectPattern(text: string): ParsedPattern {
  if (text === PIECE) return invalid('must be ** to mean every project');
  const parts = text.split('/');
  if (parts.some((part) => part !== PARTS && part.includes(PARTS))) {
    return invalid('must have ** only as a whole part, as in houlak/**');
  }
  const shortest = ProjectSchema.safeParse(shortestMatch(parts));
  if (!shortest.success) {
    const reason = shortest.error.issues[0]?.message ?? 'is invalid';
    return invalid(`can match no project, which ${reason}; write such as houlak/* or acme/shop`);
  }
  const isWild = parts.every((part) => part === PIECE || part === PARTS);
  // Every project has two parts, and may have more.
  const matchesAll = isWild && parts.length <= 2 && parts.includes(PARTS);
  // One part, and then any number: what is left is a run that may be empty.
  const runs = parts.flatMap((part) => (part === PARTS ? [PIECE, PARTS] : [part]));
  const matches = (project: string) => fits(runs, project.split('/'), PARTS, partFits);
  return { kind: 'valid', pattern: { matches, matchesAll } };
}

/** A text that the pattern matches; no shorter one does. */
function shortestMatch(parts: readonly string[]): string {
  if (parts.length === 1 && parts[0] === PARTS) return 'a/a';
  return parts
    .map((part) => (part === PIECE || part === PARTS ? 'a' : part.replaceAll(PIECE, '')))
    .join('/');
}

function partFits(pattern: string, part: string): boolean {
  return fits(pattern, part, PIECE, (one, other) => one === other);
}

/**
 * Whether a sequence fits a pattern in which one element stands for any run of it, also an empty
 * one. When a comparison fails, only the last run is made longer by one: an earlier one could but
 * take what the last one takes as well. So it costs the product of both lengths at most, where
 * a regular expression may cost exponentially more.
 */
function fits(
  pattern: ArrayLike<string>,
  sequence: ArrayLike<string>,
  run: string,
  isMatch: (element: string, other: string) => boolean,
): boolean {
  let at = 0;
  let place = 0;
  let lastRun: { readonly after: number; readonly end: number } | undefined;
  for (;;) {
    const element = pattern[at];
    const other = sequence[place];
    if (element === run) {
      at += 1;
      lastRun = { after: at, end: place };
    } else if (other === undefined) {
      return element === undefined;
    } else if (element !== undefined && isMatch(element, other)) {
      at += 1;
      place += 1;
    } else if (lastRun !== undefined) {
      lastRun = { after: lastRun.after, end: lastRun.end + 1 };
      at = lastRun.after;
      place = lastRun.end;
    } else {
      return false;
    }
  }
}

function invalid(problem: string): ParsedPattern {
  return { kind: 'invalid', problem };
}
