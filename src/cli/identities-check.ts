import { type Principal, principalOf } from '@tasktrail/contract';
import type { Command } from 'commander';
import type { Redis } from 'ioredis';
import { type Identities, readIdentities } from '../auth/identities.ts';
import { admitsAnyGoogleAccount } from '../auth/token-claims.ts';
import type { Keys } from '../redis/keys.ts';
import { printable } from './quarantine/text.ts';
import { type OperatorIo, withRedis } from './redis-session.ts';

/** `tasktrail identities check`: which creators of tasks no viewer can ever be. */
export interface IdentitiesCheckOptions {
  readonly json?: boolean;
}

/** Who can sign in, and as whom. */
export interface IdentitySettings extends AdmissionRules {
  /** Undefined: nobody has aliases. */
  readonly identitiesPath: string | undefined;
}

/** Of the variables and of the members file together. */
type AdmissionRules = Parameters<typeof admitsAnyGoogleAccount>[0];

const HELP = `
A viewer is google:<e-mail> or google-sub:<account id>, and the aliases that the identities file gives it.
With allowed domains or addresses only those sign in. A domain is looked for in the address here, and
in the token's hd claim at sign-in, which may be another: take what is said of domains for a hint.
Exit code 0: every creator can be a viewer; 1: some cannot, or a failure; 2: wrong usage or settings.`;

export function addIdentitiesCheckOptions(command: Command): Command {
  return command
    .description('Say which creators of tasks no viewer can ever be, and what mends it')
    .option('--json', 'NDJSON, one such creator a line')
    .addHelpText('after', HELP);
}

/** A creator, over all of its tasks. */
export interface Creator {
  readonly principal: Principal;
  readonly displayName: string | undefined;
  readonly tasks: number;
  /** Of the latest of them, by `occurredAt`. */
  readonly lastExecutionId: string;
  readonly lastAtMs: number;
}

/** Whether a viewer can be a creator. */
export type Match =
  | { readonly kind: 'matched' }
  /** Nobody has it as identity or alias. */
  | { readonly kind: 'no_alias' }
  /** These have it, and none of them can sign in. */
  | { readonly kind: 'kept_out'; readonly holders: readonly Principal[] };

/** What one pass over the read model found. */
interface Census {
  readonly creators: ReadonlyMap<Principal, Creator>;
  /** Tasks that name no creator. */
  readonly anonymous: number;
}

/**
 * Resolves with the exit code: 1 when there is a creator that no viewer can be.
 *
 * @throws SettingsFileError
 * @throws RedisAwayError
 */
export async function runIdentitiesCheck(
  options: IdentitiesCheckOptions,
  settings: IdentitySettings,
  io: OperatorIo,
): Promise<number> {
  const identities = await readIdentities(settings.identitiesPath);
  const census = await withRedis(io, 'identities', (redis) => readCreators(redis, io.keys));
  const unmatched = [...census.creators.values()]
    .map((creator) => ({ creator, match: matchOf(creator.principal, identities, settings) }))
    .filter(({ match }) => match.kind !== 'matched')
    .sort((a, b) => b.creator.tasks - a.creator.tasks);
  for (const { creator, match } of unmatched) {
    const lines = options.json ? [jsonOf(creator, match)] : linesOf(creator, match);
    for (const line of lines) io.write(line);
  }
  const say = options.json ? io.writeError : io.write;
  say(`${unmatched.length} of ${census.creators.size} creators can be no viewer`);
  if (census.anonymous > 0) say(`${census.anonymous} tasks name no creator, which is no fault`);
  return unmatched.length === 0 ? 0 : 1;
}

export function matchOf(
  principal: Principal,
  identities: Identities,
  rules: AdmissionRules,
): Match {
  const holders = [...identities.holdersOf(principal)].filter(isIdentityOfViewer);
  if (holders.length === 0) return { kind: 'no_alias' };
  const canSignIn = holders.some((holder) => isAdmitted(holder, rules));
  return canSignIn ? { kind: 'matched' } : { kind: 'kept_out', holders };
}

/** Bots may name people of Google by a number, too, as no token is read. */
function isIdentityOfViewer(principal: Principal): boolean {
  return /^google:[^@\s]+@[^@\s]+$/.test(principal) || principal.startsWith('google-sub:');
}

