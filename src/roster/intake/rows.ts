import type { Person } from '../../person.ts';
import { normaliseText } from '../../normalise.ts';
import { type Pattern, pattern } from '../../pattern.ts';
import type { FormatFacts, RosterRecord } from '../formats/format.ts';
import type { ColumnMap } from '../mapping/header.ts';
import { IdShape } from '../mapping/id-shape.ts';
import { type MappingRules, rejection } from '../mapping/map-row.ts';
import type { IncompleteReason, ReadRosterOptions, RejectedRow, RosterProof } from '../types.ts';
import { Damage } from './damage.ts';
import { Edges, type Place } from './edges.ts';
import { RowJudge } from './judge.ts';
import { OddRows } from './odd-rows.ts';
import { Outcome } from './outcome.ts';
import { trailerCount, trailerReason } from './trailer.ts';

/** Every row after the header: counted, mapped, given a state, and handed to `People` or rejected. */
export class RowIntake {
  readonly #columns: ColumnMap;
  readonly #delimiter: string;
  readonly #options: ReadRosterOptions;
  readonly #judge: RowJudge;
  readonly #odd: OddRows;
  readonly #outcome: Outcome;
  readonly #edges: Edges;
  readonly #damage: Damage;
  readonly #shape = new IdShape();
  readonly #trailer: Pattern | undefined;
  readonly #perShrinkValue = new Map<string, number>();
  readonly #reasons: IncompleteReason[] = [];
  /** Rows under the header that `skip` leaves out. */
  readonly #below: RosterRecord[] = [];
  /** The rows read last: they may be the trailer, or no people at all. */
  readonly #held: RosterRecord[] = [];
  readonly #holds: number;
  #lastLine = 0;
  /** The line of a row of one cell, when the row before was one. */
  #stub: number | undefined;
  /** The line of the row before. */
  #seenLine = 0;
  /** The person admitted last. */
  #previousId: string | undefined;
  #previousLine = 0;
  #rows = 0;

  constructor(columns: ColumnMap, delimiter: string, mapping: MappingRules, options: ReadRosterOptions) {
    const { config } = options;
    const shape = this.#shape;
    this.#columns = columns;
    this.#delimiter = delimiter;
    this.#options = options;
    this.#judge = new RowJudge(columns, mapping, shape, options);
    this.#odd = new OddRows(columns);
    this.#outcome = new Outcome(columns, shape, options);
    const outcome = this.#outcome;
    this.#edges = new Edges({ columns, judge: this.#judge, shape, outcome });
    this.#damage = new Damage({ columns, delimiter, shape, odd: this.#odd, outcome });
    this.#trailer = config.trailer === undefined ? undefined : pattern(config.trailer.match);
    this.#holds = config.skip.end + (this.#trailer === undefined ? 0 : 1) + 1;
  }

  /** What points to a file that was cut off or damaged, in words. */
  get torn(): readonly string[] {
    return this.#damage.torn;
  }

  /** Why the rows by themselves do not count as complete. */
  get reasons(): readonly IncompleteReason[] {
    return this.#reasons;
  }

  get perShrinkValue(): ReadonlyMap<string, number> {
    return this.#perShrinkValue;
  }

