import type { Membership } from '../../account.ts';
import type { EnrollmentRule } from '../../config/schema.ts';
import type { CallContext, ItemOutcome, MemberItem, ResolvedTarget, TargetListing } from '../contract.ts';
import { ProviderError } from '../error.ts';
import type { ScimClient } from './api.ts';
import type { ScimProfile } from './convert.ts';
import { lookUp, readList } from './read.ts';
import { patchSchema, type ScimGroup } from './schema.ts';

/** Members that one page of ours holds; a group comes in one answer. */
const membersPerPage = 1_000;
/** Groups that an error lists. */
const mostCandidates = 10;

type Group = { readonly id: string; readonly name: string };

async function readGroups(client: ScimClient, ctx: CallContext): Promise<readonly Group[]> {
  const { pageSize } = await client.service(ctx);
  const fetch: typeof client.groups = (query, inner) =>
    client.groups({ ...query, excludedAttributes: 'members' }, inner);
  const groups: Group[] = [];
  for await (const page of readList(`${client.platform}: /Groups`, pageSize, fetch, ctx)) {
    for (const { id, displayName } of page) groups.push({ id, name: displayName ?? '' });
  }
  return groups;
}

function listed(groups: readonly Group[]): string {
  const names = groups.slice(0, mostCandidates).map(({ id, name }) => `${name} (${id})`);
  const more = groups.length - names.length;
  return more > 0 ? `${names.join(', ')} and ${more} more` : names.join(', ');
}

/** The groups that rules name by id or, where no id fits, by displayName. */
export async function resolveGroups(
  client: ScimClient,
  rules: readonly EnrollmentRule[],
  ctx: CallContext,
): Promise<readonly ResolvedTarget[]> {
  if (rules.length === 0) return [];
  const groups = await readGroups(client, ctx);
  return rules.map(({ target }) => {
    const byId = groups.find(({ id }) => id === target);
    const found = byId === undefined ? groups.filter(({ name }) => name === target) : [byId];
    const [group, another] = found;
    if (group !== undefined && another === undefined) return { ...group, isTraining: false };
    const what = `${client.platform}: the group "${target}"`;
    if (group !== undefined) {
      throw new ProviderError('TARGET_UNKNOWN', `${what} is ${found.length} groups: ${listed(found)}.`, {
        hint: 'Write the id of one of them.',
      });
    }
    const there = groups.length === 0 ? 'The service has no groups.' : `There are ${listed(groups)}.`;
    throw new ProviderError('TARGET_UNKNOWN', `${what} was not found.`, { hint: there });
  });
}

/** All groups, for `rollcall targets`. */
export async function listGroups(client: ScimClient, ctx: CallContext): Promise<readonly TargetListing[]> {
  return (await readGroups(client, ctx)).map((group) => ({ kind: 'group', ...group }));
}

/** The users of a group; groups within it are left out, their members are not ours to change here. */
function userIds(group: Pick<ScimGroup, 'members'>): readonly string[] {
  return (group.members ?? [])
    .filter(({ type }) => type?.toLowerCase() !== 'group')
    .map(({ value }) => value);
}

/** The members of a group, which come in one answer. */
export async function* readGroupMembers(
  client: ScimClient,
  target: string,
  ctx: CallContext,
): AsyncGenerator<readonly Membership[], void, undefined> {
  const ids = userIds(await client.group(target, ctx));
  for (let from = 0; from < ids.length; from += membersPerPage) {
    ctx.signal.throwIfAborted();
    yield ids
      .slice(from, from + membersPerPage)
      .map((id) => ({ id, externalId: null, email: null, completed: false }));
  }
}

/** A membership change of several users. `repeated`: an earlier attempt may have been applied. */
export type GroupWrite = {
  readonly operation: 'enroll' | 'unenroll';
  readonly target: string;
  readonly members: readonly MemberItem[];
  readonly repeated: boolean;
};

/** Adds or removes members with one PATCH. It is applied as a whole or not at all (RFC 7644, 3.5.2). */
export async function writeMembers(
  client: ScimClient,
  profile: ScimProfile,
  { operation, target, members, repeated }: GroupWrite,
  ctx: CallContext,
): Promise<readonly ItemOutcome[]> {
  const ids: (string | null)[] = [];
  for (const { ref } of members) {
    ids.push(ref.id ?? (await lookUp(client, profile, ref, ctx))?.id ?? null);
  }
  // Removing who is gone is refused by the letter of the RFC: after an unknown outcome only the rest is sent.
  const there = repeated ? new Set(userIds(await client.group(target, ctx))) : undefined;
  const enrolling = operation === 'enroll';
  const wanted = [...new Set(ids.filter((id) => id !== null))].filter(
    (id) => there === undefined || there.has(id) !== enrolling,
  );
  const alone = wanted.length === 1;
  let absent = false;
  if (wanted.length > 0) {
    try {
      await client.patchGroup(
        target,
        { schemas: [patchSchema], Operations: operations(enrolling, wanted) },
        ctx,
      );
    } catch (error) {
      const refused = error instanceof ProviderError && error.code === 'PLATFORM_REFUSED' && alone;
      if (!refused || error.status === 404) throw error;
      absent = !enrolling && error.vendorCode === 'noTarget';
      if (!absent) {
        const code = error.vendorCode ?? `HTTP_${error.status ?? 400}`;
        const refusal = { ok: false, code, message: 'the service refused the member' } as const;
        return ids.map((id) => (id === wanted[0] ? refusal : settled(id)));
      }
    }
  }
  return ids.map((id) => (absent && id === wanted[0] ? { ok: true, note: 'was not a member' } : settled(id)));
}

function settled(id: string | null): ItemOutcome {
  return id === null ? { ok: false, code: 'NOT_FOUND', message: 'the account was not found' } : { ok: true };
}

function operations(enrolling: boolean, ids: readonly string[]): readonly unknown[] {
  return enrolling
    ? [{ op: 'add', path: 'members', value: ids.map((value) => ({ value })) }]
    : ids.map((value) => ({ op: 'remove', path: `members[value eq ${JSON.stringify(value)}]` }));
}
