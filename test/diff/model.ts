import type { Account, Membership } from '../../src/account.ts';
import type { Adoption, Change, Review } from '../../src/diff/change.ts';
import { hashOf } from '../../src/diff/change.ts';
import type { Desired, DiffField, Exempt } from '../../src/diff/desired.ts';
import { createDiffer } from '../../src/diff/differ.ts';
import type { Circumstances, Difference, DiffPlatform } from '../../src/diff/platform.ts';
import type { Link } from '../../src/account.ts';

/** The fields of the model platform: two read names, a read email, and one field that is not given back. */
export const modelFields: readonly DiffField[] = [
  { name: 'firstName', from: 'firstName', readBack: true, required: true, maxLength: null },
  { name: 'lastName', from: 'lastName', readBack: true, required: false, maxLength: null },
  { name: 'email', from: 'email', readBack: true, required: false, maxLength: null },
  { name: 'phone', from: null, readBack: false, required: false, maxLength: null },
];

export const nobodyExempt: Exempt = { ignored: new Set(), protected: new Set(), from: new Set() };

export const modelPlatform: DiffPlatform = {
  accounts: 'write',
  matchBy: 'externalId',
  canDeactivate: true,
  fields: modelFields,
  targets: [],
  leavers: 'deactivate',
  exempt: nobodyExempt,
};

export const complete: Circumstances = {
  withholdRemovals: false,
  platformShrunk: false,
  absenceIsDue: () => false,
  hasCompleted: () => false,
  isSuppressed: () => false,
};

/** What one person should be, with an account and every target unless said otherwise. */
export function desired(
  id: string,
  over: Partial<Desired> & { first?: string; last?: string; phone?: string } = {},
): Desired {
  const { first = `First${id}`, last = `Last${id}`, phone = '', ...rest } = over;
  const email = rest.email === undefined ? `${id.toLowerCase()}@example.com` : rest.email;
  const wantsAccount = rest.wantsAccount ?? !(rest.terminated ?? false);
  return {
    id,
    email,
    previousId: null,
    terminated: false,
    wantsAccount,
    values: [first, last, email ?? '', phone],
    targets: [wantsAccount, wantsAccount],
    protectedFrom: 'nothing',
    ignored: false,
    name: `${first} ${last}`,
    ...rest,
  };
}

/** An account that a person's row explains to the letter. */
export function accountOf(
  id: string,
  person: string,
  over: Partial<Account> & { first?: string; last?: string } = {},
): Account {
  const { first = `First${person}`, last = `Last${person}`, ...rest } = over;
  const email = rest.email === undefined ? `${person.toLowerCase()}@example.com` : rest.email;
  return {
    id,
    externalId: person,
    email,
    active: true,
    fields: { firstName: first, lastName: last, email: email ?? '' },
    ...rest,
  };
}

export function linkOf(person: string, accountId: string | null, over: Partial<Link> = {}): Link {
  return {
    person,
    accountId,
    externalId: null,
    email: null,
    writtenHash: null,
    emailHash: null,
    confirmedHash: null,
    deactivated: false,
    ...over,
  };
}

/** All that a diff is fed. */
export type World = {
  readonly platform: DiffPlatform;
  readonly people: readonly Desired[];
  readonly rejected: readonly string[];
  readonly links: readonly Link[];
  readonly aliases: readonly { readonly email: string; readonly person: string }[];
  readonly accounts: readonly Account[];
  /** Members of each target, in the order of the targets. */
  readonly members: readonly (readonly Membership[])[];
  /** Who is known to have completed a training: `target person`. Outlives the membership that told it. */
  readonly completions: readonly string[];
};

export const emptyWorld: World = {
  platform: modelPlatform,
  people: [],
  rejected: [],
  links: [],
  aliases: [],
  accounts: [],
  members: [],
  completions: [],
};

/** One diff's result, written out. */
export type Result = {
  readonly difference: Difference;
  readonly changes: readonly Change[];
  readonly adoptions: readonly Adoption[];
  readonly reviews: readonly Review[];
  readonly hash: string;
  /** `kind person target`, in the plan's order. */
  readonly lines: readonly string[];
  /** Who completed which training, as the memberships tell: `target person`. */
  readonly completions: readonly string[];
  readonly facts: ReadonlyMap<
    string,
    { readonly writtenHash: number | null; readonly emailHash: number | null }
  >;
};