  get tally(): Outcome['tally'] & Pick<RosterProof, 'rows' | 'perShrinkValue' | 'unknownStatuses'> {
    return {
      ...this.#outcome.tally,
      rows: this.#rows,
      perShrinkValue: Object.fromEntries(this.#perShrinkValue),
      unknownStatuses: this.#judge.unknownStatuses,
    };
  }

  /** From here on, cells may hold what has to be looked for. */
  suspect(): void {
    this.#judge.mapper.isSuspect = true;
  }

  take(record: RosterRecord): void {
    if (record.fault === undefined && isBlank(record.cells) && record.faults === undefined) return;
    if (this.#below.length < this.#options.config.skip.below) {
      this.#below.push(record);
      return;
    }
    this.#held.push(record);
    if (this.#held.length <= this.#holds) return;
    const next = this.#held.shift();
    if (next !== undefined) this.#takeRow(next, false);
  }

  /** After the last row. */
  finish({ endsInLine, unfinished }: FormatFacts): void {
    const { config, baseline } = this.#options;
    const lastLine = this.#held.at(-1)?.line ?? 0;
    const end = config.skip.end === 0 ? [] : this.#held.splice(-config.skip.end);
    const counted =
      this.#trailer === undefined
        ? undefined
        : trailerCount(this.#trailer, this.#held.at(-1), this.#delimiter, this.#columns.traits);
    if (counted !== undefined) this.#held.pop();
    const hadBreak = !endsInLine && baseline.endsInLine === true;
    const mayBeCut = !endsInLine && this.#held.at(-1)?.line === lastLine;
    for (const record of this.#held) {
      const isLast = record === this.#held.at(-1);
      if (isLast && mayBeCut && this.#damage.rejectCut(record, hadBreak)) this.#rows++;
      else this.#takeRow(record, isLast);
    }
    if (hadBreak && !mayBeCut) this.#damage.missesBreak(lastLine);
    if (this.#trailer !== undefined) this.#push(trailerReason(counted, this.#rows));
    if (unfinished !== undefined) {
      this.#rows++;
      this.#damage.rejectUnfinished(unfinished);
    }
    this.#settleOdd();
    this.#damage.settle();
    this.#edges.settle();
    this.#push(this.#edges.settleSkipped([...this.#below, ...end]));
    this.#outcome.people.finish();
  }

  #push(reason: IncompleteReason | undefined): void {
    if (reason !== undefined) this.#reasons.push(reason);
  }

  #takeRow(record: RosterRecord, isLast: boolean): void {
    const { cells, line } = record;
    this.#rows++;
    this.#seenLine = this.#lastLine;
    this.#lastLine = line;
    const { fault } = record;
    if (fault !== undefined) {
      this.#outcome.reject(rejection(this.#columns, fault.code, null, line, null, fault.what));
      return;
    }
    const oddness = this.#odd.judge(cells, this.#delimiter);
    const isStub = cells.length === 1 && this.#columns.count > 2 && !isLast;
    if (isStub) this.#suspectBroken(line);
    const before = this.#stub;
    this.#stub = isStub ? line : undefined;
    const isPlain = oddness === 'same' && !record.multiline;
    if (!isPlain && this.#damage.takesSwallowing(record, oddness)) return;
    if (before !== undefined && !isStub) {
      this.#outcome.reject(this.#asBroken(line, null, `line ${before}`));
      return;
    }
    this.#odd.count(cells);
    const place = { isFirst: this.#rows === 1, isLast };
    if (oddness === 'same' || oddness === 'usual') {
      this.#admit(record, place);
      return;
    }
    this.#odd.learn(cells);
    if (oddness === 'wait' && this.#admitOdd(record, place)) return;
    if (this.#odd.wait(record)) this.#settleOdd();
  }

  #admit(record: RosterRecord, place: Place, verdict = this.#judge.judge(record, place.isFirst)): void {
    const { cells, line } = record;
    const { shrinkBy } = this.#columns;
    if (shrinkBy !== undefined) {
      const value = normaliseText(cells[shrinkBy.at] ?? '');
      this.#perShrinkValue.set(value, (this.#perShrinkValue.get(value) ?? 0) + 1);
    }
    if ('rejected' in verdict) {
      if (verdict.isNobody) this.#outcome.nobody(verdict.rejected);
      else this.#outcome.reject(this.#edges.withHint(verdict.rejected, cells, place));
      return;
    }
    const { person } = verdict;
    if (verdict.isFlawed) this.#outcome.flawedLeavers++;
    this.#shape.learn(person.id);
    if (person.email === null) this.#edges.see({ id: person.id, line, isNamed: isNamed(person) }, place);
    this.#previousId = person.id;
    this.#previousLine = line;
    this.#outcome.people.add(person);
  }

  /** A row of one cell is half a line, broken in its first cell or its last: then the row before it lacks its end. */
  #suspectBroken(line: number): void {
    const id = this.#previousId;
    this.#previousId = undefined;
    if (id === undefined || this.#seenLine !== this.#previousLine || !this.#outcome.people.isUsable(id))
      return;
    this.#outcome.reject(this.#asBroken(this.#previousLine, id, `line ${line}`));
  }

  #asBroken(line: number, id: string | null, other: string): RejectedRow {
    const unread = id === null ? '; its id cannot be read' : '';
    const what = `${other} beside it has 1 cell, the header ${this.#columns.count}: a line was broken there${unread}`;
    return rejection(this.#columns, 'COLUMN_COUNT', id, line, null, what);
  }

  /** A row of odd length that reads as a person whose values are in their columns. */
  #admitOdd(record: RosterRecord, place: Place): boolean {
    if (!this.#odd.isSure(record.cells)) return false;
    const verdict = this.#judge.judge(record, place.isFirst);
    if ('rejected' in verdict && !verdict.isNobody) return false;
    this.#odd.accept(record.cells);
    this.#admit(record, place, verdict);
    return true;
  }

  #settleOdd(): void {
    const { id: column, count } = this.#columns;
    for (const { record, count: had } of this.#odd.handOver()) {
      const { cells, line } = record;
      const place = { isFirst: false, isLast: line === this.#lastLine };
      const isWhole = cells.length === had;
      if (isWhole && this.#odd.judge(cells, this.#delimiter) === 'wait' && this.#admitOdd(record, place))
        continue;
      // Where cells are lost or too many, only the first one is sure to be where it belongs.
      const read = column.at === 0 ? this.#outcome.idIn(cells) : null;
      const id = read !== null && this.#shape.fits(read) ? read : null;
      if (id !== null && this.#hasLeft(id, record)) {
        this.#outcome.flawedLeavers++;
        this.#outcome.people.add(this.#judge.leaver(id, line));
        continue;
      }
      const unread = id === null ? '; its id cannot be read' : '';
      const what = `the row has ${had} ${had === 1 ? 'cell' : 'cells'}, the header ${count}${unread}`;
      this.#outcome.reject(
        this.#edges.withHint(rejection(this.#columns, 'COLUMN_COUNT', id, line, null, what), cells, place),
      );
    }
  }

  /** Whether the status says so wherever it may stand in a row with one cell too many or too few. */
  #hasLeft(id: string, { cells, line }: RosterRecord): boolean {
    const { count, fields } = this.#columns;
    const off = cells.length - count;
    if (fields.status === undefined || count < 4 || Math.abs(off) !== 1) return false;
    if (cells.some((cell) => /[\r\n"]/.test(cell))) return false;
    const states = [fields.status.at, fields.status.at + off].map((at) =>
      this.#judge.stateByStatus(id, cells[at] ?? '', line),
    );
    return states.includes('terminated') && states.every((state) => state === null || state === 'terminated');
  }
}

/** A line of nothing but delimiters and spaces, as spreadsheets add them at the end: no row. */
function isBlank(cells: readonly string[]): boolean {
  for (const cell of cells) if (cell !== '' && cell.trim() !== '') return false;
  return true;
}

function isNamed({ firstName, lastName }: Person): boolean {
  return firstName !== null && lastName !== null;
}
