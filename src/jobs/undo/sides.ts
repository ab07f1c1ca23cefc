import {
  type Account,
  type AccountRef,
  asWeLeftIt,
  type Membership,
  referenceToAccount,
  referenceToPerson,
  referredPerson,
} from '../../account.ts';
import { absent, createTextIndex, type TextIndex } from '../../diff/hash-index.ts';
import { RollcallError } from '../../errors.ts';
import type { CallContext, ResolvedTarget } from '../../providers/contract.ts';
import { untilWhole } from '../../providers/until-whole.ts';
import type { StoredChange } from '../../store/journal.ts';
import type { LinkRow } from '../../store/links.ts';
import type { Run } from '../../store/run-lookups.ts';
import { type Customer, desireOf, type Platform } from '../customer.ts';
import type { JobDeps } from '../deps.ts';
import type { OnProgress } from '../progress.ts';
import { referencesOf } from '../apply/send.ts';
import { findOnRoster } from '../read/on-roster.ts';
import type { RosterRead } from '../read/roster.ts';
import { hashRow } from '../read/row-hash.ts';

/** Up to so many people are looked up one by one, where the platform can; more are found by reading all accounts. */
const mostLookUps = 20;

/** What somebody concerned by an undo is on the roster now. Nobody there: as if their row said nothing. */
export type UndoPerson = {
  readonly rowHash: string;
  readonly ignored: boolean;
  readonly protectedFrom: 'nothing' | 'deactivate' | 'unenroll' | 'both';
};

/** Everything that an undo is planned from. */
export type UndoSides = {
  readonly changes: readonly StoredChange[];
  readonly links: ReadonlyMap<string, LinkRow>;
  /** The account of each person, by their link; nobody who has none. */
  readonly accounts: ReadonlyMap<string, Account>;
  readonly people: ReadonlyMap<string, UndoPerson>;
  readonly roster: RosterRead;
  readonly targets: ReadonlyMap<string, ResolvedTarget & { readonly keepCompleted: boolean }>;
  readonly memberOf: (change: StoredChange) => Membership | undefined;
  /** Members of a target, by its id, whose accounts we manage; counted where somebody may have to leave it. */
  readonly managedMembers: ReadonlyMap<string, number>;
  /** Later runs of ours that changed a person there again. */
  readonly laterRuns: ReadonlyMap<string, string>;
};

export type ReadUndoOptions = {
  readonly deps: Pick<JobDeps, 'store' | 'now'>;
  readonly customer: Customer;
  readonly platform: Platform;
  readonly undone: Run;
  readonly ctx: CallContext;
  readonly onProgress: OnProgress;
};

/** Reads what a run did, and how the people concerned stand on the roster and on the platform now. */
export async function readUndoSides(options: ReadUndoOptions): Promise<UndoSides> {
  const { deps, customer, platform, undone, ctx } = options;
  const { store } = deps;
  const { provider } = platform;
  const changes: StoredChange[] = [];
  for await (const page of store.journal.changes(undone.id))
    for (const change of page)
      if (change.outcome === 'done' || change.outcome === 'unknown') changes.push(change);
  if (changes.length === 0)
    throw new RollcallError('UNDO_REFUSED', `${undone.id} changed nothing: there is nothing to take back.`);
  await provider.prepare?.(ctx);
  const ids = [...new Set(changes.map((change) => change.person))];
  const links = await linksOf(options, ids);
  const { roster, people } = await readPeople(options, new Set(ids));
  const rules = platform.config.enrollments;
  const resolved =
    rules.length > 0 && changes.some((change) => change.target !== null)
      ? await provider.resolveTargets(rules, ctx)
      : [];
  const targets = new Map(
    resolved.map((target, at) => [target.id, { ...target, keepCompleted: rules[at]?.keepCompleted ?? true }]),
  );
  const accounts =
    provider.capabilities.accounts === 'write'
      ? await readAccounts(options, ids, links, await referredBy(options, changes))
      : new Map<string, Account>();
  const members = await readMembers(options, changes, targets, links, accounts);
  return {
    changes,
    links,
    accounts,
    people,
    roster,
    targets,
    ...members,
    laterRuns: await store.journal.appliedSince(
      customer.name,
      platform.name,
      ids,
      undone.planned_ms ?? undone.created_ms,
      undone.id,
    ),
  };
}

