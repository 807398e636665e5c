import { readFile } from 'node:fs/promises';
import { type Principal, PrincipalSchema } from '@tasktrail/contract';
import { z } from 'zod';

/** Who is who: tasks are created by Slack and GitHub users, and watched by Google ones. */
export class Identities {
  readonly #aliases: ReadonlyMap<Principal, readonly Principal[]>;

  constructor(aliases: ReadonlyMap<Principal, readonly Principal[]>) {
    this.#aliases = aliases;
  }

  /** The identity itself and its aliases. */
  principalsOf(identity: Principal): ReadonlySet<Principal> {
    return new Set([identity, ...(this.#aliases.get(identity) ?? [])]);
  }
}

/** The identities file cannot be used. Every fault at once, each with the key that it is at. */
export class IdentitiesError extends Error {
  override readonly name = 'IdentitiesError';
  readonly path: string;
  readonly problems: readonly string[];

  constructor(path: string, problems: readonly string[], options?: ErrorOptions) {
    super(`correct the identities file ${path}:\n  ${problems.join('\n  ')}`, options);
    this.path = path;
    this.problems = problems;
  }
}

/**
 * Reads the file once; a change takes effect at the next start. Without a path nobody has aliases.
 *
 * @throws IdentitiesError
 */
export async function readIdentities(path: string | undefined): Promise<Identities> {
  if (path === undefined) return new Identities(new Map());
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new IdentitiesError(path, ['it cannot be read'], { cause });
  });
  const parsed = parseIdentities(text);
  if (parsed.kind === 'invalid') throw new IdentitiesError(path, parsed.problems);
  return new Identities(parsed.aliases);
}

export type ParsedIdentities =
  | { readonly kind: 'valid'; readonly aliases: ReadonlyMap<Principal, readonly Principal[]> }
  | { readonly kind: 'invalid'; readonly problems: readonly string[] };

const EntriesSchema = z.record(z.string(), z.array(PrincipalSchema));

/** Reads `{"google:ana@example.com": ["slack:U1", "github:ana"]}`. */
export function parseIdentities(text: string): ParsedIdentities {
  const entries = EntriesSchema.safeParse(parseJson(text));
  const problems = entries.error?.issues.map(describe) ?? [];
  const aliases = new Map<Principal, readonly Principal[]>();
  for (const [key, principals] of Object.entries(entries.data ?? {})) {
    const identity = PrincipalSchema.safeParse(key).data;
    if (!identity || !/^google(-sub)?:/.test(identity)) {
      problems.push(
        `"${key}" must be google:<e-mail> or google-sub:<account id>: nobody else signs in`,
      );
    } else if (aliases.has(identity)) {
      problems.push(`"${key}" is there twice: capitals make no other person`);
    } else {
      aliases.set(identity, principals);
    }
  }
  return problems.length === 0 ? { kind: 'valid', aliases } : { kind: 'invalid', problems };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function describe({ path: [key, index], message }: z.core.$ZodIssue): string {
  if (key === undefined) return 'it must be a JSON object from a principal to its aliases';
  const place = index === undefined ? '' : `[${String(index)}]`;
  return `"${String(key)}"${place}: ${message}`;
}
