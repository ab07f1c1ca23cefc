import { changeKinds, sumOf } from '../../change.ts';
import { flag, type Population } from '../../diff/population.ts';
import type { RosterProof } from '../../roster/index.ts';
import type { PlanRecord } from '../../store/plan-record.ts';
import type { ExportRead, Missing, RejectedRowRecord } from '../../store/roster-state.ts';
import type { Run } from '../../store/run-lookups.ts';
import type { Customer, Platform } from '../customer.ts';
import type { Decision } from './decide.ts';
import { membersOf } from '../read/parts.ts';
import { wholeOf } from '../read/roster.ts';
import type { Sides } from '../read/sides.ts';
import type { Reason } from '../reasons.ts';

export type RecordOptions = {
  readonly customer: Customer;
  readonly platform: Platform;
  readonly run: Run;
  readonly sides: Sides;
  readonly decision: Decision;
  readonly nowMs: number;
  /** How many changes the run's approval names. */
  readonly approved?: number;
  /** Remarks on the run from before its plan. */
  readonly notes?: readonly Reason[];
};

/** What a plan leaves in the store. A run of one person says nothing of the roster or the platform as a whole. */
export function planRecord(options: RecordOptions): PlanRecord {
  const { customer, platform, run, sides, decision, nowMs } = options;
  const { difference } = decision;
  const { rejected, unreadableIds } = wholeOf(sides.roster);
  const whole = run.person === null;
  const { people } = sides.differ;
  const isPresent = (person: string): boolean => {
    const ordinal = people.find(person);
    if (ordinal < 0 || people.has(ordinal, flag.missing)) return false;
    return sides.parts.standings[people.partOf(ordinal) ?? 0] === 'whole';
  };
  const holds = decision.anyHeld;
  const toApply = changeKinds.some((kind) => decision.planned[kind] > decision.held[kind]);
  return {
    run: run.id,
    customer: customer.name,
    platform: platform.name,
    roster: whole
      ? {
          reads: sides.roster.parts.flatMap(({ part, proof }) =>
            proof === null ? [] : [{ read: readOf(part.name, proof), rejectedRows: rowsOf(sides, part.at) }],
          ),
          // A row without a readable id may be that of anybody who seems to be missing.
          missing: unreadableIds > 0 ? [] : missingBy(difference.missing, sides.parts.missingFrom),
          present: isPresent,
          members: customer.parts[0]?.name === '' ? null : membersOf(sides.roster, () => withRows(people)),
          parts: customer.parts.map(({ name }) => name),
          renamed: sides.roster.parts.flatMap(({ part, formerly }) =>
            formerly === null ? [] : [{ from: formerly, to: part.name }],
          ),
        }
      : null,
    adoptions: {
      *[Symbol.iterator]() {
        for (const adoption of difference.adoptions) {
          if (decision.isDoubted(adoption)) continue;
          const person = people.find(adoption.person);
          const known = people.linkOf(person);
          // Somebody already linked may be adopted again (an id that a read told us): what we wrote stays known.
          yield {
            ...adoption,
            link: {
              writtenHash: known?.writtenHash ?? null,
              emailHash: known?.emailHash ?? people.emailHash(person),
            },
            confirmedHash: known?.confirmedHash ?? null,
          };
        }
      },
    },
    completions: decision.completions,
    looks: whole
      ? sides.values.record(
          difference.respelled.pairs.length === 0 && !decision.isSlipped,
          decision.heldColumns,
        )
      : [],
    reviews: whole ? difference.reviews : null,
    changes: { [Symbol.iterator]: () => decision.changes()[Symbol.iterator]() },
    batches: decision.batches,
    summary: () => ({
      hash: decision.hash,
      planned: decision.planned,
      held: decision.held,
      reasons: decision.reasons,
      notes: [
        ...(options.notes ?? []),
        ...notesOf(sides, decision),
        ...decision.notes,
        ...approvalNote(run, options.approved ?? 0, decision.released),
      ],
      rejected,
      review: difference.reviews.length,
      managed: decision.managed,
      accounts: sides.accounts?.total ?? 0,
      members: sides.members,
      targetNames: Object.fromEntries(sides.targets.map(({ id, name }) => [id, name])),
      holdExpiresMs: holds ? nowMs + customer.config.approval.expires : null,
    }),
    status: platform.config.mode === 'observe' ? 'planned' : toApply ? 'applying' : 'planned',
    approval: run.approval,
  };
}

function readOf(part: string, proof: RosterProof): ExportRead {
  return {
    part,
    fingerprint: proof.fingerprint,
    modifiedMs: Math.floor(proof.modifiedAtMs),
    rows: proof.rows,
    usable: proof.usable,
    rejected: proof.rejected,
    perValue: proof.perShrinkValue,
    complete: proof.complete,
    endsInLine: proof.endsInLine,
    reasons: proof.reasons,
  };
}

function rowsOf({ roster }: Sides, of: number): readonly RejectedRowRecord[] {
  return roster.rejectedRows
    .filter(({ part }) => part === of)
    .map(({ id, line, field, code, message }) => ({ person: id, line, field, code, message }));
}

/** Who is missing, by the exports that they are missing from; without those of whom nothing is counted. */
function missingBy(
  people: readonly string[],
  from: (person: string) => readonly string[] | null,
): readonly Missing[] {
  const groups = new Map<string, { readonly exports: readonly string[]; readonly people: string[] }>();
  for (const person of people) {
    const exports = from(person);
    if (exports === null) continue;
    const key = exports.join(' ');
    const group = groups.get(key) ?? { exports, people: [] };
    group.people.push(person);
    groups.set(key, group);
  }
  return [...groups.values()];
}

/** Everybody with a row that counts, be it a rejected one, and the number of their part. */
function* withRows(people: Population): Iterable<readonly [string, number]> {
  for (let person = 0; person < people.size(); person++) {
    const part = people.partOf(person);
    if (part !== null && !people.has(person, flag.away)) yield [people.idOf(person), part];
  }
}

/** What became of an approval: what is still needed was released, what is not was dropped. */
export function approvalNote(
  run: Pick<Run, 'approval'>,
  approved: number,
  released: Decision['released'],
): Reason[] {
  if (run.approval === null) return [];
  if (approved === 0)
    return [
      {
        code: 'APPROVAL_EXPIRED',
        message: 'the approval had expired or was used; nothing was released by it',
      },
    ];
  const needed = sumOf(released);
  const rest =
    needed === approved
      ? ''
      : `; ${approved - needed} are not needed any more, or not possible now, and were dropped`;
  return [
    {
      code: 'APPROVAL_USED',
      message: `${needed} of ${approved} approved changes are still needed and were released${rest}`,
    },
  ];
}

function notesOf(sides: Sides, decision: Decision): Reason[] {
  const notes: Reason[] = [];
  for (const target of sides.targets) {
    if (target.closed !== undefined)
      notes.push({
        code: 'TARGET_CLOSED',
        message: `${target.name}: nobody is enrolled or removed, ${target.closed}`,
      });
  }
  if (sides.cutValues > 0)
    notes.push({
      code: 'VALUES_CUT',
      message: `${sides.cutValues} values were longer than the platform takes and were cut`,
    });
  if (decision.difference.missing.length > 0) {
    notes.push({
      code: 'PEOPLE_ABSENT',
      message: `${decision.difference.missing.length} people with an account are not on the roster`,
    });
  }
  if (decision.difference.suppressed > 0) {
    notes.push({
      code: 'CHANGES_SUPPRESSED',
      message: `${decision.difference.suppressed} changes were rejected or undone before and are not proposed again`,
    });
  }
  return notes;
}
