import type { RosterRecord } from '../formats/format.ts';
import type { ColumnMap } from '../mapping/header.ts';
import type { IdShape } from '../mapping/id-shape.ts';
import { rejection } from '../mapping/map-row.ts';
import type { IncompleteReason, RejectedRow } from '../types.ts';
import type { RowJudge } from './judge.ts';
import type { Outcome } from './outcome.ts';

type Seen = {
  readonly id: string;
  readonly line: number;
  /** Whether there is a first and a last name, as people have. */
  readonly isNamed: boolean;
};

/** A word and what it counts: `Total: 301`, `Gesamt (301)`. */
const counted = /^\p{L}[\p{L} .-]*[:=(]/u;
/** Subtotals are as many as an export has groups; what is more is how ids are there. */
const mostSums = 50;

export type EdgesOptions = {
  readonly columns: ColumnMap;
  readonly judge: RowJudge;
  readonly shape: IdShape;
  readonly outcome: Outcome;
};

/** Where a row stands that may be no person: labels come first, totals last. */
export type Place = { readonly isFirst: boolean; readonly isLast: boolean };

/** The first rows and the last: exports have labels, totals and end marks there, and `skip` leaves them out. */
export class Edges {
  readonly #options: EdgesOptions;
  #first: Seen | undefined;
  #last: Seen | undefined;
  /** Rows without an address and without a name in full, whose id has no digit, or is a word and a count: by id, the line of the first of them. */
  readonly #sums = new Map<string, number>();
  #sumRows = 0;

  constructor(options: EdgesOptions) {
    this.#options = options;
  }

  /** A person without an address: whether their id is like the others is known at the end. */
  see(seen: Seen, { isFirst, isLast }: Place): void {
    if (isFirst) this.#first = seen;
    if (isLast) this.#last = seen;
    if (seen.isNamed || (/\d/.test(seen.id) && !counted.test(seen.id))) return;
    this.#sumRows++;
    if (this.#sums.size <= mostSums && !this.#sums.has(seen.id)) this.#sums.set(seen.id, seen.line);
  }

  /** The rejected row, with the setting that leaves out lines that are no people, where it may be one. */
  withHint(row: RejectedRow, cells: readonly string[], { isFirst, isLast }: Place): RejectedRow {
    const mayBeLabels = isFirst && !cells.some((cell) => /[\d@]/.test(cell));
    const isLikeOthers = row.id !== null && this.#options.shape.fits(row.id);
    const mayBeFooter = isLast && !isLikeOthers && !cells.some((cell) => cell.includes('@'));
    if (!mayBeLabels && !mayBeFooter) return row;
    const word = this.#options.columns.traits.place;
    const hint = mayBeFooter
      ? `; if the last ${word} is no person, set roster.skip.end: 1`
      : `; if the first ${word} has labels, set roster.skip.below: 1`;
    return { ...row, message: row.message.replace(/\.$/, `${hint}.`) };
  }

  /** A first or last row whose id has no digit, as all others have, is labels or a total. */
  settle(): void {
    const { columns, shape, outcome } = this.#options;
    const areSums = this.#sums.size <= mostSums && shape.areOddOnes(this.#sumRows);
    if (areSums)
      for (const [id, line] of this.#sums) {
        const isEdge = line === this.#first?.line || line === this.#last?.line;
        if ((isEdge && !counted.test(id)) || !outcome.people.isUsable(id)) continue;
        const what =
          'the id has the form of no other, and there is neither an address nor a name in full: it may be a subtotal';
        outcome.reject(rejection(columns, 'NOT_A_PERSON', id, line, columns.id.name, what));
      }
    const edges = [this.#first, this.#last].filter((row) => row !== undefined);
    const others = areSums ? Math.max(edges.length, this.#sumRows) : edges.length;
    for (const { id, line } of edges) {
      if (!shape.isOddOneOut(id, others) || !outcome.people.isUsable(id)) continue;
      const key = line === this.#last?.line ? 'roster.skip.end: 1' : 'roster.skip.below: 1';
      const what = `the id has the form of no other and there is no address: if the ${columns.traits.place} is no person, set ${key}`;
      outcome.reject(rejection(columns, 'NOT_A_PERSON', id, line, columns.id.name, what));
    }
  }

  /** Rows that `skip` leaves out and that read as people like the others: the lines it is meant for are not there. */
  settleSkipped(records: readonly RosterRecord[]): IncompleteReason | undefined {
    const { columns, judge, shape, outcome } = this.#options;
    const lines: number[] = [];
    for (const record of records) {
      if (record.cells.length !== columns.count) continue;
      const verdict = judge.judge(record, false);
      if (!('person' in verdict) || !shape.fits(verdict.person.id)) continue;
      lines.push(record.line);
      const what = 'the row is left out by roster.skip, and reads as a person';
      outcome.reject(rejection(columns, 'SKIPPED', verdict.person.id, record.line, null, what));
    }
    if (lines.length === 0) return undefined;
    return {
      code: 'ROSTER_SKIPPED',
      message: `roster.skip leaves out ${lines.length} rows that read as people (${columns.traits.place} ${lines.slice(0, 3).join(', ')}): the ${columns.traits.place}s it is meant for are not there. Check whether the export is whole, and skip.below and skip.end.`,
    };
  }
}
