/**
 * Events as a fleet of bots appends them, made up from a number: the same ones every time. An
 * execution is queued, starts, tells what it is doing and ends; some are run again, some events come
 * twice or late, and a few are none. Executions are at work side by side, so that events of one are
 * spread among those of the others.
 */

export interface Entry {
  readonly id: string;
  /** field, value, field, value … */
  readonly pairs: readonly string[];
}

export interface BacklogSpec {
  /** Number of the first execution; those of two backlogs are different ones. */
  readonly firstExecution: number;
  readonly executions: number;
  /** How many are at work at the same time. */
  readonly atWork: number;
  /** Milliseconds since 1970 of the first entry. */
  readonly startMs: number;
}

/** Events of an execution, on average. */
export const EVENTS_PER_EXECUTION = 5;

export const PROJECTS = Array.from({ length: 20 }, (_, n) => `acme/service-${n}`);
const FLOWS = ['pull-request', 'nightly', 'deploy', 'release', 'code-review', 'triage'];
const WORDS =
  'installing dependencies compiling modules running unit tests waiting for a runner uploading report reviewing the change asking the model'.split(
    ' ',
  );
const MEAN_GAP_MS = 20;

/** The entries in their order. */
export function* backlogOf(spec: BacklogSpec): Generator<Entry> {
  const dice = diceOf(spec.firstExecution);
  const last = spec.firstExecution + spec.executions;
  let next = spec.firstExecution;
  let ms = spec.startMs;
  const atWork: Iterator<Fields, void>[] = [];
  while (next < last || atWork.length > 0) {
    while (atWork.length < spec.atWork && next < last) atWork.push(lifeOf(next++));
    const place = Math.floor(dice() * atWork.length);
    const step = atWork[place]?.next();
    if (step?.done !== false) {
      atWork[place] = atWork.at(-1) as Iterator<Fields, void>;
      atWork.pop();
      continue;
    }
    ms += 1 + Math.floor(dice() * 2 * MEAN_GAP_MS);
    const occurredAt = new Date(ms - Math.floor(dice() * 2000)).toISOString();
    const pairs = Object.entries({ ...step.value, occurredAt }).flat();
    yield { id: `${ms}-0`, pairs };
    if (dice() < 0.01) yield { id: `${ms}-1`, pairs };
  }
}

type Fields = Readonly<Record<string, string>>;

/** What the bot of one execution tells of it. */
function* lifeOf(number: number): Generator<Fields, void> {
  const dice = diceOf(number * 7919 + 1);
  const executionId = `run-${dice().toString(36).slice(2, 10)}-${number}`;
  const pick = (list: readonly string[]) => list[Math.floor(dice() * list.length)] ?? '';
  const project = PROJECTS[Math.floor(dice() ** 1.5 * PROJECTS.length)] ?? '';
  let told = 0;
  const fact = (fields: Fields): Fields => {
    told += 1;
    const eventId = dice() < 0.8 ? { eventId: `${executionId}-${told}` } : {};
    return { executionId, project, ...fields, ...eventId };
  };
  yield fact({
    status: 'queued',
    ...(dice() < 0.9 && { taskName: `${pick(WORDS)} of pull request ${number % 4000}` }),
    ...(dice() < 0.7 && { flow: pick(FLOWS) }),
    ...(dice() < 0.85 && { actor: JSON.stringify(personOf(dice)) }),
    ...(dice() < 0.4 && { visibility: JSON.stringify({ responsibleUsers: reviewersOf(dice) }) }),
  });
  const attempts = dice() < 0.05 ? 2 : 1;
  for (let attempt = 1; attempt <= attempts; attempt += 1) {
    const again: Fields = attempt === 1 ? {} : { attempt: String(attempt) };
    yield fact({ status: 'in_progress', ...again });
    for (let more = Math.floor(dice() * 4); more > 0; more -= 1) {
      const link = `https://github.com/${project}/pull/${number % 4000}`;
      yield dice() < 0.25
        ? fact({ prLinks: JSON.stringify([link]) })
        : fact({ status: 'in_progress', message: sentenceOf(dice), ...again });
    }
    const end = dice();
    const status = end < 0.8 ? 'success' : end < 0.93 ? 'error' : 'cancelled';
    yield fact({ status, ...(dice() < 0.6 && { message: sentenceOf(dice) }), ...again });
  }
  if (dice() < 0.02) yield fact({ status: 'in_progress', attempt: '1' });
  if (dice() < 0.002) yield { executionId, status: 'running' };
}

function personOf(dice: () => number): object {
  const id = `U${Math.floor(dice() * 300)}`;
  const provider = dice() < 0.6 ? 'slack' : 'github';
  return dice() < 0.3 ? { provider, id, displayName: `Person ${id}` } : { provider, id };
}

function reviewersOf(dice: () => number): string[] {
  return Array.from(
    { length: 1 + Math.floor(dice() * 3) },
    () => `google:person-${Math.floor(dice() * 300)}@example.com`,
  );
}

function sentenceOf(dice: () => number): string {
  const words = Array.from({ length: 3 + Math.floor(dice() * 12) }, () => {
    return WORDS[Math.floor(dice() * WORDS.length)];
  });
  return words.join(' ');
}

/** Repeatable numbers in [0, 1): mulberry32. */
function diceOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
