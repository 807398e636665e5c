import { parseArgs } from 'node:util';

/** What the rig can be told, with what it is told by default. */
const DEFAULTS = {
  /** Viewers that read as they should. */
  healthy: 200,
  /** Viewers that never read, that read a byte a second, and that connect and vanish. */
  never: 1000,
  trickle: 1000,
  vanish: 5000,
  /** Changes a second, and what each carries besides, in bytes. */
  rate: 20,
  bytes: 1500,
  /** Of each part of a round. */
  seconds: 20,
  rounds: 3,
  /** TASK_DASHBOARD_REPLAY_LIMIT of the server. */
  replay: 1000,
} as const;

export type RigOptions = Readonly<Record<keyof typeof DEFAULTS, number>>;

/** Undefined where an argument is none: then the usage has been printed. */
export function readOptions(args: readonly string[]): RigOptions | undefined {
  const names = Object.keys(DEFAULTS) as (keyof RigOptions)[];
  try {
    const { values } = parseArgs({
      args: [...args],
      options: Object.fromEntries(names.map((name) => [name, { type: 'string' as const }])),
    });
    const entries = names.map((name) => [name, Number(values[name] ?? DEFAULTS[name])] as const);
    const wrong = entries.find(([, value]) => !Number.isSafeInteger(value) || value < 0);
    if (wrong !== undefined) throw new Error(`--${wrong[0]} must be a whole number`);
    return Object.fromEntries(entries) as RigOptions;
  } catch (error) {
    const usage = Object.entries(DEFAULTS).map(([name, value]) => `[--${name} ${value}]`);
    console.error(`${(error as Error).message}\nusage: npm run rig:viewers -- ${usage.join(' ')}`);
    return undefined;
  }
}
