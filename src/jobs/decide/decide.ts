import { type ChangeCounts, type ChangeKind, noChanges } from '../../change.ts';
import { absenceIsDue } from '../../diff/absence.ts';
import { type Change, hashOf } from '../../diff/change.ts';
import type { Difference } from '../../diff/platform.ts';
import { describeHold, guard, guardWindowMs, type Hold } from '../../diff/guard.ts';
import type { Suppression } from '../../store/decisions.ts';
import type { Completion, PlannedBatch, PlannedChange } from '../../store/plan-record.ts';
import { exportKey } from '../../store/roster-state.ts';
import type { LinkFacts, RunReason } from '../../store/schema.ts';
import type { Store } from '../../store/store.ts';
import type { Customer, Platform } from '../customer.ts';
import { createLayout } from './layout.ts';
import type { Sides } from '../read/sides.ts';
import { coursesOf } from '../read/courses.ts';
import { indexSuppressions } from './suppressed.ts';

/** A plan, judged: what may go, what is held, and why. */
export type Decision = {
  readonly difference: Difference;
  readonly holds: readonly Hold[];
  readonly held: ChangeCounts;
  /** Of the planned, those that the approval released. */
  readonly released: ChangeCounts;
  readonly planned: ChangeCounts;
  /** Why removals were withheld; empty when both sides were complete. */
  readonly withheld: readonly RunReason[];
  readonly reasons: readonly RunReason[];
  readonly managed: number;
  readonly hash: string | null;
  /** The changes with their dispositions and batches; walking them fills `batches`. */
  readonly changes: () => Iterable<PlannedChange>;
  readonly batches: () => readonly PlannedBatch[];
  readonly usedSuppressions: readonly string[];
  /** Completions that the memberships tell and that were not known before: they outlive the membership. */
  readonly completions: readonly Completion[];
};

export type DecideOptions = {
  readonly customer: Customer;
  readonly platform: Platform;
  readonly store: Store;
  readonly sides: Sides;
  readonly nowMs: number;
  /** Fingerprints that an approval names; their changes go out whatever the limits say. */
  readonly approved: ReadonlySet<string>;
  readonly suppressions: readonly Suppression[];
  /** A run of one person never removes. */
  readonly onePerson: boolean;
};

/** Works out the difference, holds it against limits, approvals and earlier decisions, and lays out the batches. */
export async function decide(options: DecideOptions): Promise<Decision> {
  const { customer, platform, store, sides, nowMs } = options;
  const { config } = customer;
  const withheld = withholdReasons(sides);
  const absences = await store.roster.absences(customer.name);
  const courses = coursesOf(platform, sides.targets);
  const completed = await store.results.completed(customer.name, platform.name, courses);
  const key = exportKey({
    fingerprint: sides.roster.proof.fingerprint,
    modifiedMs: sides.roster.proof.modifiedAtMs,
  });
  const suppressed = indexSuppressions(options.suppressions, sides.rowHashes);

  const difference = sides.differ.finish({
    withholdRemovals: withheld.length > 0 || options.onePerson || platform.config.mode === 'additive',
    platformShrunk: sides.platformReasons.length > 0,
    absenceIsDue: (person) => {
      const known = absences.get(person);
      // This export counts too, once, and only when it is complete: an incomplete one withholds all removals anyway.
      const exports = known === undefined ? 1 : known.exports + (known.lastExport === key ? 0 : 1);
      return absenceIsDue({ exports, sinceMs: known?.sinceMs ?? nowMs }, config.absence, nowMs);
    },
    hasCompleted: (target, person) => completed.has(`${target}\n${person}`),
    mayBeSuppressed: suppressed.people.size === 0 ? () => false : (person) => suppressed.people.has(person),
    isSuppressed: suppressed.matches,
  });

  const approvedCounts = noChanges();
  if (options.approved.size > 0) {
    for (const change of difference.changes())
      if (options.approved.has(change.fingerprint)) approvedCounts[change.kind]++;
  }
  const managed = await store.links.count(customer.name, platform.name);
  const holds = guard({
    planned: difference.counts,
    approved: approvedCounts,
    recent: await recentCounts(store, customer, platform, difference, nowMs - guardWindowMs),
    managed,
    limits: platform.config.limits as Parameters<typeof guard>[0]['limits'],
  });
  const heldKinds = new Set<ChangeKind>(holds.map((hold) => hold.kind));
  const held = noChanges();
  for (const hold of holds) held[hold.kind] = difference.counts[hold.kind] - approvedCounts[hold.kind];

  const reasons: RunReason[] = [
    ...holds.map((hold) => ({ code: `HELD_${hold.kind.toUpperCase()}`, message: describeHold(hold) })),
    ...withheld,
  ];
  if (withheld.length > 0 && difference.withheld.deactivate + difference.withheld.unenroll > 0) {
    reasons.push({
      code: 'REMOVALS_WITHHELD',
      message: `${difference.withheld.deactivate} deactivate and ${difference.withheld.unenroll} unenroll were withheld; the next complete run makes them.`,
    });
  }
  const waitsItself = (change: Change): boolean =>
    heldKinds.has(change.kind) && !options.approved.has(change.fingerprint);
  const dependents = dependentsOf(difference, waitsItself, heldKinds, held);
  const waits = (change: Change): boolean => waitsItself(change) || dependents.has(change.fingerprint);
  const layout = createLayout(platform.provider.capabilities.operations, platform.config.mode === 'observe');
  const facts = (change: Change): LinkFacts | null => {
    if (change.kind === 'deactivate' || change.kind === 'unenroll') return null;
    const person = sides.differ.people.find(change.person);
    return {
      writtenHash: sides.differ.people.writtenHash(person),
      emailHash: sides.differ.people.emailHash(person),
    };
  };
  return {
    difference,
    holds,
    held,
    released: approvedCounts,
    planned: difference.counts,
    withheld,
    reasons,
    managed,
    hash: hashToDecide(difference, holds.length > 0 ? waits : () => true),
    *changes() {
      layout.reset();
      for (const change of difference.changes()) {
        const disposition = waits(change) ? 'held' : 'apply';
        yield {
          ...change,
          disposition,
          approved: options.approved.has(change.fingerprint),
          batch: disposition === 'apply' ? layout.place(change) : null,
          rowHash: null,
          link: facts(change),
        };
      }
    },
    batches: layout.batches,
    usedSuppressions:
      withheld.length > 0 || options.onePerson
        ? suppressed.outdated
        : [...suppressed.outdated, ...suppressed.settled(sides.differ.people)],
    completions: newCompletions(sides, courses, completed),
  };
}