/** The token decides; this is what an identity lets expect of it. */
function isAdmitted(identity: Principal, rules: AdmissionRules): boolean {
  if (admitsAnyGoogleAccount(rules)) return true;
  const [, email] = /^google:(.*)$/s.exec(identity) ?? [];
  // An account without a verified address may still be a member of a domain.
  if (email === undefined) return rules.allowedDomains.length > 0;
  const domain = email.slice(email.lastIndexOf('@') + 1);
  return hasWithoutCase(rules.allowedEmails, email) || hasWithoutCase(rules.allowedDomains, domain);
}

function hasWithoutCase(list: readonly string[], text: string): boolean {
  return list.some((one) => one.toLowerCase() === text.toLowerCase());
}

/** Rows that are asked for at once. */
const PAGE = 100;

/**
 * Walks over all tasks and keeps what there is of each creator. Tasks that come or go meanwhile may
 * be counted or not.
 */
async function readCreators(redis: Redis, keys: Keys): Promise<Census> {
  const creators = new Map<Principal, Creator>();
  let anonymous = 0;
  let cursor = '0';
  do {
    const [next, scored] = await redis.zscan(keys.executions.all(), cursor, 'COUNT', PAGE);
    cursor = next;
    const executionIds = scored.filter((_, place) => place % 2 === 0);
    const actors = await Promise.all(
      executionIds.map((id) => redis.hget(keys.execution(id), 'actor')),
    );
    actors.forEach((json, place) => {
      const actor = parseActor(json);
      if (actor === undefined) {
        anonymous += 1;
        return;
      }
      const principal = principalOf(actor);
      const lastAtMs = Number(scored[2 * place + 1]);
      const task = { lastExecutionId: executionIds[place] ?? '', lastAtMs };
      const seen = creators.get(principal);
      const latest = seen === undefined || lastAtMs >= seen.lastAtMs ? task : seen;
      creators.set(principal, {
        principal,
        displayName: actor.displayName ?? seen?.displayName,
        tasks: (seen?.tasks ?? 0) + 1,
        lastExecutionId: latest.lastExecutionId,
        lastAtMs: latest.lastAtMs,
      });
    });
  } while (cursor !== '0');
  return { creators, anonymous };
}

interface NamedUser {
  readonly provider: string;
  readonly id: string;
  readonly displayName?: string;
}

/** As far as it is relied on here: whoever serves the task complains of a damaged row. */
function parseActor(json: string | null): NamedUser | undefined {
  if (json === null) return undefined;
  try {
    const actor = JSON.parse(json) as Partial<NamedUser> | null;
    const isUser = typeof actor?.provider === 'string' && typeof actor.id === 'string';
    return isUser ? (actor as NamedUser) : undefined;
  } catch {
    return undefined;
  }
}

function remedyOf({ principal }: Creator, match: Match): string {
  const line = `"google:<e-mail>": [${JSON.stringify(principal)}]`;
  return match.kind === 'kept_out'
    ? 'let one of them in by TASK_DASHBOARD_ALLOWED_EMAILS or the members file, or add to the identities ' +
        `file, with the address of somebody who can sign in: ${line}`
    : `add to the identities file, with the address of this person: ${line}`;
}

function jsonOf(creator: Creator, match: Match): string {
  const { principal, displayName = null, tasks, lastExecutionId, lastAtMs } = creator;
  const lastOccurredAt = new Date(lastAtMs).toISOString();
  const said = { principal, displayName, tasks, lastExecutionId, lastOccurredAt };
  const holders = match.kind === 'kept_out' ? match.holders : [];
  return JSON.stringify({
    ...said,
    problem: match.kind,
    holders,
    remedy: remedyOf(creator, match),
  });
}

function* linesOf(creator: Creator, match: Match): Generator<string> {
  const { principal, displayName, tasks, lastExecutionId, lastAtMs } = creator;
  const name = displayName === undefined ? '' : ` (${displayName})`;
  const last = `${lastExecutionId}, ${new Date(lastAtMs).toISOString()}`;
  yield printable(`${principal}${name}  ${tasks} task(s), the last ${last}`);
  if (match.kind === 'kept_out') {
    const holders = match.holders.join(', ');
    yield printable(`  ${holders}: in none of the allowed domains and addresses`);
  }
  yield `  ${printable(remedyOf(creator, match))}`;
}
