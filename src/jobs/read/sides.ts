import type { Account } from '../../account.ts';
import { createDiffer, type Differ } from '../../diff/differ.ts';
import type { PartsSettled } from '../../diff/parts.ts';
import type { AccountsRead } from '../../diff/platform.ts';
import type { RuleBook } from '../../diff/rule-book.ts';
import { createSeenRows, type SeenRows } from '../../diff/seen-rows.ts';
import type { CallContext, ResolvedTarget } from '../../providers/contract.ts';
import { untilWhole } from '../../providers/until-whole.ts';
import type { Store } from '../../store/store.ts';
import type { Person } from '../../person.ts';
import { type Customer, desireOf, diffPlatform, managerReads, type Platform } from '../customer.ts';
import type { OnProgress } from '../progress.ts';
import { createManagedPeople, managerNotes } from './managed.ts';
import { lastPartsOf, type PartsOfRoster, partsOf } from './parts.ts';
import {
  dateIn,
  type ReadCustomerRosterOptions,
  type RosterRead,
  readCustomerRoster,
  wholeOf,
} from './roster.ts';
import { hashRow } from './row-hash.ts';
import { rulesOf, seenColumnsOf } from './seen.ts';
import type { Reason } from '../reasons.ts';
import { openValues, type Values } from './values.ts';

/** Both sides, read and fed to the diff. */
export type Sides = {
  readonly differ: Differ;
  readonly roster: RosterRead;
  readonly accounts: AccountsRead | null;
  readonly targets: readonly ResolvedTarget[];
  /** Members of each target, by its id. */
  readonly members: Readonly<Record<string, number>>;
  /** Why the platform side does not count as complete; empty when it does. */
  readonly platformReasons: readonly Reason[];
  /** Which parts of the roster came, and whom they left as they are. */
  readonly parts: PartsOfRoster & PartsSettled;
  readonly cutValues: number;
  /** The roster's values beside those of the last good export. */
  readonly values: Values;
  /** Remarks on managers who are not told. */
  readonly managers: readonly Reason[];
  /** The rows for a reviewer's screen. */
  readonly seen: SeenRows;
  /** The rules, and those of the last good run. */
  readonly rules: { readonly before: RuleBook; readonly now: RuleBook };
  /** Hash of the roster row of people who have a suppression. */
  readonly rowHashes: ReadonlyMap<string, string>;
};

export type ReadSidesOptions = {
  readonly customer: Customer;
  readonly platform: Platform;
  readonly store: Store;
  readonly ctx: CallContext;
  readonly nowMs: number;
  readonly onProgress: OnProgress;
  readonly onUnmanaged?: (account: Account) => void;
  /** People whose row's hash is wanted. */
  readonly hashRowsOf?: ReadonlySet<string>;
  /** The run whose whole hold the approval of this one is of. */
  readonly accepted?: string | null;
  /** Whether the run may go on without a part of the roster. */
  readonly mayMiss?: ReadCustomerRosterOptions['mayMiss'];
};

/** Tells the diff under which further emails people may be enrolled, where a platform knows people by nothing else. */
export async function feedAliases(
  options: Pick<ReadSidesOptions, 'customer' | 'platform' | 'store'>,
  differ: Differ,
): Promise<void> {
  if (options.platform.provider.capabilities.accounts !== 'none') return;
  for (const { key, person } of await options.store.links.aliases(
    options.customer.name,
    options.platform.name,
  ))
    differ.alias(key, person);
}