/** Runs a diff over a world, in pages of the given size. */
export function diff(world: World, circumstances: Partial<Circumstances> = {}, pageSize = 3): Result {
  const differ = createDiffer(world.platform);
  for (const person of world.people) differ.person(person);
  for (const id of world.rejected) differ.reject(id);
  for (const link of world.links) differ.link(link);
  for (const { email, person } of world.aliases) differ.alias(email, person);
  for (let at = 0; at < world.accounts.length; at += pageSize)
    differ.accounts(world.accounts.slice(at, at + pageSize));
  differ.settleAccounts();
  for (const [target] of world.platform.targets.entries()) {
    const rows = world.members[target] ?? [];
    differ.members(target, []);
    for (let at = 0; at < rows.length; at += pageSize) differ.members(target, rows.slice(at, at + pageSize));
  }
  const known = new Set(world.completions);
  const difference = differ.finish({
    ...complete,
    hasCompleted: (target, person) => known.has(`${target} ${person}`),
    ...circumstances,
  });
  const changes = [...difference.changes()];
  return {
    difference,
    changes,
    adoptions: [...difference.adoptions],
    reviews: difference.reviews,
    hash: hashOf(changes.map(({ fingerprint }) => fingerprint)),
    lines: changes.map(({ kind, person, target }) => [kind, person, target ?? ''].join(' ').trim()),
    completions: world.platform.targets.flatMap(({ id, isTraining }, at) =>
      isTraining ? [...differ.completed(at)].map((person) => `${id} ${person}`) : [],
    ),
    facts: new Map(
      changes.map(({ person }) => {
        const ordinal = differ.people.find(person);
        return [
          person,
          { writtenHash: differ.people.writtenHash(ordinal), emailHash: differ.people.emailHash(ordinal) },
        ];
      }),
    ),
  };
}

/** What the world is after the plan was stored and applied without a failure, as the jobs do it. */
export function apply(world: World, result: Result): World {
  const links = new Map(world.links.map((link) => [link.person, link]));
  const aliases = new Map(world.aliases.map((alias) => [alias.email, alias]));
  const accounts = new Map(world.accounts.map((account) => [account.id ?? '', account]));
  const members = world.platform.targets.map((_, at) => [...(world.members[at] ?? [])]);
  const readable = new Set(world.platform.fields.filter((field) => field.readBack).map(({ name }) => name));
  const completions = new Set(world.completions);

  for (const { person, ref, from } of result.adoptions) {
    if (from !== null) {
      // The history goes with the account.
      links.delete(from);
      for (const alias of [...aliases.values()])
        if (alias.person === from) aliases.set(alias.email, { ...alias, person });
      for (const { id } of world.platform.targets)
        if (completions.has(`${id} ${from}`)) completions.add(`${id} ${person}`);
    }
    const before = links.get(person);
    if (ref.id === null && before?.email != null && before.email !== ref.email)
      aliases.set(before.email, { email: before.email, person });
    links.set(person, {
      ...linkOf(person, ref.id),
      externalId: ref.externalId === person ? null : ref.externalId,
      email: ref.id === null ? ref.email : null,
      writtenHash: before?.writtenHash ?? null,
      emailHash: before?.emailHash ?? null,
    });
  }
  for (const completion of result.completions) completions.add(completion);
  const accountOfRef = (change: Change): Account => {
    const id = change.ref.id ?? links.get(change.person)?.accountId ?? '';
    const account = accounts.get(id);
    if (account === undefined) throw new Error(`${change.kind} of ${change.person}: no account ${id}`);
    return account;
  };
  for (const change of result.changes) {
    const target = world.platform.targets.findIndex(({ id }) => id === change.target);
    switch (change.kind) {
      case 'create':
      case 'update':
      case 'reactivate': {
        const id = change.kind === 'create' ? `new-${change.person}` : (accountOfRef(change).id ?? '');
        const fields = Object.fromEntries(
          Object.entries(change.after ?? {}).filter(([name]) => readable.has(name)),
        );
        const old = accounts.get(id);
        accounts.set(id, {
          id,
          externalId:
            world.platform.matchBy === 'email' ? null : (old?.externalId ?? change.ref.externalId ?? null),
          email: (fields['email'] ?? '') === '' ? null : (fields['email'] ?? null),
          active: true,
          fields,
        });
        links.set(change.person, {
          ...(links.get(change.person) ?? linkOf(change.person, id)),
          accountId: id,
          ...(result.facts.get(change.person) ?? {}),
        });
        if (change.kind === 'create')
          links.set(change.person, {
            ...(links.get(change.person) ?? linkOf(change.person, id)),
            externalId: null,
          });
        break;
      }
      case 'deactivate': {
        const account = accountOfRef(change);
        accounts.set(account.id ?? '', { ...account, active: false });
        break;
      }
      case 'enroll': {
        const rows = members[target] ?? [];
        if (world.platform.accounts === 'none') {
          const link = links.get(change.person) ?? linkOf(change.person, null);
          if (link.email !== null && link.email !== change.ref.email)
            aliases.set(link.email, { email: link.email, person: change.person });
          links.set(change.person, { ...link, email: change.ref.email });
          rows.push({ id: null, externalId: null, email: change.ref.email, completed: false });
        } else rows.push({ ...memberOf(accountOfRef(change)), completed: false });
        break;
      }
      case 'unenroll': {
        const isIt = (member: Membership): boolean =>
          world.platform.accounts === 'none'
            ? member.email === change.ref.email
            : member.id === accountOfRef(change).id;
        const rows = members[target] ?? [];
        if (!rows.some(isIt)) throw new Error(`unenroll of ${change.person}: not a member`);
        members[target] = rows.filter((member) => !isIt(member));
        break;
      }
    }
  }
  return {
    ...world,
    links: [...links.values()],
    aliases: [...aliases.values()],
    accounts: [...accounts.values()],
    members,
    completions: [...completions].sort(),
  };
}

/** An account as a target lists it. */
export function memberOf(account: Account): Omit<Membership, 'completed'> {
  return { id: account.id, externalId: account.externalId, email: account.email };
}
