import {
  columnNames,
  columns,
  type Column,
  type Dialect,
  encode,
  linesOf,
  type Table,
  textOf,
} from './dialect.ts';
import type { Random } from './random.ts';

/** What is delivered on a night: bytes, or the file of the night before lies there still. */
export type Delivery =
  | { readonly kind: 'file'; readonly bytes: Buffer; readonly ageMs?: number }
  | { readonly kind: 'late' }
  | { readonly kind: 'gone' };

/** Everything that a damage may look at. */
export type Scene = { readonly table: Table; readonly dialect: Dialect; readonly random: Random };

/** A way in which an export goes wrong. Null where it does not apply tonight, or is too small to be told from ordinary life. */
export type Damage = (scene: Scene) => Delivery | null;

const hourMs = 3_600_000;

function write(table: Table, dialect: Dialect): Delivery {
  return { kind: 'file', bytes: encode(textOf(linesOf(table, dialect), dialect), dialect.encoding) };
}

function text(value: string, dialect: Dialect): Delivery {
  return { kind: 'file', bytes: encode(value, dialect.encoding) };
}

/**
 * The contract measures a column: 10 % emptied or 20 % recoded, and five people at least. What stays below it is taken for
 * ordinary life, so a damage is played only where each column that it changes is clearly past that measure.
 */
export function isMeasurable(before: Table, after: Table): boolean {
  const size = before.rows.length;
  return before.columns.every((column, at) => {
    if (column === 'address' || column === 'id') return true;
    let filled = 0;
    let emptied = 0;
    let recoded = 0;
    for (const [row, cells] of before.rows.entries()) {
      const was = cells[at] ?? '';
      const is = after.rows[row]?.[at] ?? '';
      if (was !== '') filled++;
      if (was === is) continue;
      if (is === '') emptied++;
      else recoded++;
    }
    if (emptied === 0 && recoded === 0) return true;
    return (emptied > 6 && emptied > filled * 0.15) || (recoded > 7 && recoded > size * 0.28);
  });
}

/** Changes cells of one column, where that is enough to be noticed. */
function column(
  which: readonly Column[],
  change: (cell: string, row: number, scene: Scene, cells: readonly string[]) => string,
): Damage {
  return (scene) => {
    const { table, dialect, random } = scene;
    const at = table.columns.indexOf(random.pick(which));
    const cells = table.rows.map((row) => row[at] ?? '');
    const rows = table.rows.map((row, index) => row.with(at, change(row[at] ?? '', index, scene, cells)));
    const damaged = { ...table, rows };
    return isMeasurable(table, damaged) ? write(damaged, dialect) : null;
  };
}

/** Changes ids, of all or of some rows. */
function ids(change: (id: string) => string): Damage {
  return ({ table, dialect, random }) => {
    const at = table.columns.indexOf('id');
    const all = random.chance(0.5);
    let touched = 0;
    const rows = table.rows.map((row) => {
      const id = row[at] ?? '';
      const next = all || random.chance(0.2) ? change(id) : id;
      if (next !== id) touched++;
      return row.with(at, next);
    });
    return touched === 0 ? null : write({ ...table, rows }, dialect);
  };
}

/** Changes some rows' cells; `count` of them. */
function someRows(
  count: (size: number, random: Random) => number,
  change: (row: readonly string[], scene: Scene) => readonly string[],
): Damage {
  return (scene) => {
    const { table, dialect, random } = scene;
    const indexes = table.rows.map((_, index) => index);
    const chosen = new Set(random.some(indexes, count(table.rows.length, random)));
    const rows = table.rows.map((row, index) => (chosen.has(index) ? change(row, scene) : row));
    return write({ ...table, rows }, dialect);
  };
}

/** Changes the lines of the written file. The first row of people is line `first`. */
function lines(change: (lines: string[], first: number, scene: Scene) => string[] | null): Damage {
  return (scene) => {
    const { table, dialect } = scene;
    const changed = change(linesOf(table, dialect), dialect.above + 1 + dialect.below, scene);
    return changed === null ? null : text(textOf(changed, dialect), dialect);
  };
}

