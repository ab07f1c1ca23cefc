import type { ChangeCounts } from '../../change.ts';
import { absenceIsDue } from '../../diff/absence.ts';
import type { Adoption, Change } from '../../diff/change.ts';
import type { Difference } from '../../diff/platform.ts';
import type { Suppression } from '../../store/decisions.ts';
import type { Completion, PlannedBatch, PlannedChange } from '../../store/plan-record.ts';
import { isCountedAnew } from '../../store/roster-state.ts';
import type { LinkFacts } from '../../store/schema.ts';
import type { Store } from '../../store/store.ts';
import type { Customer, Platform } from '../customer.ts';
import { type Judgement, judge, withholdReasons, withholdsAll } from './judge.ts';
import { createLayout } from './layout.ts';
import type { Sides } from '../read/sides.ts';
import { keyIn } from '../read/roster.ts';
import { configuredTarget } from '../read/seen.ts';
import { coursesOf } from '../read/courses.ts';
import { doubtfulChanges } from './doubtful.ts';
import {
  causesBefore,
  createCauses,
  heldReasons,
  idleDoubts,
  respelledReason,
  slippedReason,
} from './held.ts';
import { indexSuppressions } from './suppressed.ts';
import type { Reason } from '../reasons.ts';

/** A plan, judged: what may go, what is held, and why. */
export type Decision = Omit<Judgement, 'waits'> & {
  readonly difference: Difference;
  /** The rows do not belong to the people whose ids they bear: nothing of this export is a measure for the next. */
  readonly isSlipped: boolean;
  readonly planned: ChangeCounts;
  /** Why removals were withheld; empty when both sides were complete. */
  readonly withheld: readonly Reason[];
  readonly reasons: readonly Reason[];
  /** Remarks on the values of the roster. */
  readonly notes: readonly Reason[];
  /** The columns in doubt for which something is held. */
  readonly heldColumns: ReadonlySet<string>;
  /** Whether an account is not made somebody's for now: what says whose it is, is in doubt. */
  readonly isDoubted: (adoption: Adoption) => boolean;
  readonly managed: number;
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
  const slipped = options.onePerson ? null : slippedReason(sides);
  const withheld = [...withholdReasons(sides), ...(slipped === null ? [] : [slipped])];
  const absences = await store.roster.absences(customer.name);
  const courses = coursesOf(platform, sides.targets);
  const completed = await store.results.completed(customer.name, platform.name, courses);
  const suppressed = indexSuppressions(options.suppressions, sides.rowHashes);

  // This export counts too, once, and only when it is complete: an incomplete one withholds all removals anyway.
  const exportsWithout = (person: string): number => {
    const known = absences.get(person);
    if (known === undefined) return 1;
    const from = sides.parts.missingFrom(person);
    return known.exports + (from !== null && isCountedAnew(known.lastExport, from) ? 1 : 0);
  };

  const difference = sides.differ.finish({
    withholdRemovals:
      slipped !== null || withholdsAll(sides) || options.onePerson || platform.config.mode === 'additive',
    platformShrunk: sides.platformReasons.length > 0,
    absenceIsDue: (person) =>
      absenceIsDue(
        { exports: exportsWithout(person), sinceMs: absences.get(person)?.sinceMs ?? nowMs },
        config.absence,
        nowMs,
      ),
    hasCompleted: (target, person) => completed.has(`${target}\n${person}`),
    mayBeSuppressed: suppressed.people.size === 0 ? () => false : (person) => suppressed.people.has(person),
    isSuppressed: suppressed.matches,
  });

  const managed = await store.links.count(customer.name, platform.name);
  const doubtful = doubtfulChanges(sides, difference.adoptions);
  const targets = sides.targets.map(({ id, name }, at) => ({
    id,
    name,
    members: once(() => sides.differ.managedMembers(at)),
  }));
  const judgement = await judge({
    store,
    customer,
    platform,
    nowMs,
    managed,
    planned: difference.counts,
    changes: difference.changes,
    approved: options.approved,
    targets,
    ...(doubtful.any ? { doubted: (change) => doubtful.columns(change).length > 0 } : {}),
  });
  const { waits } = judgement;
  const causeOf = await createCauses(
    sides,
    configuredTarget(platform, sides.targets),
    doubtful.dependence,
    judgement.anyHeld ? those(difference.changes(), waits) : [],
    exportsWithout,
    () => causesBefore(store, customer.name, platform.name),
  );
  const held = heldReasons({
    judgement,
    changes: difference.changes,
    targets,
    causeOf,
    doubts: sides.values.doubts,
    doubtedColumns: doubtful.columns,
  });
  const reasons: Reason[] = [...held.reasons, ...withheld];
  if (difference.respelled.pairs.length > 0)
    reasons.push(respelledReason(difference.respelled, platform.name));
  if (withheld.length > 0 && difference.withheld.deactivate + difference.withheld.unenroll > 0) {
    reasons.push({
      code: 'REMOVALS_WITHHELD',
      message: `${difference.withheld.deactivate} deactivate and ${difference.withheld.unenroll} unenroll were withheld; the next complete run makes them.`,
    });
  }
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
    isSlipped: slipped !== null,
    ...judgement,
    planned: difference.counts,
    withheld,
    reasons,
    notes: [
      ...absentFields(sides),
      ...partNotes(sides, difference.missing),
      ...sides.managers,
      ...unreferred(difference.unreferred),
      ...sides.values.notes,
      ...idleDoubts(sides.values.doubts, held.columns),
    ],
    heldColumns: held.columns,
    isDoubted: doubtful.doubted,
    managed,
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
          cause: disposition === 'held' ? causeOf(change) : null,
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

function unreferred(people: number): readonly Reason[] {
  if (people === 0) return [];
  const message = `${people} people have a manager without an account there: their field manager is empty`;
  return [{ code: 'MANAGERS_WITHOUT_ACCOUNT', message }];
}

/** Mapped fields that no record of the roster has. What that empties is held by its values, as with every other column. */
function absentFields({ roster }: Pick<Sides, 'roster'>): readonly Reason[] {
  return roster.parts.flatMap(({ part, proof }) =>
    (proof?.lacking ?? []).map(({ name, key }) => ({
      code: 'ROSTER_FIELD_ABSENT' as const,
      message: `${part.name === '' ? '' : `${part.name}: `}no record has the field "${name}" (${keyIn(part, key)}): it is read as empty`,
    })),
  );
}

/** Whom the parts of the roster left as they are, and who was in a part that is not configured any more. */
function partNotes({ parts, roster }: Sides, missing: readonly string[]): readonly Reason[] {
  const notes: Reason[] = [];
  for (const { part, formerly } of roster.parts)
    if (formerly !== null)
      notes.push({
        code: 'ROSTER_PART_RENAMED',
        message: `the part "${part.name}" has the people of the part "${formerly}", which is not configured any more: it is judged by what that one was`,
      });
  if (parts.apart > 0)
    notes.push({
      code: 'ROSTER_PEOPLE_APART',
      message: `${parts.apart} people were in a part of the roster that did not come whole, and have a row in another one: they may be in both, and nothing happens to them`,
    });
  const gone = new Map<string, number>();
  const renamed = new Set(roster.parts.map(({ formerly }) => formerly));
  for (const person of missing) {
    const part = parts.last.gone(person);
    // Missing from the one that it is called now.
    if (renamed.has(part)) continue;
    if (part !== null) gone.set(part, (gone.get(part) ?? 0) + 1);
  }
  for (const [part, people] of gone)
    notes.push({
      code: 'ROSTER_PART_GONE',
      message: `${people} people with an account were last in the part "${part}" of the roster, which is not configured any more: they count as missing, by absence.exports and absence.days`,
    });
  return notes;
}

function* those(changes: Iterable<Change>, which: (change: Change) => boolean): Iterable<Change> {
  for (const change of changes) if (which(change)) yield change;
}

/** Counted when it is asked for, and only once. */
function once(count: () => number): () => number {
  let known: number | undefined;
  return () => (known ??= count());
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