async function linksOf(options: ReadUndoOptions, ids: readonly string[]): Promise<Map<string, LinkRow>> {
  const { deps, customer, platform } = options;
  const links = new Map<string, LinkRow>();
  for (let at = 0; at < ids.length; at += 5_000) {
    const page = await deps.store.links.ofPeople(customer.name, platform.name, ids.slice(at, at + 5_000));
    for (const [person, link] of page) links.set(person, link);
  }
  return links;
}

async function readPeople(
  options: ReadUndoOptions,
  wanted: ReadonlySet<string>,
): Promise<{ roster: RosterRead; people: Map<string, UndoPerson> }> {
  const { deps, customer, platform, ctx } = options;
  const {
    roster,
    people: found,
    unsure,
  } = await findOnRoster(
    {
      customer,
      store: deps.store,
      nowMs: deps.now(),
      signal: ctx.signal,
      onProgress: (done, total) => options.onProgress({ phase: 'roster', done, total }),
    },
    wanted,
  );
  const desire = desireOf(customer, platform, roster.today);
  const people = new Map<string, UndoPerson>();
  for (const person of found.values()) {
    // A rule that spares people by a manager who is not known for sure spares them.
    const { ignored, protectedFrom } = desire.of(
      unsure.has(person.id) ? { ...person, unread: ['manager'] } : person,
    );
    people.set(person.id, { rowHash: hashRow(person), ignored, protectedFrom });
  }
  return { roster, people };
}

/** What a person's account is told by: its id, else what we gave it. */
function keysOf(person: string, link: LinkRow, matchBy: 'externalId' | 'email'): AccountRef {
  if (link.account_id !== null) return { id: link.account_id, externalId: null, email: null };
  return matchBy === 'email'
    ? { id: null, externalId: null, email: link.email }
    : { id: null, externalId: link.external_id ?? person, email: null };
}

/** An account as plans tell it: where a field refers to somebody's account, whose it is. */
async function referredBy(
  options: ReadUndoOptions,
  changes: readonly StoredChange[],
): Promise<(account: Account) => Account> {
  const names = referencesOf(options.platform.provider);
  if (names.length === 0) return (account) => account;
  const people = changes.flatMap(({ before, after }) =>
    names.flatMap((name) =>
      [before?.[name], after?.[name]].flatMap((value) => referredPerson(value ?? '') ?? []),
    ),
  );
  const links = await linksOf(options, [...new Set(people)]);
  const owners = new Map([...links].map(([person, link]) => [link.account_id, person]));
  return (account) => {
    const told = names.flatMap((name) => {
      const id = account.fields[name];
      if (id === undefined || id === '') return [];
      const owner = owners.get(id);
      return [[name, owner === undefined ? referenceToAccount(id) : referenceToPerson(owner)] as const];
    });
    return { ...account, fields: { ...account.fields, ...Object.fromEntries(told) } };
  };
}

async function readAccounts(
  options: ReadUndoOptions,
  ids: readonly string[],
  links: ReadonlyMap<string, LinkRow>,
  told: (account: Account) => Account,
): Promise<Map<string, Account>> {
  const { platform, ctx } = options;
  const { capabilities } = platform.provider;
  const wanted = new Map<string, string>();
  const found = new Map<string, Account>();
  const leftBy = (person: string, account: Account): Account =>
    asWeLeftIt(told(account), links.get(person)?.deactivated === true);
  const refs: (readonly [string, AccountRef])[] = [];
  for (const person of ids) {
    const link = links.get(person);
    if (link !== undefined) refs.push([person, keysOf(person, link, capabilities.matchBy)]);
  }
  if (capabilities.lookUp && refs.length <= mostLookUps) {
    for (const [person, ref] of refs) {
      const account = await platform.provider.lookUp(ref, ctx);
      if (account !== null) found.set(person, leftBy(person, account));
    }
    return found;
  }
  for (const [person, { id, externalId, email }] of refs)
    wanted.set(`${id ?? ''}\n${externalId ?? ''}\n${email ?? ''}`, person);
  return untilWhole(async () => {
    found.clear();
    let done = 0;
    for await (const page of platform.provider.readAccounts(ctx)) {
      for (const account of page) {
        const person =
          wanted.get(`${account.id ?? ''}\n\n`) ??
          wanted.get(`\n${account.externalId ?? ''}\n`) ??
          wanted.get(`\n\n${account.email ?? ''}`);
        if (person !== undefined) found.set(person, leftBy(person, account));
      }
      done += page.length;
      options.onProgress({ phase: 'accounts', done, total: null });
    }
    return found;
  });
}

