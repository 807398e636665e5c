import { type AppendInput, TaskProducer } from '@tasktrail/producer';
import { parseRedisUrl } from '../../../src/redis/redis-url.ts';
import { EventMaker, type PlannedEvent } from '../plan/event-maker.ts';
import type { PlannedProducer } from '../plan/round-plan.ts';
import type { World } from '../world/world.ts';
import type { Ledger } from './ledger.ts';
import { bursts } from './pace.ts';

/** How long it tries to get rid of what it has, once it is told to stop. */
const CLOSE_MS = 15_000;

/** A bot that uses the package: everything that it appends is there in the end, and counts once. */
export async function runPackageProducer(
  world: World,
  plan: PlannedProducer,
  ledger: Ledger,
  signal: AbortSignal,
): Promise<void> {
  const dice = world.plan.dice.of(plan.name);
  const events = new EventMaker(dice.of('events'), plan.name, world.plan.isFat);
  const producer = new TaskProducer({
    redis: world.botUrl.startsWith('redis:') ? world.botUrl : parseRedisUrl(world.botUrl),
    onError: (error) => ledger.faults.push(`${plan.name}: ${error.message}`),
  });
  for await (const count of bursts(plan, dice, signal)) {
    for (let i = 0; i < count; i += 1) {
      const event = events.next();
      const told = ledger.open(event.marker, 'package', 'eventId');
      const appended = producer.append(toInput(event));
      appended.then(
        (id) => ledger.confirm(told, id),
        () => {},
      );
    }
  }
  await producer.close(CLOSE_MS);
}

/** An event as a program states it: nested values as such, cleared ones as null. */
function toInput({ marker, texts }: PlannedEvent): AppendInput {
  const values = Object.entries(texts).map(([field, text]) => [field, statedAs(field, text)]);
  return { ...Object.fromEntries(values), eventId: marker };
}

/** A field's text as JSON, or a program, states it. */
export function statedAs(field: string, text: string): unknown {
  if (field === 'attempt') return Number(text);
  if (field === 'prLinks') return JSON.parse(text || '[]');
  if (field === 'actor' || field === 'visibility') return text === '' ? null : JSON.parse(text);
  return text;
}
