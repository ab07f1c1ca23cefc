import { untilWhole } from '../providers/until-whole.ts';
import { randomUUID } from 'node:crypto';
import type { Account } from '../account.ts';
import { type ReviewCode, reviewCodes } from '../diff/change.ts';
import { createDiffer } from '../diff/differ.ts';
import { identityHash } from '../diff/identity.ts';
import { RollcallError } from '../errors.ts';
import { normaliseEmail, normaliseId } from '../normalise.ts';
import type { Review } from '../store/decisions.ts';
import type { LinkRow } from '../store/links.ts';
import { type Customer, countingContext, desireOf, diffPlatform, type Platform } from '../jobs/customer.ts';
import type { JobDeps } from '../jobs/deps.ts';
import { takeLease } from '../jobs/lease/hold.ts';
import { personOnRoster } from '../jobs/read/on-roster.ts';

/** How long the platform is kept from runs while a link is stored. */
const leaseMs = 15_000;

export type LinkRequest = {
  readonly customer: Customer;
  readonly platform: Platform;
  /** The employee id. */
  readonly person: string;
  /** The account by the platform's id, or by the id or email that it carries. */
  readonly account: string;
  readonly actor: string;
  readonly signal: AbortSignal;
};

/** A link as it was stored. `active` is null where the platform has no accounts to look at. */
export type Linked = {
  readonly link: LinkRow;
  readonly active: boolean | null;
  /** The review that this settles. */
  readonly settled: Review | undefined;
};

/**
 * Links a person to an account by hand: what `review` asks for. Who the person is now (name and email) counts as
 * confirmed, so that a run does not ask again; another name and email later do.
 *
 * @throws RollcallError PERSON_UNKNOWN (no usable row); LINK_REFUSED (no such account, several, or one of somebody else;
 * or the person has another account already); RUN_OVERLAP (a run of the platform is under way)
 */
export async function linkPerson(deps: JobDeps, request: LinkRequest): Promise<Linked> {
  const { customer, platform, person: id } = request;
  const { store } = deps;
  const { person, roster } = await personOnRoster(rosterOf(deps, request), id);
  const differ = createDiffer(diffPlatform(customer, platform, []));
  const desired = desireOf(customer, platform, roster.today).of(person);
  differ.person(desired);
  if (desired.ignored)
    throw new RollcallError(
      'LINK_REFUSED',
      `${id} is not touched at all (ignore in ${customer.config.file}).`,
      {
        hint: 'Take them out of ignore first.',
      },
    );
  const ordinal = differ.people.find(id);
  const account = await findAccount(platform, request.account, request.signal);
  const known = (await store.links.ofPeople(customer.name, platform.name, [id])).get(id);
  if (known?.account_id != null && known.account_id !== account.id) {
    throw new RollcallError(
      'LINK_REFUSED',
      `${id} is linked to the account ${known.account_id} of ${platform.name} already.`,
      { hint: `First: rollcall unlink ${id} ${platform.name}; that account becomes unmanaged.` },
    );
  }
  const link: LinkRow = {
    customer: customer.name,
    platform: platform.name,
    person: id,
    account_id: account.id,
    external_id: account.externalId === null || account.externalId === id ? null : account.externalId,
    email: account.id === null ? account.email : null,
    written_hash: known?.written_hash ?? null,
    email_hash: differ.people.emailHash(ordinal),
    confirmed_hash: identityHash(differ.people, ordinal),
    deactivated: known?.deactivated ?? false,
    linked_ms: deps.now(),
    run_id: null,
  };
  const { matchBy } = platform.provider.capabilities;
  const key = matchBy === 'email' ? account.email : account.externalId;
  const settled = (await store.decisions.reviews(customer.name, platform.name)).find(
    (review) => review.person === id,
  );
  await whileNothingRuns(deps, request, async () => {
    const holder = await store.links.claim(link, key);
    if (holder !== null)
      throw new RollcallError(
        'LINK_REFUSED',
        `the account ${account.id ?? request.account} of ${platform.name} is linked to ${holder}: never two people on one account.`,
        { hint: `If it is not theirs: rollcall unlink ${holder} ${platform.name} first.` },
      );
    await store.decisions.dropReview(customer.name, platform.name, id);
  });
  deps.log.info(
    {
      customer: customer.name,
      platform: platform.name,
      person: id,
      account: account.id,
      actor: request.actor,
    },
    'linked by hand',
  );
  return { link, active: account.active, settled };
}

/** What an `unlink` amounts to. */
export type Unlinked = {
  readonly account: string | null;
  /** What the next run makes of it, as a sentence. */
  readonly next: string;
};

/**
 * Ends the link between a person and their account: the account becomes unmanaged and stays as it is.
 *
 * @throws RollcallError LINK_REFUSED (there is no link), RUN_OVERLAP
 */
