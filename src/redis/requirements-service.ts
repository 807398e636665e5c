import type { Redis } from 'ioredis';
import type { Logger } from 'pino';
import { FatalError, retryUntilAborted, sleep } from '../runtime/retry.ts';
import type { Health, HealthCheck, Service } from '../runtime/service.ts';
import type { Need } from './permissions.ts';
import { type Finding, judgeRequirements, type Severity } from './requirements.ts';
import { readFacts } from './requirements-reader.ts';
import { isRedisAway } from './trouble.ts';

export interface RequirementsOptions {
  readonly redis: Redis;
  /** What this process must be permitted. */
  readonly needs: readonly Need[];
  readonly logger: Logger;
}

/** Settings change while Redis runs, too. */
const LOOK_AGAIN_MS = 10 * 60_000;

/**
 * Looks whether Redis is as it must be: when it is first there, after every reconnect, because that
 * may have reached another one, and now and then.
 *
 * A Redis that does not do ends the process at the first look, before it is relied on. Later it is
 * only told: a service that works must not be ended by a failover to a server set up otherwise.
 */
export class RequirementsService implements Service, HealthCheck {
  readonly name = 'requirements';
  readonly #options: RequirementsOptions;
  /** What was found last; undefined before the first look. */
  #findings: readonly Finding[] | undefined;

  constructor(options: RequirementsOptions) {
    this.#options = options;
  }

  /**
   * The first look, where Redis is there; else `run` takes it.
   *
   * @throws FatalError naming everything that is wrong
   */
  async lookAtStart(): Promise<void> {
    if (this.#options.redis.status !== 'ready') return;
    await this.#look().catch((error: unknown) => {
      if (!isRedisAway(error)) throw error;
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    await retryUntilAborted((inner) => this.#lookNowAndThen(inner), signal, {
      minMs: 200,
      maxMs: 5000,
      onFailure: (err) => {
        // Others tell that Redis is away.
        if (!isRedisAway(err)) this.#options.logger.error({ err }, 'Redis cannot be looked at');
      },
    });
  }

  /** Always ready: what cannot work says so itself. The details are for whoever asks why. */
  health(): Health {
    const findings = this.#findings?.map(
      ({ severity, requirement }) => `${severity}: ${requirement}`,
    );
    return { ready: true, details: { findings: findings ?? null } };
  }

  async #lookNowAndThen(signal: AbortSignal): Promise<void> {
    const { redis } = this.#options;
    let isDue = this.#findings === undefined;
    while (!signal.aborted) {
      const turn = new AbortController();
      try {
        // Before the look, so that no reconnect during it is missed.
        const due = whenDue(redis, AbortSignal.any([signal, turn.signal]));
        if (isDue && redis.status === 'ready') await this.#look();
        await due;
      } finally {
        turn.abort();
      }
      isDue = true;
    }
  }

  async #look(): Promise<void> {
    const { redis, needs } = this.#options;
    const findings = judgeRequirements(await readFacts(redis, needs));
    const known = this.#findings;
    this.#findings = findings;
    const fatal = findings.filter(({ severity }) => severity === 'fatal');
    if (known === undefined && fatal.length > 0) throw requirementsError(fatal, findings);
    const isNew = (finding: Finding) => !known?.some(({ problem }) => problem === finding.problem);
    for (const finding of findings.filter(isNew)) this.#tell(finding);
  }

  #tell({ severity, requirement, problem, remedy }: Finding): void {
    this.#options.logger[LOG_LEVELS[severity]]({ requirement, remedy }, `${problem}; ${remedy}`);
  }
}

/** A fatal finding is only told when the process went on nevertheless. */
const LOG_LEVELS = { fatal: 'error', warning: 'warn', note: 'info' } as const satisfies Record<
  Severity,
  string
>;

/** Resolves after a reconnect, or when it is time. */
async function whenDue(redis: Redis, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  redis.once('ready', resolve);
  await Promise.race([promise, sleep(LOOK_AGAIN_MS, signal)]);
  redis.off('ready', resolve);
}

function requirementsError(fatal: readonly Finding[], findings: readonly Finding[]): FatalError {
  const rest = findings.filter(({ severity }) => severity === 'warning');
  const lines = [...fatal, ...rest].map(
    ({ requirement, problem, remedy }) => `  ${requirement}: ${problem}\n    → ${remedy}`,
  );
  return new FatalError(`Redis cannot be used as it is:\n${lines.join('\n')}`);
}
