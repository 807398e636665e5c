import { randomBytes } from 'node:crypto';
import type { StartedTestContainer } from 'testcontainers';
import {
  type PrivateRedis,
  PrivateRedisError,
  type PrivateRedisOptions,
  type PrivateRedisState,
} from './private-redis-contract.ts';
import { whenAnswering } from './redis-answers.ts';
import { asArguments, isPortTaken, portToTry, privateSettings } from './redis-settings.ts';

const IMAGE = 'redis:8-alpine';
const CONTAINER_PORT = 6379;
/** The image may have to be fetched. */
const START_TIMEOUT_MS = 120_000;
const PORT_ATTEMPTS = 20;
/** Of the server's output, enough to hold the reason why it gave up. */
const KEPT_OUTPUT = 4_000;

const NO_SERVER =
  'no Redis server can be started here: install one (Debian and Ubuntu: `apt-get install ' +
  'redis-server`, macOS: `brew install redis`), or start Docker';

type Testcontainers = typeof import('testcontainers');
type Container = ReturnType<
  Awaited<ReturnType<Testcontainers['getContainerRuntimeClient']>>['container']['getById']
>;

/**
 * Starts the image in the Docker engine that testcontainers finds; its reaper removes the container
 * should this process die. Docker publishes the port on every interface of the machine, hence the
 * password.
 */
export async function startRedisContainer(options: PrivateRedisOptions): Promise<PrivateRedis> {
  if (options.unixSocket) {
    throw new PrivateRedisError('a Redis in a container cannot listen on a Unix socket: use TCP');
  }
  const { engine, testcontainers } = await connectToEngine();
  const password = options.settings?.requirepass ?? randomBytes(16).toString('hex');
  const timeoutMs = options.startTimeoutMs ?? START_TIMEOUT_MS;
  // The images' entry point puts the server's own name before arguments that begin with a dash.
  const command = asArguments({ requirepass: password, ...privateSettings(options) });
  for (let attempt = 1; ; attempt += 1) {
    const port = portToTry(Math.random());
    let output = '';
    try {
      const started = await new testcontainers.GenericContainer(options.image ?? IMAGE)
        .withCommand(command)
        .withExposedPorts({ container: CONTAINER_PORT, host: port })
        .withWaitStrategy(testcontainers.Wait.forLogMessage(/Ready to accept connections/))
        .withStartupTimeout(timeoutMs)
        .withLogConsumer((lines) => {
          lines.on('data', (line) => {
            output = (output + line).slice(-KEPT_OUTPUT);
          });
        })
        .start();
      const url = `redis://:${encodeURIComponent(password)}@${started.getHost()}:${port}`;
      return new RedisContainer(url, started, engine.container.getById(started.getId()), timeoutMs);
    } catch (error) {
      if (attempt < PORT_ATTEMPTS && isPortTaken(String(error))) continue;
      throw new PrivateRedisError(`the container did not start: ${error}\n${output.trim()}`, {
        cause: error,
      });
    }
  }
}

/** A development dependency: an installed package has neither it nor a need for it. */
async function connectToEngine() {
  try {
    const testcontainers = await import('testcontainers');
    return { testcontainers, engine: await testcontainers.getContainerRuntimeClient() };
  } catch (error) {
    throw new PrivateRedisError(NO_SERVER, { cause: error });
  }
}

class RedisContainer implements PrivateRedis {
  readonly kind = 'container';
  readonly url: string;
  state: PrivateRedisState = 'running';
  #stopped: Promise<void> | undefined;
  readonly #started: StartedTestContainer;
  readonly #container: Container;
  readonly #startTimeoutMs: number;

  constructor(
    url: string,
    started: StartedTestContainer,
    container: Container,
    startTimeoutMs: number,
  ) {
    this.url = url;
    this.#started = started;
    this.#container = container;
    this.#startTimeoutMs = startTimeoutMs;
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    // Docker refuses to signal a frozen container.
    if (this.state === 'paused') await this.resume();
    if (this.state !== 'running') return;
    const gone = this.#container.wait({ condition: 'not-running' });
    await this.#container.kill({ signal });
    await gone;
    this.state = 'down';
  }

  async pause(): Promise<void> {
    if (this.state !== 'running') throw this.#refusal('pause');
    await this.#container.pause();
    this.state = 'paused';
  }

  async resume(): Promise<void> {
    if (this.state !== 'paused') throw this.#refusal('resume');
    await this.#container.unpause();
    this.state = 'running';
  }

  async restart(): Promise<void> {
    if (this.#stopped !== undefined) throw this.#refusal('restart');
    await this.kill();
    await this.#container.start();
    await whenAnswering(this.url, AbortSignal.timeout(this.#startTimeoutMs));
    this.state = 'running';
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #stop(): Promise<void> {
    if (this.state === 'paused') await this.resume();
    await this.#started.stop({ remove: true, removeVolumes: true });
    this.state = 'stopped';
  }

  #refusal(action: string): PrivateRedisError {
    return new PrivateRedisError(`cannot ${action} a private Redis that is ${this.state}`);
  }
}
