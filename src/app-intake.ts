import { randomUUID } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { IntakeConfig, ServeConfig } from '../config/config.ts';
import type { ProducerAuthenticator } from './auth/auth.ts';
import type { IntakeDependencies } from './http/intake/intake-http.ts';
import { Appender } from './intake/appender.ts';
import { EventIntake } from './intake/events/event-intake.ts';
import type { IntakeObserver } from './intake/intake.ts';
import { RedisRateLimits } from './intake/rate-limits.ts';
import { WebhookIntake } from './intake/webhooks/webhook-intake.ts';
import { KEYS } from './redis/keys.ts';
import type { Metrics } from './runtime/metrics.ts';

interface IntakeParts {
  readonly redis: Redis;
  readonly producers: ProducerAuthenticator;
  readonly observer: IntakeObserver;
  readonly metrics: Metrics['intake'];
}

/** A part of the composition root: what takes events and webhooks over HTTP. */
export function assembleIntake(config: IntakeConfig, parts: IntakeParts): IntakeDependencies {
  const { redis, producers, observer, metrics } = parts;
  const appender = new Appender({ redis, keys: KEYS });
  const common = { redis, keys: KEYS, appender, observer, nowMs: Date.now };
  const events = new EventIntake({ ...common, randomId: randomUUID });
  const webhooks = new WebhookIntake({
    ...common,
    secrets: { github: config.githubSecrets, gitea: config.giteaSecrets },
  });
  return {
    intake: {
      acceptEvents: (request) => events.accept(request),
      acceptWebhook: (request) => webhooks.accept(request),
    },
    producers,
    limits: new RedisRateLimits({ redis, keys: KEYS, observer, ...config }),
    metrics,
  };
}

/** What of intake refuses everybody until it is configured. */
export function closedDoors({ auth, intake }: ServeConfig): string[] {
  if (intake === undefined) return [];
  const doors: [isClosed: boolean, path: string, setting: string][] = [
    [auth.producersPath === undefined, '/events', 'TASK_INTAKE_PRODUCERS'],
    [intake.githubSecrets.length === 0, '/webhooks/github', 'TASK_INTAKE_GITHUB_SECRETS'],
    [intake.giteaSecrets.length === 0, '/webhooks/gitea', 'TASK_INTAKE_GITEA_SECRETS'],
  ];
  return doors
    .filter(([isClosed]) => isClosed)
    .map(([, path, setting]) => `${path} refuses everybody: ${setting} is not set`);
}
