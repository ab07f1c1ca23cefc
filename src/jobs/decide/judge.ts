import { type ChangeCounts, type ChangeKind, changeKinds, noChanges } from '../../change.ts';
import { type Change, hashOf } from '../../diff/change.ts';
import { describeHold, guard, guardWindowMs, type Hold } from '../../diff/guard.ts';
import type { Store } from '../../store/store.ts';
import type { Customer, Platform } from '../customer.ts';
import type { Sides } from '../read/sides.ts';
import { heldCode, type Reason } from '../reasons.ts';

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

/** The changes themselves, where there are some; they can be walked again, always in the order of their kinds. */
export type Changes = {
  readonly changes: () => Iterable<Change>;
  /** Fingerprints that an approval names: those changes go out whatever the limits say. */
  readonly approved: ReadonlySet<string>;
};

/** What may go and what waits. */
export type Judgement = {
  readonly holds: readonly Hold[];
  /** The holds as reasons of a run. */
  readonly reasons: readonly Reason[];
  readonly held: ChangeCounts;
  /** Of the planned, those that the approval released. */
  readonly released: ChangeCounts;
  readonly waits: (change: Change) => boolean;
  /** Of the changes still to be decided: the held ones, or all. */
  readonly hash: string | null;
};

/** Holds changes against the limits over 24 hours. What depends on a change that is held waits with it. */
export async function judge(of: Case & Changes): Promise<Judgement> {
  const { changes, approved, planned } = of;
  const released = noChanges();
  if (approved.size > 0)
    for (const change of changes()) if (approved.has(change.fingerprint)) released[change.kind]++;
  const holds = await holdsOf(of, changes, released);
  const heldKinds = new Set(holds.map(({ kind }) => kind));
  const held = noChanges();
  for (const kind of heldKinds) held[kind] = planned[kind] - released[kind];
  const waitsItself = (change: Change): boolean =>
    heldKinds.has(change.kind) && !approved.has(change.fingerprint);
  const dependents = dependentsOf(changes, waitsItself, heldKinds);
  for (const kind of dependents.values()) held[kind]++;
  const waits = (change: Change): boolean => waitsItself(change) || dependents.has(change.fingerprint);
  return {
    holds,
    reasons: holds.map((hold) => ({
      code: heldCode(hold.kind),
      message: describeHold(hold),
    })),
    held,
    released,
    waits,
    hash: hashToDecide(changes, holds.length > 0 ? waits : () => true),
  };
}

/** The kinds that would pass their limit with what the last 24 hours have had; nothing is approved of what has no changes. */
export async function holdsOf(
  of: Case,
  changes: Changes['changes'] = () => [],
  approved: ChangeCounts = noChanges(),
): Promise<readonly Hold[]> {
  const { store, customer, platform, planned, managed } = of;
  // Nothing planned, nothing to hold: almost every night.
  if (changeKinds.every((kind) => planned[kind] === approved[kind])) return [];
  const sinceMs = of.nowMs - guardWindowMs;
  return guard({
    planned,
    approved,
    recent: await recentCounts(store, customer, platform, sinceMs, changes),
    managed,
    limits: platform.config.limits as Parameters<typeof guard>[0]['limits'],
  });
}

/**
 * What was applied since then. A change whose outcome is unknown counts, unless the plan has it again: then it had no
 * effect.
 */
async function recentCounts(
  store: Case['store'],
  customer: Case['customer'],
  platform: Case['platform'],
  sinceMs: number,
  changes: Changes['changes'],
): Promise<ChangeCounts> {
  const recent = { ...(await store.journal.recentCounts(customer.name, platform.name, sinceMs)) };
  const unknown = await store.journal.recentUnknown(customer.name, platform.name, sinceMs);
  if (unknown.length === 0) return recent;
  const again = new Set<string>();
  for (const { fingerprint } of changes()) again.add(fingerprint);
  for (const { kind, fingerprint } of unknown) if (!again.has(fingerprint)) recent[kind]++;
  return recent;
}

/**
 * Changes that cannot go without one that is held: enrollments of an account that is not there yet, and taking an address
 * out of a target before another one of the person is in.
 */
function dependentsOf(
  changes: Changes['changes'],
  waits: (change: Change) => boolean,
  heldKinds: ReadonlySet<ChangeKind>,
): ReadonlyMap<string, ChangeKind> {
  const dependents = new Map<string, ChangeKind>();
  if (!heldKinds.has('create') && !heldKinds.has('reactivate') && !heldKinds.has('enroll')) return dependents;
  const accounts = new Set<string>();
  const enrollments = new Set<string>();
  // Changes come in the order of their kinds: accounts before enrollments, enrollments before what ends.
  for (const change of changes()) {
    const waiting = waits(change);
    if ((change.kind === 'create' || change.kind === 'reactivate') && waiting) accounts.add(change.person);
    const membership = `${change.target}\n${change.person}`;
    const follows =
      (change.kind === 'enroll' && accounts.has(change.person)) ||
      (change.kind === 'unenroll' && enrollments.has(membership));
    if (follows && !waiting) dependents.set(change.fingerprint, change.kind);
    if (change.kind === 'enroll' && (waiting || follows)) enrollments.add(membership);
  }
  return dependents;
}

/** Why nobody may be removed: the roster or the platform did not prove that it is complete. */
export function withholdReasons({
  roster: { proof },
  platformReasons,
}: Pick<Sides, 'roster' | 'platformReasons'>): readonly Reason[] {
  const reasons: Reason[] = proof.reasons.map(({ code, message }) => ({ code, message }));
  if (proof.unreadableIds > 0) {
    reasons.push({
      code: 'ROSTER_ID_UNREADABLE',
      message: `${proof.unreadableIds} rejected rows have no readable id: they could be anybody, so nobody is removed.`,
    });
  }
  return [...reasons, ...platformReasons];
}

function hashToDecide(changes: Changes['changes'], concerns: (change: Change) => boolean): string | null {
  const fingerprints: string[] = [];
  for (const change of changes()) if (concerns(change)) fingerprints.push(change.fingerprint);
  return fingerprints.length === 0 ? null : hashOf(fingerprints);
}
