import { TaskPageSchema } from '@tasktrail/contract';
import { TaskProducer } from '@tasktrail/producer';
import { expect } from 'vitest';
import { eventually } from '../fixtures/facts.ts';
import type { TestGoogle } from '../fixtures/google.ts';
import type { TestRedis } from '../fixtures/redis.ts';
import type { HostileAnswer, HostileRequest, Target } from './hostile.ts';

const TASKS = 30;
/** In what no viewer but the administrator may see. */
export const SECRET = 'the-quarterly-numbers';

export interface Known {
  readonly tokens: Readonly<Record<'ana' | 'root' | 'outsider', string>>;
  readonly pageCursor: string;
  readonly streamCursor: string;
  /** From here on there is something to replay. */
  readonly replayCursor: string;
}

/** Tasks of which one viewer sees some and another all, and what a walk through them gives. */
export async function fill(target: Target, redis: TestRedis, google: TestGoogle): Promise<Known> {
  const producer = new TaskProducer({ redis: redis.url });
  for (let n = 1; n <= TASKS; n += 1) {
    const actor = { provider: 'slack', id: `U${n % 3}` };
    const message = actor.id === 'U1' ? 'for Ana' : SECRET;
    await producer.append({
      ...{ executionId: `run-${n}`, project: 'acme/shop', status: 'queued', actor, message },
    });
  }
  await producer.close();
  const tokens = tokensOf(google);
  return await eventually(async () => {
    const headers = { Authorization: `Bearer ${tokens.root}` };
    const response = await fetch(`${target.url}/dashboard/tasks?limit=5`, { headers });
    const page = TaskPageSchema.parse(await response.json());
    expect(page.items.map(({ executionId }) => executionId)).toContain(`run-${TASKS}`);
    const { nextCursor: pageCursor, streamCursor } = page;
    const replayCursor = page.items.at(-1)?.lastEventId ?? '';
    return { tokens, pageCursor: pageCursor ?? '', streamCursor, replayCursor };
  });
}

/** Looks for what others may see in the answers to everybody but the administrator. */
export function leaksOf({ tokens }: Pick<Known, 'tokens'>) {
  let shown = 0;
  return {
    shownToRoot: () => shown,
    expectNone: ({ body }: HostileAnswer, { headers }: HostileRequest) => {
      const hasSecret = body.includes(SECRET);
      if (headers.authorization?.endsWith(tokens.root)) shown += hasSecret ? 1 : 0;
      else expect(hasSecret).toBe(false);
    },
  };
}

function tokensOf({ standIn }: TestGoogle) {
  return {
    ana: standIn.sign(),
    root: standIn.sign({ email: 'root@example.com' }),
    outsider: standIn.sign({ email: 'eve@example.org' }),
  };
}
