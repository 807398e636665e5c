import type { StreamId } from '@tasktrail/contract';
import { Command, CommanderError } from 'commander';
import type { Redis } from 'ioredis';
import { addQuarantineCommands } from '../../../src/cli/quarantine/quarantine.ts';
import { KEYS } from '../../../src/redis/keys.ts';
import { idOf } from '../../fixtures/events.ts';
import { whenProjected } from '../../fixtures/facts.ts';
import { asUser } from '../../fixtures/redis-users.ts';
import { runProjector } from '../../projector/running-projector.ts';

export type Text = string | Buffer;

export interface Outcome {
  readonly code: number;
  readonly out: readonly string[];
  readonly err: readonly string[];
}

/** Runs `tasktrail quarantine` in this process, as the program does. */
export async function quarantine(
  url: string,
  argv: readonly string[],
  onLine: (line: string) => void = () => undefined,
): Promise<Outcome> {
  const out: string[] = [];
  const err: string[] = [];
  let code = 0;
  const write = (line: string) => {
    out.push(line);
    onLine(line);
  };
  const writeError = (line: string) => err.push(line);
  const command = new Command('quarantine')
    .exitOverride()
    .configureOutput({ writeErr: writeError, writeOut: write });
  addQuarantineCommands(command, async (work) => {
    code = await work({ redis: { url: asUser(url, 'operator') }, keys: KEYS, write, writeError });
  });
  try {
    await command.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    code = error.exitCode === 0 ? 0 : 2;
  }
  return { code, out, err };
}

export function json(lines: readonly string[]) {
  return lines.map((line) => JSON.parse(line));
}

export async function append(redis: Redis, ...pairs: readonly Text[]): Promise<StreamId> {
  return idOf(String(await redis.call('XADD', [KEYS.events, '*', ...pairs])));
}

/** Lets a projector apply all that is there now, and stops it. */
export async function project(redis: Redis, url: string): Promise<void> {
  const projector = await runProjector(url);
  const [last] = await redis.xrevrange(KEYS.events, '+', '-', 'COUNT', 1);
  if (last !== undefined) await whenProjected(redis, idOf(last[0]));
  await projector.stop();
}

/** What was appended and could not be applied, under its ids in the quarantine. */
export async function idsInQuarantine(redis: Redis): Promise<StreamId[]> {
  const entries = await redis.xrangeBuffer(KEYS.quarantine, '-', '+');
  return entries.map(([id]) => idOf(String(id)));
}

/** The events after an id, as bytes. */
export async function eventsAfter(redis: Redis, after: StreamId): Promise<[string, Buffer[]][]> {
  const entries = await redis.xrangeBuffer(KEYS.events, `(${after}`, '+');
  return entries.map(([id, pairs]) => [String(id), pairs]);
}

/** All that Redis holds, byte for byte. */
export async function everything(redis: Redis): Promise<Record<string, string | undefined>> {
  const keys = (await redis.keys('*')).sort();
  const dumps = await Promise.all(keys.map((key) => redis.dumpBuffer(key)));
  return Object.fromEntries(keys.map((key, i) => [key, dumps[i]?.toString('base64')]));
}