/** Reads roster, links, accounts and memberships of one platform into a diff. Throws when a side cannot be read at all. */
export async function readSides(options: ReadSidesOptions): Promise<Sides> {
  const { customer, platform, store, ctx, onProgress } = options;
  const { provider } = platform;
  await provider.prepare?.(ctx);
  const targets =
    platform.config.enrollments.length === 0
      ? []
      : await provider.resolveTargets(platform.config.enrollments, ctx);
  const known = await store.platforms.find(customer.name, platform.name);
  const shrink = shrinkOf(customer, platform);
  const memberReasons: Reason[] = [];
  const hooks = options.onUnmanaged === undefined ? {} : { onUnmanaged: options.onUnmanaged };
  const shape = diffPlatform(customer, platform, targets);
  const differ = createDiffer(shape, hooks);

  const seen = createSeenRows(seenColumnsOf(customer, platform));
  const rowHashes = new Map<string, string>();
  const desireRules = { today: '', desire: undefined as ReturnType<typeof desireOf> | undefined };
  const values = await openValues({ customer, platform, store, accepted: options.accepted ?? null });
  const take = (person: Person, part: number): void => {
    desireRules.desire ??= desireOf(customer, platform, todayOf(customer, options.nowMs));
    const ordinal = differ.people.size();
    differ.person(desireRules.desire.of(person), part);
    if (differ.people.size() > ordinal) seen.add(ordinal, person, part);
  };
  const reads = managerReads(customer, platform);
  const managed = reads.size === 0 ? undefined : createManagedPeople(customer);
  const leftToo: Person[] = [];
  const roster = await readCustomerRoster({
    customer,
    store,
    nowMs: options.nowMs,
    signal: ctx.signal,
    onPerson: (person, part, row) => {
      if (managed === undefined || person.unread !== undefined) take(person, part);
      else managed.add(person, part);
      values.add(person, part, row);
      if (options.hashRowsOf?.has(person.id) === true) rowHashes.set(person.id, hashRow(person));
    },
    onRetract: (id) => {
      differ.reject(id);
      managed?.retract(id);
      values.retract(id);
    },
    onLeftToo: (person) => {
      if (managed !== undefined) leftToo.push(person);
      else if (desireRules.desire !== undefined) differ.leftToo(desireRules.desire.of(person));
    },
    onLost: (part) => {
      differ.lose(part);
      managed?.lose(part);
      values.lose(part);
    },
    ...(options.mayMiss === undefined ? {} : { mayMiss: options.mayMiss }),
    onProgress: (done, total) => onProgress({ phase: 'roster', done, total }),
  });
  const proven = await values.prove(roster);
  for (const { id, part, isPassedOver } of roster.rejectedRows)
    if (id !== null && !isPassedOver) differ.reject(id, part);
  if (managed !== undefined) {
    for (const { id, isPassedOver } of roster.rejectedRows)
      if (id !== null && !isPassedOver) managed.retract(id);
    const isWhole = wholeOf(roster).complete;
    const waiting = { isWhole, reads, onWaiting: (id: string) => differ.reject(id, roster.partOf(id)) };
    for (const { person, part } of managed.all(waiting)) take(person, part);
    for (const person of leftToo)
      if (desireRules.desire !== undefined) differ.leftToo(desireRules.desire.of(person));
  }
  for await (const page of store.links.compact(customer.name, platform.name))
    for (const link of page) differ.link(link);
  await feedAliases(options, differ);
  const parts = partsOf(roster, await lastPartsOf(customer, store));
  const settled = differ.settleParts({
    standings: parts.standings,
    onBoth: customer.config.roster.onBoth,
    prefixes: customer.parts[0]?.name === '' ? [] : customer.parts.map(({ config }) => config.idPrefix),
    lastIn: parts.last.of,
  });

  const accounts = provider.capabilities.accounts === 'write' ? await readAccounts(options, differ) : null;
  const reasons: Reason[] = [];
  if (accounts !== null)
    reasons.push(...shrunkAccounts(accounts.total, known?.last_accounts ?? null, shrink));

  const members: Record<string, number> = {};
  for (const [at, target] of targets.entries()) {
    const count = await readMembers(options, differ, target.id, at);
    members[target.id] = count;
    memberReasons.push(...shrunkMembers(target.name, count, known?.last_members[target.id] ?? null, shrink));
  }
  return {
    differ,
    roster,
    accounts,
    targets,
    members,
    platformReasons: [...reasons, ...memberReasons],
    parts: { ...parts, ...settled },
    cutValues: desireRules.desire?.cut() ?? 0,
    rowHashes,
    values: proven,
    managers: managed === undefined ? [] : managerNotes(managed.counts()),
    seen,
    rules: { before: known?.rules ?? {}, now: rulesOf(customer, platform) },
  };
}

