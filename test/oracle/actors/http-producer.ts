import { setTimeout as delay } from 'node:timers/promises';
import { EventResultsSchema } from '@tasktrail/contract';
import type { Dice } from '../dice.ts';
import { EventMaker, type PlannedEvent } from '../plan/event-maker.ts';
import type { PlannedProducer } from '../plan/round-plan.ts';
import type { World } from '../world/world.ts';
import type { Ledger, Told } from './ledger.ts';
import { bursts } from './pace.ts';
import { statedAs } from './package-producer.ts';

/** A request as it is sent, again and again, until it is answered 202. */
interface PlannedPost {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly events: readonly PostedEvent[];
}

interface PostedEvent {
  readonly told: Told;
  readonly executionId: string;
  /** What must become of it; `either` states no project, which may be unknown yet. */
  readonly due: 'taken' | 'refused' | 'either';
  /** Whether its project is known, once it was taken: it may be the first event of its execution. */
  readonly settles: boolean;
}

const ANSWER_MS = 9_000;
const RETRY_MS = 60;
/** How long it goes on trying, once it is told to stop. */
const GIVE_UP_MS = 15_000;

/**
 * A bot that posts. The one named `again` sends what was answered once more, to any server, and
 * leaves requests before they are answered; what it sends must be there once all the same.
 */
export async function runHttpProducer(
  world: World,
  plan: PlannedProducer,
  ledger: Ledger,
  signal: AbortSignal,
): Promise<void> {
  const dice = world.plan.dice.of(plan.name);
  const events = new EventMaker(dice.of('events'), plan.name, world.plan.isFat);
  const isHasty = plan.name === 'again';
  const known = new Set<string>();
  const sending = new Set<Promise<void>>();
  let number = 0;
  const post = async (planned: PlannedPost, own: Dice) => {
    await postUntilTaken(world, planned, own, known, ledger, signal, isHasty);
    if (isHasty && own.chance(0.3)) {
      await postUntilTaken(world, planned, own, known, ledger, signal, false);
    }
  };
  for await (const count of bursts(plan, dice, signal)) {
    number += 1;
    const name = `${plan.name}-${number}`;
    const own = dice.of('post', number);
    const made = Array.from({ length: count }, () => events.next());
    const sent = post(planPost(name, made, own, ledger), own)
      .catch((error) => ledger.faults.push(`${name}: ${error}`))
      .then(() => void sending.delete(sent));
    sending.add(sent);
    // A bot sends few requests at once: while servers are away they would pile up.
    if (sending.size >= 6) await Promise.race(sending);
  }
  await Promise.all(sending);
}

function planPost(
  name: string,
  events: readonly PlannedEvent[],
  dice: Dice,
  ledger: Ledger,
): PlannedPost {
  const isKeyed = dice.chance(0.5);
  const spoilt = events.map(() => dice.chance(0.05));
  const values = events.map(({ marker, texts }, index) => {
    const fields = Object.entries(texts).map(([field, text]) => [field, statedAs(field, text)]);
    const value = { ...Object.fromEntries(fields), ...nameOf(marker, isKeyed) };
    return spoilt[index] ? { ...value, status: 'nonsense' } : value;
  });
  const stated = new Set<string>();
  const posted = events.map(({ marker, texts }, index): PostedEvent => {
    const { executionId = '', project, status } = texts;
    if (project !== undefined && !spoilt[index]) stated.add(executionId);
    const due = spoilt[index] ? 'refused' : stated.has(executionId) ? 'taken' : 'either';
    return {
      told: ledger.open(marker, 'http', isKeyed ? 'message' : 'eventId'),
      ...{ executionId, due },
      settles: due === 'either' || (project !== undefined && status !== undefined),
    };
  });
  const isLines = dice.chance(0.4);
  return {
    headers: {
      'Content-Type': isLines ? 'application/x-ndjson' : 'application/json',
      ...(isKeyed ? { 'Idempotency-Key': name } : {}),
    },
    body: isLines
      ? values.map((value) => JSON.stringify(value)).join('\n')
      : JSON.stringify(values),
    events: posted,
  };
}

/** Under an Idempotency-Key an event needs no eventId; its message then tells which it is. */
function nameOf(marker: string, isKeyed: boolean): Record<string, string> {
  return isKeyed ? { message: marker } : { eventId: marker };
}

/** @param known the executions of which an event was taken: they need no project any more */
async function postUntilTaken(
  world: World,
  post: PlannedPost,
  dice: Dice,
  known: Set<string>,
  ledger: Ledger,
  signal: AbortSignal,
  isHasty: boolean,
): Promise<void> {
  let giveUpAt = Number.POSITIVE_INFINITY;
  for (let attempt = 0; ; attempt += 1) {
    if (signal.aborted) giveUpAt = Math.min(giveUpAt, performance.now() + GIVE_UP_MS);
    if (performance.now() > giveUpAt) throw new Error('no server takes it any more');
    const server = dice.pick(world.servers);
    const patienceMs =
      isHasty && attempt === 0 && dice.chance(0.3) ? dice.between(1, 30) : ANSWER_MS;
    try {
      if (await postOnce(world, server.url, post, patienceMs, known, ledger)) return;
    } catch {
      // The server is away, or was not waited for.
    }
    await delay(RETRY_MS);
  }
}

/** Whether it was taken. */
async function postOnce(
  { apiKey, plan }: World,
  url: string,
  { headers, body, events }: PlannedPost,
  patienceMs: number,
  known: Set<string>,
  ledger: Ledger,
): Promise<boolean> {
  const knownBefore = new Set(known);
  const response = await fetch(`${url}/events`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${apiKey}`, ...headers },
    body,
    signal: AbortSignal.timeout(patienceMs),
  });
  const text = await response.text();
  if (response.status === 503 || response.status === 429) return false;
  if (response.status !== 202) {
    ledger.faults.push(`POST /events answered ${response.status}: ${text}`);
    return true;
  }
  const { results } = EventResultsSchema.parse(JSON.parse(text));
  if (results.length !== events.length) ledger.faults.push('POST /events lost a result');
  for (const [index, result] of results.entries()) {
    const { told, executionId, due, settles } = events[index] as PostedEvent;
    if ('id' in result) {
      ledger.confirm(told, result.id);
      if (settles) known.add(executionId);
      if (due === 'refused') ledger.faults.push(`${told.marker} was taken`);
      continue;
    }
    ledger.refuse(told, due !== 'either');
    const mayBeUnknown = !(plan.isLossless && knownBefore.has(executionId));
    const isFair = due === 'either' && mayBeUnknown && result.error.field === 'project';
    if (due !== 'refused' && !isFair) ledger.faults.push(`${told.marker} was refused: ${text}`);
  }
  return true;
}
