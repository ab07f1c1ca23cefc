import { type KeepnetSettings, type Listing, Refusal } from './state.ts';

export type Json = Readonly<Record<string, unknown>>;

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The page that every search answers. */
export type Page = {
  readonly pageNumber: number;
  readonly pageSize: number;
  readonly totalNumberOfPages: number;
  readonly totalNumberOfRecords: number;
  /** Null when there is none, as the settings say. */
  readonly results: readonly Json[] | null;
};

/** What is searched, and how one of its rows is shown. */
export type Searchable<Row> = {
  readonly listing: Listing<Row>;
  readonly show: (row: Row) => Json;
  /** The revision of the state: a cached selection of an older one is dropped. */
  readonly revision: number;
  /** Rows left out or kept beside the filter, with a name that tells one such choice from another. */
  readonly only?: { readonly name: string; readonly test: (row: Row) => boolean };
  /** A name that `orderBy` takes for a field that the rows call otherwise, both in lower case. */
  readonly sortAs?: Readonly<Record<string, string>>;
  /** A short cut for an `Equal` on the email. */
  readonly byEmail?: (email: string) => Row | undefined;
};

type FilterItem = { readonly field: string; readonly operator: string; readonly value: string };
type FilterGroup = {
  readonly any: boolean;
  readonly items: readonly FilterItem[];
  readonly groups: readonly FilterGroup[];
};

const operators = new Set(['Equal', 'Contains', 'Include']);

/** A member by its name in whatever case: the vendor's examples write both `Condition` and `condition`. */
function member(json: Json, name: string): unknown {
  const key = Object.keys(json).find((candidate) => candidate.toLowerCase() === name);
  return key === undefined ? undefined : json[key];
}

function hasNull(value: unknown): boolean {
  if (value === null) return true;
  if (Array.isArray(value)) return value.some(hasNull);
  return isJson(value) && Object.values(value).some(hasNull);
}

/** Refuses null for `filter`, `orderBy` or anything inside `filter`, in the way the settings say. */
export function refuseNull(body: Json, settings: KeepnetSettings): void {
  if (body['orderBy'] !== null && !hasNull(body['filter'])) return;
  switch (settings.nullAnswer) {
    case '400':
      throw new Refusal(400, 'BAD_REQUEST', 'filter and orderBy must not be null');
    case '500':
      throw new Refusal(500, 'ERROR', 'Object reference not set to an instance of an object.');
    case 'inputError':
      throw new Refusal(200, 'INPUT_ERROR', 'filter and orderBy must not be null');
  }
}

function wholeNumber(body: Json, field: string, fallback: number): number {
  const value = body[field] ?? fallback;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1) {
    throw new Refusal(400, 'INPUT_ERROR', `${field} must be a whole number from 1`);
  }
  return value;
}

function readItem(item: unknown): FilterItem {
  if (!isJson(item)) throw new Refusal(400, 'INPUT_ERROR', 'FilterItems must hold objects');
  const [field, operator, value] = ['fieldname', 'operator', 'value'].map((name) => member(item, name));
  if (typeof field !== 'string' || typeof operator !== 'string' || typeof value !== 'string') {
    throw new Refusal(400, 'INPUT_ERROR', 'a filter item needs FieldName, Operator and Value');
  }
  if (!operators.has(operator)) throw new Refusal(400, 'INPUT_ERROR', `unknown operator ${operator}`);
  return { field: field.toLowerCase(), operator, value: value.toLowerCase() };
}

function readGroup(group: unknown): FilterGroup {
  if (!isJson(group)) throw new Refusal(400, 'INPUT_ERROR', 'a filter group must be an object');
  const condition = String(member(group, 'condition')).toUpperCase();
  if (condition !== 'AND' && condition !== 'OR') {
    throw new Refusal(400, 'INPUT_ERROR', 'Condition must be AND or OR');
  }
  const items = member(group, 'filteritems') ?? [];
  const groups = member(group, 'filtergroups') ?? [];
  if (!Array.isArray(items) || !Array.isArray(groups)) {
    throw new Refusal(400, 'INPUT_ERROR', 'FilterItems and FilterGroups must be arrays');
  }
  return { any: condition === 'OR', items: items.map(readItem), groups: groups.map(readGroup) };
}

function isEmpty(group: FilterGroup): boolean {
  return group.items.length === 0 && group.groups.every(isEmpty);
}

/** The parts of a group that say something: the empty groups of the vendor's template exclude nothing. */
function itemsOf(group: FilterGroup): readonly FilterItem[] {
  return [...group.items, ...group.groups.flatMap(itemsOf)];
}

function lowerCased(row: Json): Map<string, string> {
  const fields = new Map<string, string>();
  for (const [name, value] of Object.entries(row)) {
    if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
      fields.set(name.toLowerCase(), String(value).toLowerCase());
    }
  }
  return fields;
}

function itemHolds(item: FilterItem, row: ReadonlyMap<string, string>): boolean {
  const field = row.get(item.field);
  if (field === undefined) return false;
  if (item.operator === 'Equal') return field === item.value;
  if (item.operator === 'Contains') return field.includes(item.value);
  return item.value.split(',').includes(field);
}

