import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { sign } from '@octokit/webhooks-methods';
import { replayLive } from '../../src/demo/live-replay.ts';
import { loadRecordedWebhooks, type RecordedWebhook } from '../../src/demo/recorded-webhooks.ts';
import { seededRandom } from '../e2e/workload.ts';
import type { World } from '../oracle/world/world.ts';
import { WEBHOOK_SECRET } from './soak-plan.ts';

/** What became of webhooks. */
export interface Deliveries {
  taken: number;
  /** Refused for now, or not answered: a forge does not send it again. */
  missed: number;
  /** Answers that no forge should get. */
  readonly faults: string[];
}

/** Runs of GitHub Actions that are under way at the same time, each of about 15 s. */
const RUNS_AT_ONCE = 24;
/** As long as GitHub waits. */
const ANSWER_MS = 10_000;
const TAKEN = [202, 204];
const NOT_NOW = [429, 503];

/** GitHub, which delivers recorded webhooks as of runs of now, each once, to any server. */
export async function runForge(
  world: World,
  deliveries: Deliveries,
  signal: AbortSignal,
): Promise<void> {
  const dice = world.plan.dice.of('forge');
  const random = seededRandom(dice.between(0, 1_000_000));
  const sending = new Set<Promise<void>>();
  const recorded = await loadRecordedWebhooks();
  for (const step of replayLive(recorded, { nowMs: Date.now, random, concurrency: RUNS_AT_ONCE })) {
    await delay(step.afterMs, undefined, { signal }).catch(() => {});
    if (signal.aborted) break;
    const sent = deliver(dice.pick(world.servers).url, step, deliveries).finally(() =>
      sending.delete(sent),
    );
    sending.add(sent);
  }
  await Promise.all(sending);
}

async function deliver(
  url: string,
  { name, payload }: RecordedWebhook,
  deliveries: Deliveries,
): Promise<void> {
  const body = JSON.stringify(payload);
  const headers = {
    'Content-Type': 'application/json',
    'X-GitHub-Event': name,
    'X-GitHub-Delivery': randomUUID(),
    'X-Hub-Signature-256': await sign(WEBHOOK_SECRET, body),
  };
  const request = { method: 'POST', headers, body, signal: AbortSignal.timeout(ANSWER_MS) };
  const answer = await fetch(`${url}/webhooks/github`, request).catch(() => undefined);
  const text = await answer?.text().catch(() => '');
  if (answer !== undefined && TAKEN.includes(answer.status)) {
    deliveries.taken += 1;
    return;
  }
  deliveries.missed += 1;
  if (answer !== undefined && !NOT_NOW.includes(answer.status)) {
    deliveries.faults.push(`a ${name} webhook was answered ${answer.status}: ${text}`);
  }
}