/** Reads the targets concerned; tells of a change whether what it was about is a member now. */
async function readMembers(
  options: ReadUndoOptions,
  changes: readonly StoredChange[],
  targets: UndoSides['targets'],
  links: ReadonlyMap<string, LinkRow>,
  accounts: ReadonlyMap<string, Account>,
): Promise<Pick<UndoSides, 'memberOf' | 'managedMembers'>> {
  const { platform, ctx } = options;
  const byAccounts = platform.provider.capabilities.accounts === 'write';
  const keysOfChange = (change: StoredChange): readonly string[] => {
    const link = links.get(change.person);
    const account = accounts.get(change.person);
    // Without accounts a membership is of the address that it was made under.
    const email = byAccounts ? (account?.email ?? change.ref.email) : change.ref.email;
    if (!byAccounts && email !== null) return [`email ${email}`];
    const id = account?.id ?? link?.account_id ?? change.ref.id;
    const externalId = account?.externalId ?? link?.external_id ?? change.ref.externalId;
    return [
      ...(id === null ? [] : [`id ${id}`]),
      ...(externalId === null ? [] : [`externalId ${externalId}`]),
      ...(email === null ? [] : [`email ${email}`]),
    ];
  };
  // A member that names its account is told by that alone: its email may be somebody else's by now.
  const keysOfMember = (member: Membership): readonly string[] =>
    byAccounts && member.id !== null
      ? [`id ${member.id}`]
      : [`externalId ${member.externalId}`, `email ${member.email}`];
  const wanted = new Map<string, Map<string, Membership | null>>();
  for (const change of changes) {
    if (change.target === null || !targets.has(change.target)) continue;
    const keys = wanted.get(change.target) ?? new Map<string, Membership | null>();
    for (const key of keysOfChange(change)) keys.set(key, null);
    wanted.set(change.target, keys);
  }
  const leaves = changes.some(({ kind }) => kind === 'enroll');
  const managed = leaves ? await managedKeys(options) : undefined;
  const managedMembers = new Map<string, number>();
  for (const [target, keys] of wanted) {
    let ours = 0;
    await untilWhole(async () => {
      for (const key of keys.keys()) keys.set(key, null);
      let done = 0;
      ours = 0;
      for await (const page of platform.provider.readMembers(target, ctx)) {
        for (const member of page) {
          const named = keysOfMember(member);
          for (const key of named) if (keys.has(key)) keys.set(key, member);
          if (managed !== undefined && named.some((key) => managed.get(key) !== absent)) ours++;
        }
        done += page.length;
        options.onProgress({ phase: 'members', done, total: null });
      }
    });
    managedMembers.set(target, ours);
  }
  const memberOf = (change: StoredChange): Membership | undefined => {
    for (const key of keysOfChange(change)) {
      const member = wanted.get(change.target ?? '')?.get(key);
      if (member != null) return member;
    }
    return undefined;
  };
  return { memberOf, managedMembers };
}

/** What the accounts that we manage are known by there. */
async function managedKeys({ deps, customer, platform }: ReadUndoOptions): Promise<TextIndex> {
  const keys = createTextIndex();
  for await (const page of deps.store.links.compact(customer.name, platform.name))
    for (const { accountId, externalId, email, person } of page) {
      if (accountId !== null) keys.set(`id ${accountId}`, 0);
      keys.set(`externalId ${externalId ?? person}`, 0);
      if (email !== null) keys.set(`email ${email}`, 0);
    }
  return keys;
}