function groupHolds(group: FilterGroup, row: ReadonlyMap<string, string>): boolean {
  const parts = group.groups.filter((inner) => !isEmpty(inner));
  if (group.items.length + parts.length === 0) return true;
  return group.any
    ? group.items.some((item) => itemHolds(item, row)) || parts.some((inner) => groupHolds(inner, row))
    : group.items.every((item) => itemHolds(item, row)) && parts.every((inner) => groupHolds(inner, row));
}

type Selection<Row> = { readonly key: string; readonly rows: readonly Row[] };

// One selection a listing: the pages of one search follow each other, and each would filter and sort all rows.
const selections = new WeakMap<object, Selection<unknown>>();

function select<Row>(
  from: Searchable<Row>,
  filter: FilterGroup | undefined,
  text: string,
  orderBy: string,
): readonly Row[] {
  const sorted = orderBy !== 'createtime';
  const filtered = (filter !== undefined && !isEmpty(filter)) || text !== '';
  if (!sorted && !filtered && from.only === undefined) return from.listing.rows();
  if (filter !== undefined && text === '' && from.only === undefined && from.byEmail !== undefined) {
    const [item, ...others] = itemsOf(filter);
    if (item?.field === 'email' && item.operator === 'Equal' && others.length === 0) {
      const row = from.byEmail(item.value);
      return row === undefined ? [] : [row];
    }
  }
  const key = JSON.stringify([from.revision, filter, text, orderBy, from.only?.name]);
  const known = selections.get(from.listing);
  if (known?.key === key) return known.rows as readonly Row[];
  const shown: { readonly row: Row; readonly fields: Map<string, string> }[] = [];
  for (const row of from.listing.rows()) {
    if (from.only !== undefined && !from.only.test(row)) continue;
    const fields = lowerCased(from.show(row));
    if (filter !== undefined && !groupHolds(filter, fields)) continue;
    if (text !== '' && ![...fields.values()].some((value) => value.includes(text))) continue;
    shown.push({ row, fields });
  }
  if (sorted) {
    const keyOf = (fields: Map<string, string>) => fields.get(orderBy) ?? '';
    shown.sort((a, b) =>
      keyOf(a.fields) < keyOf(b.fields) ? -1 : keyOf(a.fields) > keyOf(b.fields) ? 1 : 0,
    );
  }
  const rows = shown.map(({ row }) => row);
  selections.set(from.listing, { key, rows });
  return rows;
}

/** Refuses a field that the rows do not have: a filter that quietly matches nothing would hide a client's typing error. */
function refuseUnknownFields<Row>(from: Searchable<Row>, names: readonly string[]): void {
  const first = from.listing.rows()[0];
  if (first === undefined) return;
  const fields = new Set(Object.keys(from.show(first)).map((name) => name.toLowerCase()));
  const unknown = names.find((name) => !fields.has(name));
  if (unknown !== undefined) throw new Refusal(400, 'INPUT_ERROR', `unknown field ${unknown}`);
}

/**
 * Answers one page of a search by the vendor's search body. Pages count from 1; one past the end is empty.
 * @throws Refusal for null, a page out of bounds, an unknown field or operator
 */
export function search<Row>(body: Json, from: Searchable<Row>, settings: KeepnetSettings): Page {
  refuseNull(body, settings);
  const pageNumber = wholeNumber(body, 'pageNumber', 1);
  const asked = wholeNumber(body, 'pageSize', 10);
  if (asked > settings.maxPageSize && !settings.clampPageSize) {
    throw new Refusal(400, 'INPUT_ERROR', `pageSize must not be over ${settings.maxPageSize}`);
  }
  const pageSize = Math.min(asked, settings.maxPageSize);
  const { orderBy = 'CreateTime', ascending = false, filter } = body;
  if (typeof orderBy !== 'string') throw new Refusal(400, 'INPUT_ERROR', 'orderBy must be a string');
  if (typeof ascending !== 'boolean') throw new Refusal(400, 'INPUT_ERROR', 'ascending must be a boolean');
  const group = filter === undefined ? undefined : readGroup(filter);
  const text = isJson(filter) ? (member(filter, 'searchinputtextvalue') ?? '') : '';
  if (typeof text !== 'string') {
    throw new Refusal(400, 'INPUT_ERROR', 'SearchInputTextValue must be a string');
  }
  const name = orderBy.toLowerCase();
  const order = from.sortAs?.[name] ?? name;
  refuseUnknownFields(from, [
    ...(body['orderBy'] === undefined ? [] : [order]),
    ...(group === undefined ? [] : itemsOf(group).map((item) => item.field)),
  ]);
  const rows = select(from, group, text.toLowerCase(), order);
  const start = (pageNumber - 1) * pageSize;
  const page = ascending
    ? rows.slice(start, start + pageSize)
    : rows.slice(Math.max(0, rows.length - start - pageSize), Math.max(0, rows.length - start)).reverse();
  return {
    pageNumber,
    pageSize,
    totalNumberOfPages: Math.ceil(rows.length / pageSize),
    totalNumberOfRecords: rows.length,
    results: page.length === 0 && settings.nullWhenEmpty ? null : page.map(from.show),
  };
}
