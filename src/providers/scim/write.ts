import type { AccountItem, CallContext, ItemOutcome } from '../contract.ts';
import { ProviderError, safeCode } from '../error.ts';
import { readAhead } from '../pages.ts';
import type { ScimClient, ScimService, UserWrite, UserWritten } from './api.ts';
import {
  changedLists,
  employeeId,
  identityOf,
  itemEmail,
  newUser,
  newUserName,
  patchOperations,
  replacedUser,
  type ScimProfile,
} from './convert.ts';
import { findUsers, lookUp } from './read.ts';
import { patchSchema } from './schema.ts';

type Failure = Extract<ItemOutcome, { ok: false }>;
/** What an item comes to: a write, or an outcome that needs none. */
type Prepared = { readonly write: UserWrite } | { readonly outcome: ItemOutcome };

function failure(code: string, message: string): Failure {
  return { ok: false, code, message };
}

const gone = failure('NOT_FOUND', 'the account is no longer there');

/** The one write that an item needs; users whose other values have to be known are read first. */
async function prepare(
  item: AccountItem,
  client: ScimClient,
  service: ScimService,
  profile: ScimProfile,
  ctx: CallContext,
): Promise<Prepared> {
  if (item.kind === 'create') {
    return { write: { method: 'POST', path: '/Users', data: newUser(item, profile) } };
  }
  const id = item.ref.id ?? (await lookUp(client, profile, item.ref, ctx))?.id;
  if (id === undefined || id === null) return { outcome: gone };
  const path = `/Users/${encodeURIComponent(id)}`;
  if (!service.patch) {
    const user = await client.user(id, ctx);
    if (user === null) return { outcome: gone };
    return { write: { method: 'PUT', path, data: replacedUser(item, user, profile) } };
  }
  const readFirst = changedLists(item, profile).length > 0;
  const user = readFirst ? await client.user(id, ctx) : undefined;
  if (user === null) return { outcome: gone };
  const operations = patchOperations(item, user, profile);
  if (operations.length === 0) return { outcome: { ok: true, note: 'nothing to change' } };
  return { write: { method: 'PATCH', path, data: { schemas: [patchSchema], Operations: operations } } };
}

/**
 * Who stands in the way of a new account. An active account of the same identity is adopted; an inactive one was
 * somebody's and is never taken over silently, and one that merely has the same userName belongs to somebody else.
 */
async function adopt(
  item: AccountItem,
  client: ScimClient,
  service: ScimService,
  profile: ScimProfile,
  ctx: CallContext,
): Promise<ItemOutcome> {
  const { matchBy } = profile;
  const identity = matchBy === 'email' ? itemEmail(item) : employeeId(item);
  if (!service.filter || identity === null) {
    return failure('EXISTS', 'an account exists already, and the service has no filter to look it up by');
  }
  const [user, another] = await findUsers(client, matchBy, identity, ctx);
  if (user === undefined) return inTheWay(item, client, profile, ctx);
  if (another !== undefined) return failure('EXISTS_TWICE', `several accounts have the same ${matchBy}`);
  if (user.active === false) {
    return failure(
      'EXISTS_INACTIVE',
      `an inactive account of the same ${matchBy} exists; link it to reactivate it`,
    );
  }
  return {
    ok: true,
    account: { id: user.id, externalId: matchBy === 'email' ? null : identity },
    note: 'adopted',
  };
}

/** Who has the name of a new account, when nobody has its identity. */
async function inTheWay(
  item: AccountItem,
  client: ScimClient,
  profile: ScimProfile,
  ctx: CallContext,
): Promise<ItemOutcome> {
  const { matchBy } = profile;
  const hidden = 'the service says that the account exists, and finds none';
  const why = 'it may be deleted there, or hidden from this token';
  if (matchBy === 'userName') return failure('EXISTS_OTHER', `${hidden} of this userName: ${why}`);
  const [user] = await findUsers(client, 'userName', newUserName(item, profile), ctx);
  if (user === undefined) return failure('EXISTS_OTHER', `${hidden} of this ${matchBy} or userName: ${why}`);
  const theirs = identityOf(user, matchBy) === null ? 'without' : 'with another';
  return failure('EXISTS_OTHER', `an account of the same userName exists ${theirs} ${matchBy}`);
}

async function toOutcome(
  item: AccountItem,
  written: UserWritten | undefined,
  client: ScimClient,
  service: ScimService,
  profile: ScimProfile,
  ctx: CallContext,
): Promise<ItemOutcome> {
  if (written === undefined) return failure('NO_OUTCOME', 'the answer does not mention the account');
  const { status, scimType } = written;
  if (status >= 200 && status < 300) {
    const { id } = written;
    if (item.kind !== 'create')
      return { ok: true, account: { id: id ?? item.ref.id, externalId: item.ref.externalId } };
    return { ok: true, account: { id, externalId: profile.matchBy === 'email' ? null : employeeId(item) } };
  }
  if (status === 409 && item.kind === 'create') return adopt(item, client, service, profile, ctx);
  if (status === 404 && item.kind !== 'create') return gone;
  const code = safeCode(scimType);
  return failure(
    code ?? `HTTP_${status}`,
    `the service refused the account, HTTP ${status}${code === undefined ? '' : ` ${code}`}`,
  );
}

/**
 * Writes accounts with one request: alone as it is, several through `/Bulk`. Repeating it is safe: a user that was made
 * by an earlier attempt is found by the conflict and adopted, all else has the same effect again.
 */
export async function writeAccounts(
  items: readonly AccountItem[],
  client: ScimClient,
  profile: ScimProfile,
  ctx: CallContext,
): Promise<readonly ItemOutcome[]> {
  const service = await client.service(ctx);
  if (items.length > Math.max(1, service.bulk?.maxOperations ?? 1)) {
    const most = service.bulk?.maxOperations ?? 1;
    const message = `${client.platform}: ${items.length} accounts in one request, the service takes ${most}.`;
    throw new ProviderError('PLATFORM_REFUSED', message, { status: 413 });
  }
  const prepared: Prepared[] = [];
  const lookUps = readAhead(ctx, { first: 0, end: items.length }, async (index, inner) => {
    const item = items[index];
    return item === undefined ? undefined : prepare(item, client, service, profile, inner);
  });
  for await (const one of lookUps) if (one !== undefined) prepared.push(one);

  const writes = prepared.flatMap((one) => ('write' in one ? [one.write] : []));
  const [only] = writes;
  const answers =
    writes.length > 1
      ? await client.bulk(writes, service, ctx)
      : only === undefined
        ? []
        : [await client.write(only, ctx)];

  const outcomes: ItemOutcome[] = [];
  let next = 0;
  for (const [index, item] of items.entries()) {
    const one = prepared[index];
    outcomes.push(
      one !== undefined && 'outcome' in one
        ? one.outcome
        : await toOutcome(item, answers[next++], client, service, profile, ctx),
    );
  }
  return outcomes;
}