function todayOf(customer: Customer, nowMs: number): string {
  return dateIn(customer.config.roster.timezone, nowMs);
}

async function readAccounts(options: ReadSidesOptions, differ: Differ): Promise<AccountsRead> {
  const { platform, ctx, onProgress } = options;
  return untilWhole(async () => {
    let done = 0;
    let total: number | null = null;
    for await (const page of platform.provider.readAccounts(ctx, (expected) => {
      total = expected;
    })) {
      differ.accounts(page);
      done += page.length;
      onProgress({ phase: 'accounts', done, total });
    }
    return differ.settleAccounts();
  }, differ.restart);
}

/** Reads the members of a target into the diff; returns how many there are. */
function readMembers(
  { platform, ctx, onProgress }: Pick<ReadSidesOptions, 'platform' | 'ctx' | 'onProgress'>,
  differ: Differ,
  target: string,
  at: number,
): Promise<number> {
  return untilWhole(
    async () => {
      let count = 0;
      for await (const page of platform.provider.readMembers(target, ctx)) {
        count += page.length;
        differ.members(at, page);
        onProgress({ phase: 'members', done: count, total: null });
      }
      return count;
    },
    () => differ.forgetMembers(at),
  );
}

/** By how much fewer than at the last good read still pass, and what to set when somebody really cleaned up there. */
type Shrink = {
  readonly percent: number;
  /** Where that percentage stands. */
  readonly from: string;
  /** The key that concerns this platform alone: the roster is proven as before. */
  readonly key: string;
  /** Whether somebody said that this platform may be empty. */
  readonly mayBeEmpty: boolean;
};

function shrinkOf(customer: Customer, platform: Platform): Shrink {
  const key = `platforms.${platform.name}.maxShrink`;
  const own = platform.config.maxShrink;
  return {
    percent: own ?? customer.config.roster.maxShrink,
    from: own === undefined ? 'roster.maxShrink' : key,
    key,
    mayBeEmpty: own === 100,
  };
}

function shrunkAccounts(count: number, last: number | null, shrink: Shrink): Reason[] {
  if (last === null || last === 0) return [];
  if (count === 0) {
    if (shrink.mayBeEmpty) return [];
    return [
      {
        code: 'PLATFORM_EMPTY',
        message: `the platform answered with no accounts; the last good read had ${last}. Nobody is removed. If they really are gone, set ${shrink.key} to 100% for one run.`,
      },
    ];
  }
  if (count >= last * (1 - shrink.percent / 100)) return [];
  return [
    {
      code: 'PLATFORM_SHRUNK',
      message: `the platform answered with ${count} accounts; the last good read had ${last}, and ${shrink.percent} % fewer is the most that passes (${shrink.from}). Nobody is removed. ${wayOn(count, last, shrink)}`,
    },
  ];
}

/** Names the smallest whole percentage that lets a read of that size pass. */
function wayOn(count: number, last: number, { key }: Shrink): string {
  return `If somebody really cleaned up there, set ${key} to ${Math.ceil((1 - count / last) * 100)}% for one run.`;
}

function shrunkMembers(name: string, count: number, last: number | null, shrink: Shrink): Reason[] {
  // Small groups change by more than a percentage would allow; the limits on enroll and unenroll still hold there.
  if (last === null || last < 20 || count >= last * (1 - shrink.percent / 100)) return [];
  return [
    {
      code: 'TARGET_SHRUNK',
      message: `the target "${name}" has ${count} members; the last good read had ${last}, and ${shrink.percent} % fewer is the most that passes (${shrink.from}). Nobody is removed. ${wayOn(count, last, shrink)}`,
    },
  ];
}