export async function unlinkPerson(deps: JobDeps, request: Omit<LinkRequest, 'account'>): Promise<Unlinked> {
  const { customer, platform, person: id } = request;
  const known = (await deps.store.links.ofPeople(customer.name, platform.name, [id])).get(id);
  const removed =
    known !== undefined &&
    (await whileNothingRuns(deps, request, () => deps.store.links.remove(customer.name, platform.name, id)));
  if (!removed)
    throw new RollcallError('LINK_REFUSED', `${id} is not linked to an account of ${platform.name}.`, {
      hint: `See rollcall explain ${id}.`,
    });
  deps.log.info(
    { customer: customer.name, platform: platform.name, person: id, actor: request.actor },
    'unlinked by hand',
  );
  return {
    account: known.account_id ?? known.external_id ?? known.email,
    next: await whatComesNext(deps, request),
  };
}

const rosterOf = (
  { store, now }: JobDeps,
  { customer, signal }: Pick<LinkRequest, 'customer' | 'signal'>,
) => ({
  customer,
  store,
  nowMs: now(),
  signal,
});

async function whatComesNext(deps: JobDeps, request: Omit<LinkRequest, 'account'>): Promise<string> {
  const { customer, platform, person: id } = request;
  let found: Awaited<ReturnType<typeof personOnRoster>>;
  try {
    found = await personOnRoster(rosterOf(deps, request), id);
  } catch (error) {
    if (!(error instanceof RollcallError)) throw error;
    return error.code === 'PERSON_UNKNOWN'
      ? 'They have no usable row on the roster: the next run leaves the account alone.'
      : `What the next run does depends on the roster, which cannot be read now (${error.code}).`;
  }
  const desired = desireOf(customer, platform, found.roster.today).of(found.person);
  const by = platform.provider.capabilities.matchBy === 'email' ? 'email' : 'id or email';
  const leave = `To leave it alone for good, add ${id} to ignore.people.`;
  if (desired.ignored) return 'They are ignored: the next run leaves the account alone.';
  if (desired.wantsAccount)
    return `They are to have an account: the next run adopts an active one that carries their ${by} and is nobody's, and creates one where there is none. ${leave}`;
  if (desired.terminated)
    return `They have left: the next run takes an active account that carries their ${by} and is nobody's for theirs, and deactivates it. ${leave}`;
  return 'They are not to have an account: the next run leaves it alone.';
}

/** The commands that settle a review, the likeliest first. */
export function settlingCommands(
  review: Pick<Review, 'person' | 'platform' | 'code' | 'accounts'>,
): readonly string[] {
  const link = review.accounts.map(
    (account) => `rollcall link ${review.person} ${review.platform} ${account}`,
  );
  return review.code === 'FIELD_MISSING' ? [] : link;
}

/** What a review code means. */
export function meaningOf(code: string): string {
  return reviewCodes[code as ReviewCode] ?? code;
}

async function whileNothingRuns<T>(
  deps: JobDeps,
  { customer, platform }: Pick<LinkRequest, 'customer' | 'platform'>,
  change: () => Promise<T>,
): Promise<T> {
  const owner = `${deps.instance}/link/${randomUUID()}`;
  const { mine } = await takeLease(deps.store, customer.name, platform.name, owner, leaseMs);
  if (!mine)
    throw new RollcallError('RUN_OVERLAP', `a run of ${platform.name} is under way: nothing was changed.`, {
      hint: 'Try again when it has ended.',
    });
  try {
    return await change();
  } finally {
    await deps.store.leases.release(customer.name, platform.name, owner);
  }
}

/** The one account that is called so: by the platform's id first, then by the id or email that it carries. */
async function findAccount(
  platform: Platform,
  wanted: string,
  signal: AbortSignal,
): Promise<Omit<Account, 'active'> & { readonly active: boolean | null }> {
  const { provider } = platform;
  const externalId = normaliseId(wanted);
  const email = normaliseEmail(wanted);
  if (provider.capabilities.accounts === 'none')
    return email.includes('@')
      ? { id: null, externalId: null, email, active: null, fields: {} }
      : { id: null, externalId, email: null, active: null, fields: {} };
  const ctx = countingContext(signal);
  await provider.prepare?.(ctx);
  if (provider.capabilities.lookUp) {
    for (const ref of [
      { id: wanted, externalId: null, email: null },
      { id: null, externalId, email: null },
      { id: null, externalId: null, email },
    ]) {
      const account = await provider.lookUp(ref, ctx);
      if (account !== null) return account;
    }
  } else {
    const byKey: Account[] = [];
    const found = await untilWhole(
      async () => {
        for await (const page of provider.readAccounts(ctx)) {
          for (const account of page) {
            if (account.id === wanted) return account;
            if (account.externalId === externalId || account.email === email) byKey.push(account);
          }
        }
        return undefined;
      },
      () => void byKey.splice(0),
    );
    if (found !== undefined) return found;
    const [only, another] = byKey;
    if (another !== undefined)
      throw new RollcallError(
        'LINK_REFUSED',
        `${byKey.length} accounts of ${platform.name} are called that: nobody was linked.`,
        {
          hint: `Name one by its id: ${byKey
            .slice(0, 5)
            .map((account) => account.id)
            .join(', ')}.`,
        },
      );
    if (only !== undefined) return only;
  }
  throw new RollcallError(
    'LINK_REFUSED',
    `${platform.name} has no account of that id, employee id or email.`,
    {
      hint: "rollcall accounts --unmanaged lists those that are nobody's.",
    },
  );
}