/**
 * Some people's cells of a column say something else: so many that a limit holds what follows, and too few for the column
 * to be called recoded.
 */
function several(column_: Column, from: string, to: string): Damage {
  return ({ table, dialect, random }) => {
    const at = table.columns.indexOf(column_);
    const status = table.columns.indexOf('status');
    const those = table.rows.filter((row) => row[at] === from && row[status] === 'Active');
    const count = leastHeld + random.int(2);
    if (those.length < count || count > table.rows.length * 0.18) return null;
    const chosen = new Set(random.some(those, count));
    return write(
      { ...table, rows: table.rows.map((row) => (chosen.has(row) ? row.with(at, to) : row)) },
      dialect,
    );
  };
}

/** More than the floor of any limit on removals, which is five, though one or two of them may not be there yet. */
const leastHeld = 8;

const valueColumns: readonly Column[] = columnNames.filter((name) => name !== 'id');
const ruleColumns: readonly Column[] = ['cost', 'site', 'department', 'status'];

const few = (_size: number, random: Random): number => 1 + random.int(3);

/** All ways, by name. */
export const damages: Readonly<Record<string, Damage>> = {
  // The transfer.
  'cut anywhere': ({ table, dialect, random }) => {
    const whole = encode(textOf(linesOf(table, dialect), dialect), dialect.encoding);
    return { kind: 'file', bytes: whole.subarray(0, 1 + random.int(whole.length - 3)) };
  },
  'cut in the last cell': ({ table, dialect, random }) => {
    const whole = textOf(linesOf(table, dialect), dialect);
    return dialect.end > 0
      ? null
      : text(whole.slice(0, whole.length - dialect.eol.length - random.int(3)), dialect);
  },
  'the first half twice': lines((all) => [...all.slice(0, all.length >> 1), ...all]),
  'the whole file twice': lines((all) => [...all, ...all]),
  'no bytes': () => ({ kind: 'file', bytes: Buffer.alloc(0) }),
  'header only': lines((all, first) => all.slice(0, first)),
  'a block of zeros': ({ table, dialect, random }) => {
    const bytes = Buffer.from(encode(textOf(linesOf(table, dialect), dialect), dialect.encoding));
    const at = random.int(bytes.length);
    bytes.fill(0, at, at + 64 + random.int(400));
    return { kind: 'file', bytes };
  },
  'a login page': () => ({
    kind: 'file',
    bytes: Buffer.from('<!DOCTYPE html><html><body>Sign in</body></html>\n'),
  }),
  'the file of last night': () => ({ kind: 'late' }),
  'no file': () => ({ kind: 'gone' }),
  'dated in the future': (scene) => ({ kind: 'file', bytes: bytesOf(scene), ageMs: -72 * hourMs }),

  // Rows.
  'a third of the rows gone': lines((all, first, { random }) => {
    const kept = all.filter((_, index) => index < first || !random.chance(0.35));
    return kept.length > all.length * 0.8 ? null : kept;
  }),
  'a site gone': ({ table, dialect, random }) => {
    const at = table.columns.indexOf('site');
    const site = random.pick(table.rows)[at];
    return write({ ...table, rows: table.rows.filter((row) => row[at] !== site) }, dialect);
  },
  'the header once more': lines((all, first, { random, dialect }) => {
    const next = [...all];
    next.splice(first + random.int(all.length - first), 0, all[dialect.above] ?? '');
    return next;
  }),
  'a label row': lines((all, first, { table, dialect }) => {
    if (dialect.below > 0) return null;
    const labels = table.columns.map(() => 'String').join(dialect.delimiter);
    return [...all.slice(0, first), labels, ...all.slice(first)];
  }),
  'a total at the end': lines((all, first) => [...all, `Total: ${all.length - first}`]),
  'two more lines above': lines((all) => ['Report', `Run by payroll`, ...all]),
  'error words for names': someRows(few, (row, { table, random }) =>
    row.with(
      table.columns.indexOf(random.pick(['firstName', 'lastName'])),
      random.pick(['#REF!', '#N/A', '#NAME?', '#VALUE!']),
    ),
  ),
  'error words for ids': someRows(few, (row, { table }) => row.with(table.columns.indexOf('id'), '#N/A')),
  'a cell too many in a row': someRows(few, (row, { random }) => {
    const at = random.int(row.length);
    return [...row.slice(0, at), 'Nord', ...row.slice(at)];
  }),
  // More than the smallest limit, and fewer than a column that is recoded.
  'several marked as leavers': several('status', 'Active', 'Terminated'),
  'several under another cost centre': several('cost', 'FIN', 'OPS'),
  'two people under one id': ({ table, dialect, random }) => {
    const at = table.columns.indexOf('id');
    const [one, two] = random.some(table.rows, 2);
    if (one === undefined || two === undefined) return null;
    const rows = table.rows.map((row) => (row === two ? row.with(at, one[at] ?? '') : row));
    return write({ ...table, rows }, dialect);
  },

  // Quotes.
  'a stray quote before a cell': lines((all, first, { random, dialect }) => {
    const at = first + random.int(all.length - first);
    const cells = (all[at] ?? '').split(dialect.delimiter);
    const cell = random.int(cells.length);
    return all.with(at, cells.with(cell, `"${cells[cell] ?? ''}`).join(dialect.delimiter));
  }),
  // Not behind a title: 24" is one.
  'a stray quote behind a cell': lines((all, first, { random, dialect, table }) => {
    const at = first + random.int(all.length - first);
    const cells = (all[at] ?? '').split(dialect.delimiter);
    const cell = random.int(cells.length);
    if (table.columns[cell] === 'title' || cells.length !== table.columns.length) return null;
    return all.with(at, cells.with(cell, `${cells[cell] ?? ''}"`).join(dialect.delimiter));
  }),
  'two stray quotes': lines((all, first, { random, dialect, table }) => {
    let next = all;
    for (let n = 0; n < 2; n++) {
      const at = first + random.int(all.length - first);
      const cells = (next[at] ?? '').split(dialect.delimiter);
      const cell = random.int(cells.length);
      if (table.columns[cell] === 'title' || cells.length !== table.columns.length) return null;
      next = next.with(
        at,
        cells.with(cell, n === 0 ? `"${cells[cell]}` : `${cells[cell]}"`).join(dialect.delimiter),
      );
    }
    return next;
  }),
  // One that is opened and one that is closed, in one column: the row looks whole and has swallowed those between.
  'two quotes in one column': lines((all, first, { random, dialect, table }) => {
    const width = table.columns.length + (dialect.hasLooseEnd ? 1 : 0);
    const at = first + random.int(all.length - first);
    const to = at + 1 + random.int(3);
    const cell = table.columns.indexOf(random.pick(['firstName', 'lastName', 'department', 'title']));
    const swallowed = all.slice(at, to + 1).map((line) => line.split(dialect.delimiter));
    if (to >= all.length - dialect.end || dialect.quotes === 'all') return null;
    if (swallowed.some((cells) => cells.length !== width || cells.some((one) => one.includes('"'))))
      return null;
    const join = (cells: readonly string[] | undefined, change: (text: string) => string): string =>
      (cells ?? []).map((text, index) => (index === cell ? change(text) : text)).join(dialect.delimiter);
    return all
      .with(
        at,
        join(swallowed[0], (text) => `"${text}`),
      )
      .with(
        to,
        join(swallowed.at(-1), (text) => `${text}"`),
      );
  }),
  'backslash instead of a second quote': lines((all) =>
    all.some((line) => line.includes('""')) ? all.map((line) => line.replaceAll('""', '\\"')) : null,
  ),
  'quotes left out': lines((all, first, { dialect }) => {
    const next = all.map((line, index) => (index < first ? line : line.replaceAll('"', '')));
    // Without them a quote inside a cell is lost, and nobody can tell.
    const isHarmless = !all.some((line) => line.includes('""'));
    return dialect.quotes === 'all' && isHarmless ? next : null;
  }),

  // Columns.
  'a column empty': column(valueColumns, () => ''),
  'a column half empty': column(valueColumns, (cell, _row, { random }) => (random.chance(0.5) ? '' : cell)),
  'a column of one constant': column(valueColumns, (_cell, _row, _scene, cells) => cells[0] ?? ''),
  'a column in lower case': column(ruleColumns, (cell) => cell.toLowerCase()),
  'a column recoded': column(ruleColumns, (cell) => `${cell.length}-${cell.slice(0, 1)}`),
  'a column one row down': column(valueColumns, (_cell, row, _scene, cells) => cells.at(row - 1) ?? ''),
  'a column sorted by itself': column(
    valueColumns,
    (_cell, row, _scene, cells) => cells.toSorted()[row] ?? '',
  ),
  'error words in a column': column(valueColumns, (cell, _row, { random }) =>
    random.chance(0.6) ? '#N/A' : cell,
  ),
  'names read in another encoding': column(['firstName', 'lastName'], (cell) =>
    new TextDecoder('windows-1252').decode(Buffer.from(cell, 'utf8')),
  ),
  'another domain': column(['email'], (cell) => cell.replace('@example.com', '@example.org')),
  'two columns swapped': (scene) => {
    const { table, dialect, random } = scene;
    const [one = 'cost', two = 'site'] = random.some(valueColumns, 2);
    const [a, b] = [table.columns.indexOf(one), table.columns.indexOf(two)];
    const rows = table.rows.map((row) => row.with(a, row[b] ?? '').with(b, row[a] ?? ''));
    const damaged = { ...table, rows };
    return isMeasurable(table, damaged) ? write(damaged, dialect) : null;
  },
  'a column left out': ({ table, dialect, random }) => {
    const at = table.columns.indexOf(random.pick(columnNames));
    return write(
      {
        columns: table.columns.toSpliced(at, 1),
        header: table.header.toSpliced(at, 1),
        rows: table.rows.map((row) => row.toSpliced(at, 1)),
      },
      dialect,
    );
  },
  'a column renamed': ({ table, dialect, random }) => {
    const at = table.columns.indexOf(random.pick(columnNames));
    return write({ ...table, header: table.header.with(at, `${table.header[at]} (new)`) }, dialect);
  },
  'days and months swapped': column(['startDate', 'endDate'], (cell, _row, { dialect }) => {
    const parts = cell.split(/[-/]/);
    const sign = cell.includes('-') ? '-' : '/';
    const [a = '', b = '', c = ''] = parts;
    return parts.length < 3
      ? cell
      : dialect.dates === 'yyyy-MM-dd'
        ? [a, c, b].join(sign)
        : [b, a, c].join(sign);
  }),
  'no header': lines((all, first) => all.slice(first)),

  // Ids in another spelling.
  'ids without their zeros': ids((id) => id.replace(/^0+/, '')),
  'ids with an apostrophe': ids((id) => `'${id}`),
  'ids as a formula': ids((id) => `="${id}"`),
  'ids with .0': ids((id) => (/^\d+$/.test(id) ? `${id}.0` : id)),
  'ids in lower case': ids((id) => id.toLowerCase()),
  'ids rounded': ids((id) => (/^\d+$/.test(id) ? `${Number(id.slice(0, 3)) / 100}E+${id.length - 1}` : id)),

  // Encodings.
  'another encoding': ({ table, dialect }) => {
    const whole = textOf(linesOf(table, dialect), dialect);
    const bytes = encode(whole, dialect.encoding === 'windows-1250' ? 'utf-8' : 'windows-1250');
    return bytes.every((byte) => byte < 0x80) ? null : { kind: 'file', bytes };
  },
};

export type DamageName = string;
export const damageNames: readonly DamageName[] = Object.keys(damages);

/** Tonight's file as HR meant it. */
export function bytesOf({ table, dialect }: Scene): Buffer {
  return encode(textOf(linesOf(table, dialect), dialect), dialect.encoding);
}

/** Names of the damages that leave out people without being seen: two in a row would count as two exports without them. */
export const thinning: ReadonlySet<DamageName> = new Set([
  'cut anywhere',
  'a site gone',
  'a third of the rows gone',
]);

export const mappedColumns: readonly string[] = Object.values(columns);
