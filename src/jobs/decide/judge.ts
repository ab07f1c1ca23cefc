import { referredPerson } from '../../account.ts';
import { type ChangeCounts, changeKinds, noChanges } from '../../change.ts';
import { type Change, hashOf } from '../../diff/change.ts';
import { guard, guardWindowMs, type Hold, isHeldBy, type Limits, type TargetPlan } from '../../diff/guard.ts';
import type { Store } from '../../store/store.ts';
import type { Customer, Platform } from '../customer.ts';
import { type PartRead, wholeOf } from '../read/roster.ts';
import type { Sides } from '../read/sides.ts';
import type { Reason } from '../reasons.ts';

/** What is judged, on which platform, and when. Whatever writes is judged here: runs, undos and launches. */
export type Case = {
  readonly store: Pick<Store, 'journal'>;
  readonly customer: Pick<Customer, 'name'>;
  readonly platform: Pick<Platform, 'name' | 'config'>;
  readonly nowMs: number;
  /** Accounts that we manage there. */
  readonly managed: number;
  readonly planned: ChangeCounts;
};

/** An enrollment target, for the limit on what leaves it. */
export type JudgedTarget = {
  readonly id: string;
  readonly name: string;
  /** Members there now whose accounts we manage. */
  readonly members: () => number;
};

/** The changes themselves, where there are some; they can be walked again, always in the order of their kinds. */
export type Changes = {
  readonly changes: () => Iterable<Change>;
  /** Fingerprints that an approval names: those changes go out whatever the limits say. */
  readonly approved: ReadonlySet<string>;
  readonly targets?: readonly JudgedTarget[];
  /** Changes that follow from a column whose values are in doubt: they wait, whatever the limits say. */
  readonly doubted?: (change: Change) => boolean;
};

/** What may go and what waits. */
export type Judgement = {
  readonly holds: readonly Hold[];
  /** Something waits for a decision: by a limit, or because its values are in doubt. */
  readonly anyHeld: boolean;
  readonly held: ChangeCounts;
  /** Of the planned, those that the approval released. */
  readonly released: ChangeCounts;
  readonly waits: (change: Change) => boolean;
  /** Whether it waits by itself, and not only for one that it depends on. */
  readonly waitsItself: (change: Change) => boolean;
  /** Of the changes still to be decided: the held ones, or all. */
  readonly hash: string | null;
};

const noDoubt = (): boolean => false;

/** Holds changes against the limits over 24 hours. What depends on a change that is held waits with it. */
export async function judge(of: Case & Changes): Promise<Judgement> {
  const { changes, approved, planned } = of;
  const isDoubted = of.doubted ?? noDoubt;
  const released = noChanges();
  const doubted = noChanges();
  if (approved.size > 0 || of.doubted !== undefined)
    for (const change of changes()) {
      if (approved.has(change.fingerprint)) released[change.kind]++;
      else if (isDoubted(change)) doubted[change.kind]++;
    }
  // What waits for its column goes nowhere: it is no reason to hold the rest.
  const going = { ...planned };
  for (const kind of changeKinds) going[kind] -= doubted[kind];
  const holds = await holdsOf({ ...of, planned: going }, of, released);
  const waitsItself = (change: Change): boolean =>
    !approved.has(change.fingerprint) && (holds.some((hold) => isHeldBy(hold, change)) || isDoubted(change));
  const anyHeld = holds.length > 0 || changeKinds.some((kind) => doubted[kind] > 0);
  const { held, dependents } = anyHeld ? heldOf(changes, waitsItself) : nothingHeld;
  const waits = (change: Change): boolean =>
    anyHeld && (waitsItself(change) || dependents.has(change.fingerprint));
  return {
    holds,
    anyHeld,
    held,
    released,
    waits,
    waitsItself: (change) => anyHeld && waitsItself(change),
    hash: hashToDecide(changes, anyHeld ? waits : () => true),
  };
}

/** The kinds that would pass their limit with what the last 24 hours have had; nothing is approved of what has no changes. */
export async function holdsOf(
  of: Case,
  judged: Changes = { changes: () => [], approved: new Set() },
  approved: ChangeCounts = noChanges(),
): Promise<readonly Hold[]> {
  const { store, customer, platform, planned, managed } = of;
  // Nothing planned, nothing to hold: almost every night.
  if (changeKinds.every((kind) => planned[kind] === approved[kind])) return [];
  const sinceMs = of.nowMs - guardWindowMs;
  const recent = await recentChanges(store, customer, platform, sinceMs, judged.changes);
  return guard({
    planned,
    approved,
    recent: recent.counts,
    managed,
    limits: platform.config.limits as Limits,
    targets: planned.unenroll > approved.unenroll ? targetPlans(judged, recent.unenrolls) : [],
  });
}

/** What would leave each target, without an approval and without a doubt about it. */
function targetPlans(judged: Changes, recent: ReadonlyMap<string, number>): readonly TargetPlan[] {
  const { targets = [], approved } = judged;
  const leaving = new Map<string, number>();
  for (const change of judged.changes()) {
    if (change.kind !== 'unenroll' || change.target === null) continue;
    if (approved.has(change.fingerprint) || judged.doubted?.(change) === true) continue;
    leaving.set(change.target, (leaving.get(change.target) ?? 0) + 1);
  }
  const plans = new Map<string, TargetPlan>();
  for (const { id, name, members } of targets) {
    const planned = leaving.get(id) ?? 0;
    // Several rules may be of one target.
    if (planned > 0 && !plans.has(id))
      plans.set(id, { id, name, members: members(), planned, recent: recent.get(id) ?? 0 });
  }
  return [...plans.values()];
}

