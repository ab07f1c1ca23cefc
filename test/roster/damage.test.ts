import { expect, test } from 'vitest';
import type { Person } from '../../src/person.ts';
import { type Outcome, readText } from './reading.ts';

// Exports of invented people, damaged in every way that a generator knows. Whatever comes of it, nobody has a value that is
// not theirs, nobody is somebody who does not exist, and what is gone without a word is told as incomplete.

/** Numbers from a seed, so that a failure can be seen again. */
function numbers(seed: number): (below: number) => number {
  let state = (seed * 2_654_435_761) >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296) * below);
  };
}

const columns = {
  id: 'WorkerID',
  email: 'WorkEmail',
  firstName: 'FirstName',
  lastName: 'LastName',
  department: 'Department',
  status: 'Status',
  startDate: 'HireDate',
  endDate: 'TermDate',
} as const;
const header = [...Object.values(columns), 'Address', 'CostCentre'];
const config = { columns, attributes: ['CostCentre'], maxRejected: 100 };

type Row = readonly string[];
type Pick = (below: number) => number;

function company(pick: Pick, size: number): Row[] {
  const from = (...list: readonly string[]): string => list[pick(list.length)] ?? '';
  return Array.from({ length: size }, (_, at) => {
    const gone = pick(6) === 0;
    return [
      String(20_000 + at),
      `p${at}@example.com`,
      from('Ada', 'Zoë', 'Robert "Bob"', 'Jo, Ann', 'Li'),
      `${from('Byrne', "O'Neill", 'de la Cruz', 'Foy, jr', 'Müller')}${at}`,
      from('Sales', 'Legal', 'R&D, East', 'Stores'),
      gone ? 'Inactive' : 'Active',
      '2020-01-15',
      gone ? '2026-02-01' : '',
      from('', '1 High St', '2 Low Rd\nFlat 3, Dublin, Ireland', '75001, Paris'),
      from('FIN', 'OPS', 'IT'),
    ];
  });
}

