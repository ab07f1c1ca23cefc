import { createHash, randomBytes } from 'node:crypto';
import { RollcallError } from '../errors.ts';
import type { Customer } from '../jobs/customer.ts';
import type { JobDeps } from '../jobs/deps.ts';
import type { TokenRow } from '../store/tokens.ts';

/** What a token may do: viewers look, operators act. */
export type TokenRole = TokenRow['role'];

/** The digest by which a token is known: it is random and long, so that a plain one will do. */
export function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

/** The names of tokens: what the journal records. */
const tokenName = /^[A-Za-z][A-Za-z0-9_.-]{0,62}$/;

/**
 * Makes a token for one person and returns it. It is kept nowhere: only its digest is stored.
 *
 * @throws RollcallError USAGE (a name that is none, or that the customer has already, in its file too)
 */
export async function makeToken(
  deps: Pick<JobDeps, 'store' | 'now' | 'log'>,
  request: {
    readonly customer: Customer;
    readonly name: string;
    readonly role: TokenRole;
    readonly actor: string;
  },
): Promise<string> {
  const { customer, name, role, actor } = request;
  if (!tokenName.test(name))
    throw new RollcallError('USAGE', `"${name}" is not a name for a token.`, {
      hint: 'Use letters, digits, ".", "_" and "-", and begin with a letter: jo, or jo.okafor.',
    });
  const token = `rct_${randomBytes(32).toString('base64url')}`;
  const isTaken = customer.config.control.tokens.some((one) => one.name === name);
  const made =
    !isTaken &&
    (await deps.store.tokens.make({
      digest: digestOf(token),
      customer: customer.name,
      name,
      role,
      created_ms: deps.now(),
      created_by: actor,
    }));
  if (!made)
    throw new RollcallError('USAGE', `${customer.name} has a token of the name ${name} already.`, {
      hint: isTaken
        ? 'It is in control.tokens; choose another name.'
        : `Revoke it first: rollcall tokens revoke ${name}.`,
    });
  deps.log.info({ customer: customer.name, token: name, role, actor }, 'token made');
  return token;
}

/** Revokes a token: whoever has it, or signed in with it, is out from their next request on. Throws USAGE. */
export async function revokeToken(
  deps: Pick<JobDeps, 'store' | 'now' | 'log'>,
  request: { readonly customer: Customer; readonly name: string; readonly actor: string },
): Promise<void> {
  const { customer, name, actor } = request;
  if (await deps.store.tokens.revoke(customer.name, name, deps.now())) {
    deps.log.info({ customer: customer.name, token: name, actor }, 'token revoked');
    return;
  }
  const isConfigured = customer.config.control.tokens.some((one) => one.name === name);
  throw new RollcallError('USAGE', `there is no token ${name} to revoke.`, {
    hint: isConfigured
      ? 'It is in control.tokens: take it out of the file and restart the service.'
      : 'See rollcall tokens.',
  });
}

/** A token as it is listed; never the token itself. Times are ISO 8601. */
export type ListedToken = {
  readonly name: string;
  readonly role: TokenRole;
  readonly from: 'configuration' | 'command';
  readonly made: string | null;
  readonly by: string | null;
  readonly lastUsed: string | null;
  readonly revoked: string | null;
};

/** The customer's tokens: those of its file, then those that were made, the newest first. */
export async function listTokens(
  deps: Pick<JobDeps, 'store'>,
  customer: Customer,
): Promise<readonly ListedToken[]> {
  const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());
  return [
    ...customer.config.control.tokens.map(({ name, role }) => ({
      name,
      role,
      from: 'configuration' as const,
      made: null,
      by: null,
      lastUsed: null,
      revoked: null,
    })),
    ...(await deps.store.tokens.list(customer.name)).map((row) => ({
      name: row.name,
      role: row.role,
      from: 'command' as const,
      made: iso(row.created_ms),
      by: row.created_by,
      lastUsed: iso(row.last_used_ms),
      revoked: iso(row.revoked_ms),
    })),
  ];
}
