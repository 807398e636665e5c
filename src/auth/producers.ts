import { normalizePrincipal, type Principal } from '@tasktrail/contract';
import { z } from 'zod';
import { readJson } from '../runtime/json-document.ts';
import type { ParsedFile } from '../runtime/settings-file.ts';
import { findByApiKey, hashApiKey, newApiKey } from './api-key.ts';
import type { Producer } from './auth.ts';
import { type ProjectPattern, parseProjectPattern } from './project-pattern.ts';

/** Who may emit over HTTP, as the producers file says. (PROTOCOL.md, "Who may emit") */
export class Producers {
  readonly #withKey: readonly (Producer & { readonly keyHash: Buffer })[];
  readonly #byIdentity: ReadonlyMap<Principal, Producer>;

  constructor(entries: readonly ProducerEntry[]) {
    const producers = entries.map((entry) => ({ entry, producer: producerOf(entry) }));
    this.#withKey = producers.flatMap(({ entry: { keyHashes }, producer }) =>
      keyHashes.map((keyHash) => ({ ...producer, keyHash })),
    );
    this.#byIdentity = new Map(
      producers.flatMap(({ entry: { identity }, producer }) =>
        identity === undefined ? [] : [[identity, producer]],
      ),
    );
  }

  /** By what was presented as an API key; undefined when it is none of the file. */
  findByKey(presented: string): Producer | undefined {
    return findByApiKey(presented, this.#withKey);
  }

  findByIdentity(identity: Principal): Producer | undefined {
    return this.#byIdentity.get(identity);
  }
}

export const NO_PRODUCERS = new Producers([]);

function producerOf({ name, projects }: ProducerEntry): Producer {
  return {
    name,
    mayWrite: (project) => projects.some((pattern) => pattern.matches(project)),
    mayWriteAll: projects.some((pattern) => pattern.matchesAll),
  };
}

/** An entry says by these that a forge told it, in the field that otherwise names its producer. */
export const RESERVED_NAMES: readonly string[] = ['github', 'gitea'];

/** It is in entries, in log lines, and in keys of what is counted. */
export const ProducerNameSchema = z
  .string()
  .regex(/^[^\s\p{Cc}\p{Cf}\p{Cs}]{1,100}$/u, 'must be 1 to 100 printable characters, no spaces')
  .refine((name) => !RESERVED_NAMES.includes(name), 'must not be the name of a forge');

const PatternSchema = z.string().transform((text, context): ProjectPattern => {
  const parsed = parseProjectPattern(text);
  if (parsed.kind === 'valid') return parsed.pattern;
  context.addIssue(parsed.problem);
  return z.NEVER;
});

const NO_HASH = 'must be 64 hexadecimal digits, or a list of such while keys are replaced';
const HashSchema = z.string().regex(/^[0-9a-f]{64}$/i, NO_HASH);

/** Strict: a property that is misspelled must not leave an entry with more rights than it says. */
const EntrySchema = z
  .strictObject({
    name: ProducerNameSchema,
    keySha256: z.union([HashSchema, z.array(HashSchema).min(1, NO_HASH)], NO_HASH).optional(),
    email: z
      .string()
      .regex(/^[^@\s\p{Cc}]+@[^@\s\p{Cc}]+$/u, 'must be an e-mail address')
      .optional(),
    projects: z.array(PatternSchema).min(1, 'must have a pattern, such as houlak/*'),
  })
  .refine(hasOneCredential, {
    error: 'must have one of keySha256 and email, and not both',
    // Beside other faults, too: all of them are told at once.
    when: ({ value }) => typeof value === 'object' && value !== null && !Array.isArray(value),
  })
  .transform(({ name, keySha256, email, projects }) => ({
    name,
    keyHashes: listOf(keySha256).map((hash) => Buffer.from(hash, 'hex')),
    identity: email === undefined ? undefined : normalizePrincipal(`google:${email}`),
    projects,
  }));

function listOf<T>(oneOrMore: T | readonly T[] | undefined): readonly T[] {
  if (oneOrMore === undefined) return [];
  return Array.isArray(oneOrMore) ? oneOrMore : [oneOrMore as T];
}

type ProducerEntry = z.output<typeof EntrySchema>;

function hasOneCredential(entry: object): boolean {
  return 'keySha256' in entry !== 'email' in entry;
}

const DocumentSchema = z.strictObject({ producers: z.array(EntrySchema) });

/** What must be unique, as far as it can be read, so that faults elsewhere hide no repetition. */
const looseText = z
  .string()
  .transform((text) => text.toLowerCase())
  .optional()
  .catch(undefined);
const LooseEntrySchema = z.object({
  name: z.string().optional().catch(undefined),
  keySha256: z.union([z.array(looseText), looseText]).catch(undefined),
  email: looseText,
});
const LooseDocumentSchema = z.object({
  producers: z.array(LooseEntrySchema.optional().catch(undefined)),
});

/**
 * Reads `{"producers":[{"name":"nightly","keySha256":"<64 hex>","projects":["houlak/*"]}]}`, where
 * `"email"` stands in the place of `"keySha256"` for a service account. A list of hashes is several
 * keys of one producer, while a new one takes the place of an old one. Faults quote no values: one may
 * be a key that was put there by mistake.
 */
export function parseProducers(contents: Uint8Array | string): ParsedFile<Producers> {
  const document = readJson(contents);
  if (document.kind === 'invalid') {
    return { kind: 'invalid', problems: [`document: ${document.fault}`] };
  }
  const parsed = DocumentSchema.safeParse(document.value);
  const problems = [
    ...(parsed.error?.issues.map(describe) ?? []),
    ...repetitions(LooseDocumentSchema.safeParse(document.value).data?.producers ?? []),
  ];
  return parsed.success && problems.length === 0
    ? { kind: 'valid', value: new Producers(parsed.data.producers) }
    : { kind: 'invalid', problems };
}

function describe({ path, message }: z.core.$ZodIssue): string {
  const place = z.core.toDotPath(path);
  return `${place === '' ? 'document' : place}: ${message}`;
}

function repetitions(entries: readonly (z.output<typeof LooseEntrySchema> | undefined)[]) {
  return (['name', 'keySha256', 'email'] as const).flatMap((property) => {
    const firstIndexes = new Map<string, number>();
    return entries.flatMap((entry, index) => {
      return listOf(entry?.[property]).flatMap((value) => {
        const first = value === undefined ? undefined : firstIndexes.get(value);
        if (first !== undefined) {
          return [`producers[${index}].${property}: repeats that of producers[${first}]`];
        }
        if (value !== undefined) firstIndexes.set(value, index);
        return [];
      });
    });
  });
}

/**
 * A key, and the line of the producers file that makes it good.
 *
 * @param projects valid patterns
 * @param randomBytes of a cryptographic source
 */
export function newProducer(
  name: string,
  projects: readonly string[],
  randomBytes: (size: number) => Buffer,
) {
  const key = newApiKey(randomBytes);
  return { key, entry: { name, keySha256: hashApiKey(key).toString('hex'), projects } };
}
