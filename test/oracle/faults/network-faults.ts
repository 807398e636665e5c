import { setTimeout as delay } from 'node:timers/promises';
import type { Dice } from '../dice.ts';
import type { FaultProxy } from '../world/fault-proxy.ts';
import type { World } from '../world/world.ts';
import type { Fault, Heal } from './fault.ts';

/** What happens between processes and a Redis that is well. */

const BETWEEN = { loses: 'nothing', stores: ['memory', 'everysec'] } as const;

/** Every packet is lost: sent again later, or for good. */
async function blackHole(networks: readonly FaultProxy[], dice: Dice): Promise<Heal> {
  const isForGood = dice.chance(0.5);
  for (const network of networks) {
    if (isForGood) network.fallSilent();
    else network.hold();
  }
  return async () => {
    for (const network of networks) {
      if (isForGood) network.hear();
      else network.release();
    }
  };
}

function networksOf({ networks }: World): FaultProxy[] {
  return [...networks.values()];
}

async function resetAgainAndAgain(world: World, dice: Dice): Promise<Heal> {
  for (let times = dice.between(1, 8); times > 0; times -= 1) {
    for (const network of dice.some(networksOf(world), 0.6)) network.reset();
    world.timeline.note('resetting connections');
    await delay(dice.between(5, 250));
  }
  return async () => {};
}

async function slowDown(world: World, dice: Dice): Promise<Heal> {
  const networks = dice.some(networksOf(world), 0.8);
  for (const network of networks) network.slowDown(dice.between(20, 700));
  world.timeline.note('slowing networks down');
  return async () => {
    for (const network of networks) network.slowDown(0);
  };
}

async function cutReplies(world: World, dice: Dice): Promise<Heal> {
  const networks = networksOf(world);
  for (let times = dice.between(5, 30); times > 0; times -= 1) {
    dice.pick(networks).cutNextReply(dice.between(0, 40));
    await delay(dice.between(1, 60));
  }
  world.timeline.note('cut replies');
  for (const network of networks) network.forget();
  return async () => {};
}

export const NETWORK_FAULTS = {
  'black-hole': {
    ...{ ...BETWEEN, effect: 'packets lost or held', holdMs: [500, 7_000] },
    inject: async (world, dice) => {
      world.timeline.note('losing every packet of all');
      return blackHole(networksOf(world), dice);
    },
  },
  'black-hole-of-one': {
    ...{ ...BETWEEN, effect: 'packets lost or held', holdMs: [500, 9_000] },
    inject: async (world, dice) => {
      const name = dice.pick([...world.networks.keys()]);
      world.timeline.note(`losing every packet of ${name}`);
      return blackHole([world.networks.get(name) as FaultProxy], dice);
    },
  },
  'reset-connections': {
    ...BETWEEN,
    effect: 'connections reset',
    holdMs: [0, 0],
    inject: resetAgainAndAgain,
  },
  'slow-network': { ...BETWEEN, effect: 'packets delayed', holdMs: [500, 3_000], inject: slowDown },
  'cut-replies': { ...BETWEEN, effect: 'replies cut', holdMs: [0, 0], inject: cutReplies },
} satisfies Record<string, Fault>;
