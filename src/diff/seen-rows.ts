import type { SeenRow } from '../change.ts';
import type { Person } from '../person.ts';
import { createTextColumn } from './text-column.ts';

/** Which parts of a row are kept. */
export type SeenColumns = {
  /** The parts of the roster: their names ('' is the only one), and the attribute of each that says where somebody works. */
  readonly parts: readonly { readonly name: string; readonly site: string | null }[];
  /** Names, where no field of the account has them. */
  readonly names: boolean;
};

/** What reviewers see of rows, by the ordinal of the person: some 14 bytes each, so that a million people fit. */
export type SeenRows = {
  readonly add: (ordinal: number, person: Person, part: number) => void;
  /** Null for who was not read. */
  readonly of: (ordinal: number) => SeenRow | null;
};

/** A column of more values than this is no department and no site. */
const mostValues = 65_535;
const dayMs = 24 * 3_600_000;

/** Values that many people share, as numbers; 0 is none. */
function createShared() {
  const texts: string[] = [''];
  const numbers = new Map<string, number>();
  return {
    numberOf: (text: string | null): number => {
      if (text === null || text === '') return 0;
      const known = numbers.get(text);
      if (known !== undefined) return known;
      if (texts.length > mostValues) return 0;
      numbers.set(text, texts.length);
      texts.push(text);
      return texts.length - 1;
    },
    textOf: (number: number): string | null => (number === 0 ? null : (texts[number] ?? null)),
  };
}

/** Rows as they were read, none so far. */
export function createSeenRows({ parts, names }: SeenColumns): SeenRows {
  const departments = createShared();
  const sites = createShared();
  const written = createTextColumn();
  let capacity = 1_024;
  let lines = new Uint32Array(capacity);
  let departmentOf = new Uint16Array(capacity);
  let siteOf = new Uint16Array(capacity);
  let partOf = new Uint8Array(capacity);
  /** Days since 1970, plus one; 0 is none. */
  let lastDays = new Int32Array(capacity);

  function reserve(ordinal: number): void {
    if (ordinal < capacity) return;
    while (capacity <= ordinal) capacity *= 2;
    const before = { lines, departmentOf, siteOf, partOf, lastDays };
    lines = new Uint32Array(capacity);
    departmentOf = new Uint16Array(capacity);
    siteOf = new Uint16Array(capacity);
    partOf = new Uint8Array(capacity);
    lastDays = new Int32Array(capacity);
    lines.set(before.lines);
    departmentOf.set(before.departmentOf);
    siteOf.set(before.siteOf);
    partOf.set(before.partOf);
    lastDays.set(before.lastDays);
  }

  return {
    add: (ordinal, person, part) => {
      reserve(ordinal);
      const site = parts[part]?.site ?? null;
      partOf[ordinal] = part;
      lines[ordinal] = person.line;
      departmentOf[ordinal] = departments.numberOf(person.department);
      if (site !== null) siteOf[ordinal] = sites.numberOf(person.attributes[site] ?? null);
      if (person.endDate !== null) {
        const day = Date.parse(`${person.endDate}T00:00:00Z`) / dayMs;
        if (Number.isInteger(day)) lastDays[ordinal] = day >= 0 ? day + 1 : day;
      }
      if (names) {
        const name = `${person.firstName ?? ''} ${person.lastName ?? ''}`.trim();
        if (name !== '') written.set(ordinal, name);
      }
    },
    of: (ordinal) => {
      const line = ordinal < 0 || ordinal >= capacity ? 0 : (lines[ordinal] ?? 0);
      if (line === 0) return null;
      const day = lastDays[ordinal] ?? 0;
      const part = parts[partOf[ordinal] ?? 0]?.name ?? '';
      return {
        line,
        name: written.get(ordinal) || null,
        department: departments.textOf(departmentOf[ordinal] ?? 0),
        site: sites.textOf(siteOf[ordinal] ?? 0),
        lastDay: day === 0 ? null : new Date((day > 0 ? day - 1 : day) * dayMs).toISOString().slice(0, 10),
        ...(part === '' ? {} : { part }),
      };
    },
  };
}

const siteWords = new Set(
  'location site office branch plant store campus facility workplace worklocation standort niederlassung filiale lieu sede ubicacion vestiging city country'.split(
    ' ',
  ),
);

/**
 * The attribute that says where people work, for reviewers: the one whose values must not shrink where one is set, else the
 * first whose name has a word for a place in it (`Work Location`, `SiteCode`). Null where there is none.
 */
export function siteColumn(attributes: readonly string[], shrinkBy: string | undefined): string | null {
  if (shrinkBy !== undefined && attributes.includes(shrinkBy)) return shrinkBy;
  const named = attributes.find((name) =>
    name
      .replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2')
      .toLowerCase()
      .split(/[^\p{L}]+/u)
      .some((word) => siteWords.has(word)),
  );
  return named ?? null;
}
