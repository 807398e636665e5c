import { setTimeout as delay } from 'node:timers/promises';
import type { World } from '../world/world.ts';
import { bearer } from './dashboard.ts';

const PAUSE_MS = 120;
const ANSWER_MS = 8_000;

/** Somebody who has no valid token, and must not get in whatever happens to Redis. */
export async function runIntruder(
  world: World,
  faults: string[],
  signal: AbortSignal,
): Promise<void> {
  const dice = world.plan.dice.of('intruder');
  const [, payload = '', signature = ''] = world.signIn('root@example.com').split('.');
  const bad = [
    world.signIn('root@example.com', -10),
    `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`,
    `${Buffer.from('{"alg":"RS256","kid":"other"}').toString('base64url')}.${payload}.${signature}`,
    world.apiKey,
    '',
  ];
  while (!signal.aborted) {
    const server = dice.pick(world.servers);
    const path = dice.pick(['/dashboard/tasks', '/dashboard/tasks/stream', '/dashboard/tasks/x']);
    const headers = bearer(dice.pick(bad));
    const response = await fetch(server.url + path, {
      headers,
      signal: AbortSignal.timeout(ANSWER_MS),
    }).catch(() => undefined);
    const text = (await response?.text().catch(() => '')) ?? '';
    const isIn = /executionId|keepalive/.test(text);
    if (isIn || (response !== undefined && ![401, 403, 503].includes(response.status))) {
      // A server that cannot judge tokens yet says so within a stream, and tells nothing else.
      const isPutOff = path.endsWith('stream') && text.includes('event: reconnect') && !isIn;
      if (!isPutOff) faults.push(`an intruder got ${response?.status} of ${path}: ${text}`);
    }
    await delay(PAUSE_MS, undefined, { signal }).catch(() => {});
  }
}
