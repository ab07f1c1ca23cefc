import { normaliseEmail } from '../../normalise.ts';
import type { AccountItem, CallContext, ItemOutcome, MemberItem, WriteRequest } from '../contract.ts';
import { ProviderError } from '../error.ts';
import type { KeepnetApi } from './api.ts';
import { employeeIdOf, toCreate, toUpdate } from './convert.ts';
import type { WireUser } from './schema.ts';
import type { KeepnetSettings } from './settings.ts';

/** What the one item of a request was refused with; 200 is an error in the body. A 404 on a create is the company's. */
const itemStatuses: ReadonlySet<number | undefined> = new Set([200, 400, 409, 413, 422]);

/** The outcome of an item that was refused; undefined when the error is not about the item. */
function refused(error: unknown): (ItemOutcome & { readonly ok: false }) | undefined {
  if (!(error instanceof ProviderError) || error.code !== 'PLATFORM_REFUSED') return undefined;
  if (!itemStatuses.has(error.status)) return undefined;
  const message = `Keepnet refused the change (HTTP ${error.status}).`;
  return { ok: false, code: error.vendorCode ?? 'REFUSED', message };
}

const notFound: ItemOutcome = { ok: false, code: 'NOT_FOUND', message: 'Keepnet has no such target user.' };

/** Writes target users and group members. */
export function createWriter(api: KeepnetApi, block: KeepnetSettings) {
  async function findByEmail(email: string | null | undefined, ctx: CallContext): Promise<WireUser | null> {
    if (!email) return null;
    const wanted = normaliseEmail(email);
    const rows = await api.usersByEmail(wanted, ctx);
    return rows.find((row) => normaliseEmail(row.email ?? '') === wanted) ?? null;
  }

  /** What became of a create whose email is there already; undefined when it is not. */
  async function claim(item: AccountItem, ctx: CallContext): Promise<ItemOutcome | undefined> {
    const found = await findByEmail(item.fields['email'] ?? item.ref.email, ctx);
    if (found === null) return undefined;
    const owner = employeeIdOf(found, block);
    if (owner !== null && owner !== item.person) {
      const message = 'A target user of this email carries the employee id of someone else.';
      return { ok: false, code: 'EXISTS_OTHER_PERSON', message };
    }
    // Only the employee id proves that an inactive one is ours: an earlier attempt of this create made it active.
    if (!found.isActive && owner === null) {
      const message = 'An inactive target user of this email exists and is not ours.';
      return { ok: false, code: 'EXISTS_INACTIVE', message };
    }
    return { ok: true, account: { id: found.resourceId, externalId: owner }, note: 'adopted' };
  }

  async function create(item: AccountItem, repeated: boolean, ctx: CallContext): Promise<ItemOutcome> {
    const earlier = repeated ? await claim(item, ctx) : undefined;
    if (earlier !== undefined) return earlier;
    try {
      const id = await api.create(toCreate(item, block), ctx);
      return { ok: true, account: { id, externalId: writtenId(item) } };
    } catch (error) {
      const outcome = refused(error);
      if (outcome === undefined) throw error;
      return (await claimRefused(item, ctx)) ?? refusedCreate(item, outcome);
    }
  }

  /** The shape of the error for a duplicate email is not published: any refusal may be one. */
  async function claimRefused(item: AccountItem, ctx: CallContext): Promise<ItemOutcome | undefined> {
    try {
      return await claim(item, ctx);
    } catch (error) {
      // A look-up that is refused too says nothing: why the create was refused is what counts.
      if (error instanceof ProviderError && error.code === 'PLATFORM_REFUSED') return undefined;
      throw error;
    }
  }

  function refusedCreate(item: AccountItem, outcome: ItemOutcome & { readonly ok: false }): ItemOutcome {
    if (item.fields['phoneNumber'] || block.phoneNumber !== undefined) return outcome;
    return {
      ...outcome,
      message: `${outcome.message} It may want a phone number: set phoneNumber for people without one.`,
    };
  }

  function writtenId(item: AccountItem): string | null {
    return block.employeeIdField === undefined ? null : item.person;
  }

  async function change(item: AccountItem, ctx: CallContext): Promise<ItemOutcome> {
    const id = item.ref.id ?? (await findByEmail(item.ref.email, ctx))?.resourceId;
    // An update replaces the record, so what we do not manage has to be read first.
    const user = id === undefined ? null : await api.user(id, ctx);
    if (user === null) return notFound;
    const removed = item.kind === 'deactivate';
    const account = {
      id: user.resourceId,
      externalId: removed ? employeeIdOf(user, block) : writtenId(item),
    };
    if (removed && !user.isActive) return { ok: true, account, note: 'was inactive' };
    try {
      await api.update(user.resourceId, toUpdate(user, item, block), ctx);
      return { ok: true, account };
    } catch (error) {
      if (error instanceof ProviderError && error.status === 404) return notFound;
      const outcome = refused(error);
      if (outcome === undefined) throw error;
      return outcome;
    }
  }

  async function changeMembers(
    target: string,
    members: readonly MemberItem[],
    send: (groupId: string, userIds: readonly string[], ctx: CallContext) => Promise<void>,
    ctx: CallContext,
  ): Promise<readonly ItemOutcome[]> {
    const ids: (string | undefined)[] = [];
    for (const { ref } of members) {
      ids.push(ref.id ?? (await findByEmail(ref.email, ctx))?.resourceId);
    }
    const known = ids.filter((id) => id !== undefined);
    let failed: ItemOutcome | undefined;
    try {
      if (known.length > 0) await send(target, known, ctx);
    } catch (error) {
      // Of several, nobody can say which one was refused: the caller splits the batch.
      failed = known.length === 1 ? refused(error) : undefined;
      if (failed === undefined) throw error;
    }
    return ids.map((id): ItemOutcome => {
      if (id !== undefined) return failed ?? { ok: true };
      return { ok: false, code: 'NO_ACCOUNT', message: 'The person has no target user to put into a group.' };
    });
  }

  return {
    findByEmail,
    write: async (request: WriteRequest, ctx: CallContext): Promise<readonly ItemOutcome[]> => {
      if ('members' in request) {
        const send = request.operation === 'enroll' ? api.addMembers : api.removeMembers;
        return changeMembers(request.target, request.members, send, ctx);
      }
      const outcomes: ItemOutcome[] = [];
      for (const item of request.accounts) {
        outcomes.push(
          item.kind === 'create' ? await create(item, request.repeated, ctx) : await change(item, ctx),
        );
      }
      return outcomes;
    },
  };
}
