import { type Cause, sumOf } from '../../change.ts';
import { createCauseGroups, describeCauses, describeGroup, type TargetNames } from '../../diff/causes.ts';
import type { Change } from '../../diff/change.ts';
import { columnsBehind, type Dependence, union } from '../../diff/dependence.ts';
import { areTooMany, leastStrange, mostStrangePercent } from '../../diff/crossing.ts';
import { describeHold, isHeldBy } from '../../diff/guard.ts';
import type { RespelledIds } from '../../diff/respelled.ts';
import { describeRespelled } from '../../diff/spelling.ts';
import { ruleMove } from '../../diff/rule-book.ts';
import type { Store } from '../../store/store.ts';
import { heldCode, type Reason } from '../reasons.ts';
import type { Sides } from '../read/sides.ts';
import type { JudgedTarget, Judgement } from './judge.ts';

/** Why a change of a plan came up. */
export type CauseOf = (change: Change) => Cause | null;

/** Beyond this many, what is held is a matter of its kind: the columns of each person are not looked up. */
const mostLookedUp = 100_000;

/** Looks up, for the changes that wait, what of the person's row, or which rule, is not what it was at the last good run. */
export async function createCauses(
  sides: Pick<Sides, 'values' | 'differ' | 'seen' | 'rules'>,
  nameOf: (target: string) => string,
  dependence: (person: string) => Dependence,
  held: Iterable<Change>,
  exportsWithout: (person: string) => number,
  before: () => Promise<ReadonlyMap<string, Cause>>,
): Promise<CauseOf> {
  const { values, differ, seen, rules } = sides;
  let columns: ReadonlySet<string> = new Set();
  let count = 0;
  for (const change of held) {
    if (++count > mostLookedUp) break;
    if (change.kind !== 'create') columns = union(columns, columnsBehind(change, dependence(change.person)));
  }
  if (count === 0) return () => null;
  const isLookedUp = count <= mostLookedUp;
  if (isLookedUp) await values.load(columns);
  const known = isLookedUp ? await before() : new Map<string, Cause>();
  return (change) => {
    if (change.reason === 'UNDO') return null;
    const { person } = change;
    const isMoved = isLookedUp && change.kind !== 'create';
    const moves = isMoved ? values.movesOf(columnsBehind(change, dependence(person)), person) : [];
    return {
      // What moved on the day that it was held first is why it is held still: the export after that has it on both sides.
      moves: moves.length > 0 ? moves : (known.get(change.fingerprint)?.moves ?? []),
      department: isMoved ? values.departmentOf(person) : null,
      exports: change.reason === 'ABSENT' ? exportsWithout(person) : null,
      rule: ruleMove(change, rules.before, rules.now, nameOf),
      row: seen.of(differ.people.find(person)),
    };
  };
}

/** Runs that are looked through for the last one that held something. */
const lookedThrough = 10;

/** Why what the last hold of the platform held came up, by fingerprint. */
export async function causesBefore(
  store: Pick<Store, 'runs' | 'journal'>,
  customer: string,
  platform: string,
): Promise<ReadonlyMap<string, Cause>> {
  const causes = new Map<string, Cause>();
  const runs = await store.runs.list({ customer, platform, limit: lookedThrough });
  const last = runs.find(({ held, person, undoes }) => sumOf(held) > 0 && person === null && undoes === null);
  if (last === undefined) return causes;
  for await (const page of store.journal.changes(last.id, { disposition: 'held' }))
    for (const { fingerprint, cause } of page)
      if (cause !== null && cause.moves.length > 0) causes.set(fingerprint, cause);
  return causes;
}

export type HeldReasonsOptions = {
  readonly judgement: Pick<Judgement, 'holds' | 'waitsItself'>;
  readonly changes: () => Iterable<Change>;
  readonly targets: readonly JudgedTarget[];
  readonly causeOf: CauseOf;
  /** The columns in doubt, and which of them a change follows from. */
  readonly doubts: Sides['values']['doubts'];
  readonly doubtedColumns: (change: Change) => readonly string[];
};