/**
 * What the last 24 hours have had. A change whose outcome is unknown counts, unless this plan has it again: then it had
 * no effect.
 */
async function recentCounts(
  store: Store,
  customer: Customer,
  platform: Platform,
  difference: Difference,
  sinceMs: number,
): Promise<ChangeCounts> {
  const recent = { ...(await store.journal.recentCounts(customer.name, platform.name, sinceMs)) };
  const unknown = await store.journal.recentUnknown(customer.name, platform.name, sinceMs);
  if (unknown.length === 0) return recent;
  const again = new Set<string>();
  for (const { fingerprint } of difference.changes()) again.add(fingerprint);
  for (const { kind, fingerprint } of unknown) if (!again.has(fingerprint)) recent[kind]++;
  return recent;
}

function newCompletions(
  sides: Sides,
  courses: ReturnType<typeof coursesOf>,
  known: ReadonlySet<string>,
): readonly Completion[] {
  return courses.flatMap(({ target, course, at }) =>
    [...sides.differ.completed(at)]
      .filter((person) => !known.has(`${target}\n${person}`))
      .map((person) => ({ target, course, person })),
  );
}

/**
 * Changes that cannot go without one that is held: enrollments of an account that is not there yet, and taking an old
 * address out before the new one is in. They are held with it, and counted in `held`.
 */
function dependentsOf(
  difference: Difference,
  waits: (change: Change) => boolean,
  heldKinds: ReadonlySet<ChangeKind>,
  held: Record<ChangeKind, number>,
): ReadonlySet<string> {
  const dependents = new Set<string>();
  if (!heldKinds.has('create') && !heldKinds.has('reactivate') && !heldKinds.has('enroll')) return dependents;
  const accounts = new Set<string>();
  const enrollments = new Set<string>();
  // Changes come in the order of their kinds: accounts before enrollments, enrollments before what ends.
  for (const change of difference.changes()) {
    const waiting = waits(change);
    if ((change.kind === 'create' || change.kind === 'reactivate') && waiting) accounts.add(change.person);
    const follows =
      (change.kind === 'enroll' && accounts.has(change.person)) ||
      (change.kind === 'unenroll' &&
        change.reason === 'EMAIL_MOVED' &&
        enrollments.has(`${change.target}\n${change.person}`));
    if (follows && !waiting) {
      dependents.add(change.fingerprint);
      held[change.kind]++;
    }
    if (change.kind === 'enroll' && (waiting || follows))
      enrollments.add(`${change.target}\n${change.person}`);
  }
  return dependents;
}

/** Why nobody may be removed: the roster or the platform did not prove that it is complete. */
function withholdReasons(sides: Sides): readonly RunReason[] {
  const { proof } = sides.roster;
  const reasons: RunReason[] = proof.reasons.map((reason) => ({
    code: reason.code,
    message: reason.message,
  }));
  if (proof.unreadableIds > 0) {
    reasons.push({
      code: 'ROSTER_ID_UNREADABLE',
      message: `${proof.unreadableIds} rejected rows have no readable id: they could be anybody, so nobody is removed.`,
    });
  }
  return [...reasons, ...sides.platformReasons];
}

function hashToDecide(difference: Difference, concerns: (change: Change) => boolean): string | null {
  const fingerprints: string[] = [];
  for (const change of difference.changes()) if (concerns(change)) fingerprints.push(change.fingerprint);
  return fingerprints.length === 0 ? null : hashOf(fingerprints);
}