function write(rows: readonly Row[], delimiter: string, eol: string, quoteAll: boolean): string {
  const cell = (value: string): string =>
    quoteAll || value.includes(delimiter) || /["\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
  return [header, ...rows].map((row) => row.map(cell).join(delimiter) + eol).join('');
}

/** Ways to damage a text: at a place that is drawn. */
const damages: Readonly<Record<string, (text: string, pick: Pick, delimiter: string) => string>> = {
  none: (text) => text,
  'a quote more': (text, pick) => insert(text, pick, '"'),
  'two quotes more': (text, pick) => insert(insert(text, pick, '"'), pick, '"'),
  'a quote at the beginning of a cell': (text, pick, delimiter) =>
    insertAt(text, pick, delimiter, `${delimiter}"`),
  'a quote at the end of a cell': (text, pick, delimiter) => insertAt(text, pick, delimiter, `"${delimiter}`),
  'a quote less': (text, pick) => insertAt(text, pick, '"', ''),
  'a backslash before a quote': (text, pick) => insertAt(text, pick, '"', '\\"'),
  'all quotes led by a backslash': (text) => text.replaceAll('""', '\\"'),
  'a delimiter more': (text, pick, delimiter) => insert(text, pick, delimiter),
  'a delimiter less': (text, pick, delimiter) => insertAt(text, pick, delimiter, ''),
  'a line break more': (text, pick) => insert(text, pick, '\n'),
  'a line break less': (text, pick) => insertAt(text, pick, '\n', ''),
  'a lone CR for a line break': (text, pick) => insertAt(text, pick, '\n', '\r'),
  'cut anywhere': (text, pick) => text.slice(0, beyondHeader(text, pick)),
  'a piece out of a line': (text, pick) => {
    const at = beyondHeader(text, pick);
    const end = text.indexOf('\n', at);
    return text.slice(0, at) + text.slice(Math.min(at + 1 + pick(60), end < 0 ? text.length : end));
  },
  'a piece twice': (text, pick) => {
    const at = header.join().length + pick(text.length - header.join().length);
    return text.slice(0, at) + text.slice(Math.max(header.join().length, at - pick(200)));
  },
};

function beyondHeader(text: string, pick: Pick): number {
  const start = text.indexOf('\n') + 1;
  return start + pick(text.length - start);
}

function insert(text: string, pick: Pick, what: string): string {
  const at = beyondHeader(text, pick);
  return text.slice(0, at) + what + text.slice(at);
}

/** Puts something in the place of a sign somewhere. */
function insertAt(text: string, pick: Pick, sign: string, what: string): string {
  const at = text.indexOf(sign, beyondHeader(text, pick));
  return at < 0 ? text : text.slice(0, at) + what + text.slice(at + sign.length);
}

/** Their value, or what the damage has left of it, or made of it. */
function isTheirs(value: string, truth: string): boolean {
  return value === truth || isCutOf(value, truth) || isCutOf(truth, value);
}

function isCutOf(value: string, whole: string): boolean {
  if (value === '' || value.length > whole.length) return false;
  return Array.from({ length: value.length + 1 }, (_, at) => at).some(
    (at) => whole.startsWith(value.slice(0, at)) && whole.endsWith(value.slice(at)),
  );
}

/** What of a person is not what HR wrote of them. */
function strangeIn(person: Person, rows: ReadonlyMap<string, Row>): string[] {
  const row = rows.get(person.id);
  if (row === undefined) return [`${person.id} does not exist`];
  // What the damage put into a value of their own, or took out of it, is theirs.
  const plain = (text: string | null | undefined): string => (text ?? '').replace(/[\s",;\\]/g, '');
  const [, email, firstName, lastName, department, status, startDate, endDate, , costCentre] = row;
  const truth = { email, firstName, lastName, department, status, startDate, endDate };
  // Of who has left by a damaged row, nothing else is used.
  if (person.unread !== undefined) return status === 'Inactive' ? [] : [`${person.id}: has not left`];
  const wrong = Object.entries(truth).flatMap(([field, value]) =>
    isTheirs(plain(person[field as keyof typeof truth]), plain(value)) ? [] : [field],
  );
  if (!isTheirs(plain(person.attributes['CostCentre']), plain(costCentre))) wrong.push('CostCentre');
  return wrong.map((field) => `${person.id}: ${field}`);
}

async function night(
  seed: number,
  kind: string,
): Promise<{ strange: string[]; outcome: Outcome; text: string; gone: string[] }> {
  const pick = numbers(seed);
  const rows = company(pick, 12 + pick(12));
  const delimiter = [',', ';', '\t'][pick(3)] ?? ',';
  const eol = ['\n', '\r\n'][pick(2)] ?? '\n';
  const whole = write(rows, delimiter, eol, pick(2) === 0);
  const text = damages[kind]?.(whole, pick, delimiter) ?? whole;
  const outcome = await readText(text, config, {
    baseline: { maxPeople: rows.length, maxPerShrinkValue: {}, endsInLine: true },
  });
  const byId = new Map(rows.map((row) => [row[0] ?? '', row]));
  const known = new Set([...outcome.people.map(({ id }) => id), ...outcome.rejected.map(({ id }) => id)]);
  const gone = [...byId.keys()].filter((id) => !known.has(id));
  return { strange: outcome.people.flatMap((person) => strangeIn(person, byId)), outcome, text, gone };
}

/** A piece that is gone or there twice may lie within an id: no single export can tell that the id is nobody's. */
const untold = new Set(['a piece twice', 'a piece out of a line']);

const nights = Number(process.env['ROLLCALL_DAMAGED_NIGHTS'] ?? 60);

test.each(Object.keys(damages))('%s', async (kind) => {
  const found: string[] = [];
  for (let seed = 1; seed <= nights; seed++) {
    const { strange: all, outcome, text, gone } = await night(seed, kind);
    const strange = all.filter((one) => !untold.has(kind) || !one.endsWith('does not exist'));
    const { proof } = outcome;
    if (strange.length > 0) found.push(`seed ${seed}: ${strange.join(', ')}\n${text}`);
    // Who is on no row is missed only where the roster says that it is not whole.
    if (!untold.has(kind) && gone.length > 0 && proof.complete && proof.unreadableIds === 0)
      found.push(`seed ${seed}: ${gone.join()} gone without a word\n${text}`);
    if (kind === 'none' && (!proof.complete || proof.rejected > 0 || gone.length > 0))
      found.push(
        `seed ${seed}: an ordinary night: ${JSON.stringify(proof.reasons)} ${JSON.stringify(outcome.rejected)}\n${text}`,
      );
  }
  expect(found.slice(0, 3)).toEqual([]);
});