/** The holds of a run as reasons: what broke a limit or is in doubt, of which target, and what the held have in common. */
export function heldReasons(options: HeldReasonsOptions): {
  readonly reasons: readonly Reason[];
  /** The columns in doubt for which something is held. */
  readonly columns: ReadonlySet<string>;
} {
  const { judgement, changes, targets, causeOf, doubts, doubtedColumns } = options;
  const { holds } = judgement;
  if (holds.length === 0 && doubts.length === 0) return { reasons: [], columns: new Set() };
  const ofHold = holds.map(() => createCauseGroups());
  const ofColumn = new Map(doubts.map(({ column }) => [column, createCauseGroups()]));
  for (const change of changes()) {
    if (!judgement.waitsItself(change)) continue;
    const { kind, target, reason, changed } = change;
    const caused = { kind, target, reason, changed, cause: causeOf(change) };
    const columns = doubtedColumns(change);
    for (const column of columns) ofColumn.get(column)?.add(caused);
    if (columns.length > 0) continue;
    for (const [at, hold] of holds.entries()) if (isHeldBy(hold, change)) ofHold[at]?.add(caused);
  }
  const nameOf: TargetNames = (id) => {
    const target = targets.find((one) => one.id === id);
    return { name: target?.name ?? id, members: target?.members() ?? null };
  };
  const text = (groups: ReturnType<typeof createCauseGroups>, brief: boolean): string =>
    listed(groups.groups(brief).map((group) => describeGroup(group, nameOf)));
  const columns = new Set<string>();
  const reasons = [
    ...doubts.flatMap(({ column, text: said, brief }) => {
      const groups = ofColumn.get(column);
      if (groups === undefined || groups.groups().length === 0) return [];
      columns.add(column);
      return [
        {
          code: 'HELD_VALUES' as const,
          message: `${said}. What follows from it is held: ${text(groups, false)}.`,
          brief: `${brief}. What follows from it is held: ${text(groups, true)}.`,
        },
      ];
    }),
    ...holds.map((hold, at) => {
      const code = heldCode(hold.kind);
      const groups = ofHold[at];
      if (groups === undefined || hold.kind === 'create') return { code, message: describeHold(hold) };
      const more = (brief: boolean): string =>
        hold.target === undefined && hold.kind !== 'unenroll' && hold.kind !== 'enroll'
          ? listed(groups.groups(brief).map((group) => describeCauses(group)))
          : text(groups, brief);
      return {
        code,
        message: `${describeHold(hold)} ${capital(more(false))}.`,
        brief: `${describeHold(hold)} ${capital(more(true))}.`,
      };
    }),
  ];
  return { reasons, columns };
}

/** Columns in doubt from which nothing follows in this run, as remarks. */
export function idleDoubts(doubts: Sides['values']['doubts'], held: ReadonlySet<string>): readonly Reason[] {
  const said = (text: string): string => `${text}. Nothing follows from it now.`;
  return doubts
    .filter(({ column }) => !held.has(column))
    .map(({ text, brief }) => ({ code: 'VALUES_DOUBTED' as const, message: said(text), brief: said(brief) }));
}

/** Kinds and targets that one reason lists. */
const shownGroups = 8;

function listed(groups: readonly string[]): string {
  const more = groups.length - shownGroups;
  return `${groups.slice(0, shownGroups).join('. ')}${more > 0 ? `. And ${more} more targets` : ''}`;
}

function capital(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}

/** Too many people with another's name and email under their id at once; null on an ordinary night. */
export function slippedReason({ differ }: Pick<Sides, 'differ'>): Reason | null {
  const { strange, served } = differ.strangeness();
  if (!areTooMany(strange, served)) return null;
  return {
    code: 'ROSTER_SLIPPED',
    message:
      `${strange} of ${served} people who keep their account have another name and email than their account under their id, or the email of somebody ` +
      `else's. More than ${mostStrangePercent} % at once (and at least ${leastStrange}) is rows or columns that have slipped, or the export of ` +
      'another company. Nothing happens to them; have HR look at the file, and rollcall review lists them.',
  };
}

/** New ids that are absent ones in another spelling, and how to go on. */
export function respelledReason({ pairs, waiting }: RespelledIds, platform: string): Reason {
  const isPrefix = pairs.every(({ by }) => by === 'prefix');
  return {
    code: 'ROSTER_IDS_RESPELLED',
    message:
      `${describeRespelled(pairs)}: none of these people is created or removed` +
      `${waiting === 0 ? '' : `, and ${waiting} more with new ids of that form wait`}. ${isPrefix ? 'Put idPrefix of their part back' : 'Have HR mend the file'}; or, if the ids did change, ` +
      `give the id before in a column and name it in roster.columns.previousId; or, if they are others, rollcall unlink each old id from ${platform}.`,
  };
}