/**
 * What was applied since then. A change whose outcome is unknown counts, unless the plan has it again: then it had no
 * effect.
 */
async function recentChanges(
  store: Case['store'],
  customer: Case['customer'],
  platform: Case['platform'],
  sinceMs: number,
  changes: Changes['changes'],
): Promise<{ readonly counts: ChangeCounts; readonly unenrolls: ReadonlyMap<string, number> }> {
  const { journal } = store;
  const counts = { ...(await journal.recentCounts(customer.name, platform.name, sinceMs)) };
  const unenrolls = new Map(await journal.recentUnenrolls(customer.name, platform.name, sinceMs));
  const unknown = await journal.recentUnknown(customer.name, platform.name, sinceMs);
  if (unknown.length === 0) return { counts, unenrolls };
  const again = new Set<string>();
  for (const { fingerprint } of changes()) again.add(fingerprint);
  for (const { kind, target, fingerprint } of unknown) {
    if (again.has(fingerprint)) continue;
    counts[kind]++;
    if (kind === 'unenroll' && target !== null) unenrolls.set(target, (unenrolls.get(target) ?? 0) + 1);
  }
  return { counts, unenrolls };
}

const nothingHeld = {
  held: noChanges() as ChangeCounts,
  dependents: new Set<string>() as ReadonlySet<string>,
};

/**
 * Counts what waits, and finds the changes that cannot go without one that does: enrollments of an account that is not
 * there yet, and taking an address out of a target before another one of the person is in.
 */
function heldOf(
  changes: Changes['changes'],
  waits: (change: Change) => boolean,
): { readonly held: ChangeCounts; readonly dependents: ReadonlySet<string> } {
  const held = noChanges();
  const dependents = new Set<string>();
  const accounts = new Set<string>();
  const enrollments = new Set<string>();
  // Changes come in the order of their kinds: accounts before enrollments, enrollments before what ends.
  for (const change of changes()) {
    const waiting = waits(change);
    if ((change.kind === 'create' || change.kind === 'reactivate') && waiting) accounts.add(change.person);
    const membership = `${change.target}\n${change.person}`;
    const follows =
      (change.kind === 'enroll' && accounts.has(change.person)) ||
      (change.kind === 'update' && isOnlyAbout(change, accounts)) ||
      (change.kind === 'unenroll' && enrollments.has(membership));
    if (follows && !waiting) dependents.add(change.fingerprint);
    if (waiting || follows) held[change.kind]++;
    if (change.kind === 'enroll' && (waiting || follows)) enrollments.add(membership);
  }
  return { held, dependents };
}

/** Whether all that an update writes is a reference to accounts that are not made. */
function isOnlyAbout({ awaits, after, changed }: Change, accounts: ReadonlySet<string>): boolean {
  if (awaits === undefined || !accounts.has(awaits)) return false;
  return changed.every((name) => referredPerson(after?.[name] ?? '') === awaits);
}

/** Why some may not be removed: the roster, a part of it, or the platform did not prove that it is complete. */
export function withholdReasons({
  roster,
  platformReasons,
}: Pick<Sides, 'roster' | 'platformReasons'>): readonly Reason[] {
  const reasons = roster.parts.flatMap(partReasons);
  const { unreadableIds } = wholeOf(roster);
  if (unreadableIds > 0) {
    const named = roster.parts.filter(
      ({ part, proof }) => part.name !== '' && (proof?.unreadableIds ?? 0) > 0,
    );
    const where = named.length === 0 ? '' : ` of ${named.map(({ part }) => part.name).join(', ')}`;
    reasons.push({
      code: 'ROSTER_ID_UNREADABLE',
      message: `${unreadableIds} rejected rows${where} have no readable id: they could be anybody, so nobody is removed.`,
    });
  }
  return [...reasons, ...platformReasons];
}

/** Why a part of the roster does not count as complete, in its name where it has one. */
function partReasons({ part, proof, failure }: PartRead): readonly Reason[] {
  const { name } = part;
  if (proof === null)
    return [
      {
        code: 'ROSTER_PART_AWAY',
        message: `${failure?.message ?? name} Nothing happens to its people; the others went ahead.`,
        part: name,
      },
    ];
  return proof.reasons.map(({ code, message }) =>
    name === '' ? { code, message } : { code, message: `${name}: ${message}`, part: name },
  );
}

/** Whether the removals of everybody wait, and not only of the people of some parts. */
export function withholdsAll({
  roster,
  platformReasons,
}: Pick<Sides, 'roster' | 'platformReasons'>): boolean {
  return (
    platformReasons.length > 0 ||
    wholeOf(roster).unreadableIds > 0 ||
    roster.parts.every((part) => part.proof?.complete !== true)
  );
}

function hashToDecide(changes: Changes['changes'], concerns: (change: Change) => boolean): string | null {
  const fingerprints: string[] = [];
  for (const change of changes()) if (concerns(change)) fingerprints.push(change.fingerprint);
  return fingerprints.length === 0 ? null : hashOf(fingerprints);
}
