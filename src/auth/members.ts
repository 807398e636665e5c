import { normalizePrincipal, type Principal, PrincipalSchema } from '@tasktrail/contract';
import { z } from 'zod';
import { readJson } from '../runtime/json-document.ts';
import type { ParsedFile } from '../runtime/settings-file.ts';
import { readSettingsFile } from '../runtime/watched-file.ts';
import type { Account } from './auth.ts';

/** Domains and addresses compare without case. */
export interface MemberLists {
  /** Google Workspace domains: their members, and nobody of a subdomain. */
  readonly allowedDomains: readonly string[];
  readonly allowedEmails: readonly string[];
  /** Principals that see every task. It lets nobody in who may not sign in. */
  readonly admins: readonly string[];
}

/** Who may sign in, and who of them sees every task. */
export class Members {
  readonly lists: MemberLists;
  readonly #domains: ReadonlySet<string>;
  readonly #identities: ReadonlySet<Principal>;
  readonly #admins: ReadonlySet<Principal>;

  constructor(lists: MemberLists) {
    this.lists = lists;
    this.#domains = new Set(lists.allowedDomains.map((domain) => domain.toLowerCase()));
    this.#identities = new Set(
      lists.allowedEmails.map((email) => normalizePrincipal(`google:${email}`)),
    );
    this.#admins = new Set(lists.admins.map(normalizePrincipal));
  }

  admits({ identity, domain }: Account): boolean {
    return this.#identities.has(identity) || (domain !== undefined && this.#domains.has(domain));
  }

  /** Whether one of these, which are one person's, is an administrator's. */
  hasAdmin(principals: ReadonlySet<Principal>): boolean {
    return [...principals].some((principal) => this.#admins.has(principal));
  }
}

export const NO_MEMBERS = new Members({ allowedDomains: [], allowedEmails: [], admins: [] });

/**
 * Reads the file once. Without a path it has no members.
 *
 * @throws SettingsFileError
 */
export async function readMembers(path: string | undefined): Promise<Members> {
  if (path === undefined) return NO_MEMBERS;
  return await readSettingsFile({ name: 'members', path, parse: parseMembers });
}

/** Strict, and entries that would never match are faults: each would lock somebody out without a word. */
const DocumentSchema = z.strictObject({
  domains: z
    .array(z.string().regex(/^[^@\s]+$/, 'must be a domain, such as example.com'))
    .default([]),
  emails: z.array(z.string().regex(/^[^@\s]+@[^@\s]+$/, 'must be an e-mail address')).default([]),
  admins: z.array(PrincipalSchema).default([]),
});

/** Reads `{"domains":["example.com"],"emails":["guest@example.org"],"admins":["google:ana@example.com"]}`. */
export function parseMembers(contents: Uint8Array | string): ParsedFile<Members> {
  const document = readJson(contents);
  if (document.kind === 'invalid') return { kind: 'invalid', problems: [`it ${document.fault}`] };
  const parsed = DocumentSchema.safeParse(document.value);
  if (!parsed.success) return { kind: 'invalid', problems: parsed.error.issues.map(describe) };
  const { domains, emails, admins } = parsed.data;
  return {
    kind: 'valid',
    value: new Members({ allowedDomains: domains, allowedEmails: emails, admins }),
  };
}

function describe({ path, message }: z.core.$ZodIssue): string {
  const place = z.core.toDotPath(path);
  return `${place === '' ? 'document' : place}: ${message}`;
}
