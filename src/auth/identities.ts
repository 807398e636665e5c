import { type Principal, PrincipalSchema } from '@tasktrail/contract';
import { z } from 'zod';
import { readJson } from '../runtime/json-document.ts';
import type { ParsedFile } from '../runtime/settings-file.ts';
import { readSettingsFile } from '../runtime/watched-file.ts';

/** Who is who: tasks are created by Slack and GitHub users, and watched by Google ones. */
export class Identities {
  readonly #aliases: ReadonlyMap<Principal, readonly Principal[]>;
  readonly #holders = new Map<Principal, Principal[]>();

  constructor(aliases: ReadonlyMap<Principal, readonly Principal[]>) {
    this.#aliases = aliases;
    for (const [identity, principals] of aliases) {
      for (const principal of principals) {
        const holders = this.#holders.get(principal);
        if (holders === undefined) this.#holders.set(principal, [identity]);
        else holders.push(identity);
      }
    }
  }

  /** The identity itself and its aliases. */
  principalsOf(identity: Principal): ReadonlySet<Principal> {
    return new Set([identity, ...(this.#aliases.get(identity) ?? [])]);
  }

  /**
   * The identities that have this among their principals, were somebody to sign in as them; with
   * none, no viewer can ever have it.
   */
  holdersOf(principal: Principal): ReadonlySet<Principal> {
    const itself = isIdentity(principal) ? [principal] : [];
    return new Set([...itself, ...(this.#holders.get(principal) ?? [])]);
  }
}

export const NO_IDENTITIES = new Identities(new Map());

/**
 * Reads the file once. Without a path nobody has aliases.
 *
 * @throws SettingsFileError
 */
export async function readIdentities(path: string | undefined): Promise<Identities> {
  if (path === undefined) return NO_IDENTITIES;
  return await readSettingsFile({ name: 'identities', path, parse: parseIdentities });
}

const EntriesSchema = z.record(z.string(), z.array(PrincipalSchema));

/** Reads `{"google:ana@example.com": ["slack:U1", "github:ana"]}`. */
export function parseIdentities(contents: Uint8Array | string): ParsedFile<Identities> {
  const document = readJson(contents);
  if (document.kind === 'invalid') return { kind: 'invalid', problems: [`it ${document.fault}`] };
  const entries = EntriesSchema.safeParse(document.value);
  const problems = entries.error?.issues.map(describe) ?? [];
  const aliases = new Map<Principal, readonly Principal[]>();
  for (const [key, principals] of Object.entries(entries.data ?? {})) {
    const identity = PrincipalSchema.safeParse(key).data;
    if (!identity || !isIdentity(identity)) {
      problems.push(
        `"${key}" must be google:<e-mail> or google-sub:<account id>: nobody else signs in`,
      );
    } else if (aliases.has(identity)) {
      problems.push(`"${key}" is there twice: capitals make no other person`);
    } else {
      aliases.set(identity, principals);
    }
  }
  return problems.length === 0
    ? { kind: 'valid', value: new Identities(aliases) }
    : { kind: 'invalid', problems };
}

/** Whether somebody may sign in as this principal. */
function isIdentity(principal: Principal): boolean {
  return /^google(-sub)?:/.test(principal);
}

function describe({ path: [key, index], message }: z.core.$ZodIssue): string {
  if (key === undefined) return 'it must be a JSON object from a principal to its aliases';
  const place = index === undefined ? '' : `[${String(index)}]`;
  return `"${String(key)}"${place}: ${message}`;
}
