import type { Account, Link, Membership } from '../../account.ts';
import { createDiffer } from '../../diff/differ.ts';
import { createSeenRows } from '../../diff/seen-rows.ts';
import { spellingKey } from '../../diff/spelling.ts';
import { untilWhole } from '../../providers/until-whole.ts';
import { linkOf } from '../../store/links.ts';
import { RollcallError } from '../../errors.ts';
import { desireOf, diffPlatform, managerReads } from '../customer.ts';
import { personOnRoster } from './on-roster.ts';
import { lastPartsOf, partsOf } from './parts.ts';
import { hashRow } from './row-hash.ts';
import { rulesOf, seenColumnsOf } from './seen.ts';
import { feedAliases, type ReadSidesOptions, type Sides } from './sides.ts';
import { valuesOfOne } from './values.ts';

/**
 * Both sides of one person: their row, their link, their account. Where the platform cannot look one up, a linked
 * person is taken to be as we know them and is written again (writes of accounts are safe to repeat); for an unlinked
 * one the accounts are read, for nothing else proves that there is none.
 *
 * Throws PERSON_UNKNOWN when the roster has no usable row of them.
 */
export async function readOnePerson(options: ReadSidesOptions & { readonly person: string }): Promise<Sides> {
  const { customer, platform, store, ctx, person: id } = options;
  const { provider } = platform;
  await provider.prepare?.(ctx);
  const alike = new Set<string>();
  const {
    roster,
    person: found,
    isManagerUnsure,
  } = await personOnRoster({ customer, store, nowMs: options.nowMs, signal: ctx.signal }, id, (other) => {
    if (spellingKey(other) === spellingKey(id)) alike.add(other);
  });
  if (isManagerUnsure && managerReads(customer, platform).size > 0)
    throw new RollcallError(
      'PERSON_UNKNOWN',
      `the manager of ${id} has a row that is rejected, or may be in what did not come of the roster: nothing happens to them until it has.`,
      { hint: 'See rollcall check.' },
    );
  const targets =
    platform.config.enrollments.length === 0
      ? []
      : await provider.resolveTargets(platform.config.enrollments, ctx);
  const differ = createDiffer(diffPlatform(customer, platform, targets));
  const desire = desireOf(customer, platform, roster.today);
  differ.person(desire.of(found));
  const seen = createSeenRows(seenColumnsOf(customer, platform));
  seen.add(differ.people.find(found.id), found, roster.partOf(found.id) ?? 0);
  const rowHashes = new Map<string, string>();
  if (options.hashRowsOf?.has(id) === true) rowHashes.set(id, hashRow(found));

  const links = await store.links.ofPeople(customer.name, platform.name, [
    id,
    ...(found.managedBy === undefined ? [] : [found.managedBy.id]),
  ]);
  const link = links.get(id);
  // Whether their manager has an account there: who it is of, and not what becomes of them.
  const boss = found.managedBy?.id;
  const bossLink = boss === undefined || boss === id ? undefined : links.get(boss);
  if (bossLink !== undefined && managerReads(customer, platform).size > 0) differ.link(linkOf(bossLink));
  if (link !== undefined) differ.link(linkOf(link));
  else for (const absent of await absentInOtherSpelling(options, id, alike)) differ.link(absent);
  await feedAliases(options, differ);
  let total = 0;
  if (provider.capabilities.accounts === 'write') {
    const ref = { id: link?.account_id ?? null, externalId: link?.external_id ?? id, email: found.email };
    if (provider.capabilities.lookUp) {
      const account = await provider.lookUp(ref, ctx);
      if (account !== null) differ.accounts([account]);
    } else if (link?.account_id != null) {
      differ.accounts([{ ...ref, active: true, activeTold: false, fields: {} } satisfies Account]);
    } else {
      await untilWhole(async () => {
        for await (const page of provider.readAccounts(ctx))
          differ.accounts(page.filter((account) => concerns(account, id, found.email)));
      }, differ.restart);
    }
    total = differ.settleAccounts().total;
  }
  const members: Record<string, number> = {};
  for (const [at, target] of targets.entries()) {
    const isTheirs = (member: Membership): boolean =>
      (member.id !== null && member.id === link?.account_id) || concerns(member, id, found.email);
    members[target.id] = await untilWhole(
      async () => {
        let count = 0;
        for await (const page of provider.readMembers(target.id, ctx)) {
          count += page.length;
          differ.members(at, page.filter(isTheirs));
        }
        return count;
      },
      () => differ.forgetMembers(at),
    );
  }
  return {
    differ,
    roster,
    accounts: { total, active: total, unmanaged: 0 },
    targets,
    members,
    platformReasons: [],
    parts: { ...partsOf(roster, await lastPartsOf(customer, store)), away: 0, apart: 0 },
    cutValues: desire.cut(),
    rowHashes,
    seen,
    managers: [],
    rules: {
      before: (await store.platforms.find(customer.name, platform.name))?.rules ?? {},
      now: rulesOf(customer, platform),
    },
    values: await valuesOfOne({ customer, platform, store, partOf: roster.partOf }),
  };
}

/** The links of people who are not on the roster, and whose id is this one in another spelling. */
async function absentInOtherSpelling(
  { customer, platform, store }: Pick<ReadSidesOptions, 'customer' | 'platform' | 'store'>,
  id: string,
  present: ReadonlySet<string>,
): Promise<readonly Link[]> {
  const key = spellingKey(id);
  const found: Link[] = [];
  for await (const page of store.links.compact(customer.name, platform.name))
    for (const link of page)
      if (!present.has(link.person) && spellingKey(link.person) === key) found.push(link);
  return found;
}

function concerns(
  ref: { readonly externalId: string | null; readonly email: string | null },
  id: string,
  email: string | null,
): boolean {
  return ref.externalId === id || (email !== null && ref.email === email);
}
