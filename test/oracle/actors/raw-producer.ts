import { EVENTS_STREAM } from '@tasktrail/contract';
import { RawEntryMaker } from '../plan/raw-entries.ts';
import type { PlannedProducer } from '../plan/round-plan.ts';
import type { World } from '../world/world.ts';
import type { Ledger } from './ledger.ts';
import { bursts } from './pace.ts';

/** A bot in any language that knows XADD and nothing else: it tries once, and what fails is unknown. */
export async function runRawProducer(
  world: World,
  plan: PlannedProducer,
  ledger: Ledger,
  signal: AbortSignal,
): Promise<void> {
  const dice = world.plan.dice.of(plan.name);
  const entries = new RawEntryMaker(dice.of('entries'), plan.name, world.plan.isFat);
  const redis = world.store.connect(plan.name);
  const sending = new Set<Promise<void>>();
  for await (const count of bursts(plan, dice, signal)) {
    for (let i = 0; i < count; i += 1) {
      const { marker, pairs } = entries.next();
      const told = ledger.open(marker, 'raw', 'marker');
      const sent = redis
        .xadd(EVENTS_STREAM, '*', ...pairs)
        .then((id) => ledger.confirm(told, String(id)))
        .catch(() => {})
        .finally(() => sending.delete(sent));
      sending.add(sent);
    }
  }
  await Promise.all(sending);
}
