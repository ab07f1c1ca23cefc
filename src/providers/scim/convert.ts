import type { Account, AccountFields } from '../../account.ts';
import { normaliseEmail, normaliseId, normaliseText } from '../../normalise.ts';
import type { AccountItem } from '../contract.ts';
import type { FieldPlace, ListName, ScimFields } from './fields.ts';
import { enterpriseSchema, type ScimUser, type ScimValue, userSchema } from './schema.ts';
import type { MatchBy } from './settings.ts';

/** How one service's users carry people. */
export type ScimProfile = {
  readonly matchBy: MatchBy;
  /** What `userName` is given on creation: the employee id, or the email where there is one. Never updated. */
  readonly userName: 'employeeId' | 'email';
  readonly fields: ScimFields;
};

/** One operation of a PATCH body (RFC 7644, 3.5.2). */
export type PatchOperation =
  | { readonly op: 'replace'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string };

type ListPlace = Extract<FieldPlace, { in: 'list' }>;
type JsonObject = Record<string, unknown>;

/** The values of a list. One that no field of ours stands in may be anything. */
function valuesIn(user: ScimUser, list: ListName): readonly ScimValue[] {
  const found: unknown = user[list];
  return Array.isArray(found) ? (found.filter(isObject) as readonly ScimValue[]) : [];
}

/** The work value, else the primary, else the first. */
function chosen(values: readonly ScimValue[]): ScimValue | undefined {
  return (
    values.find(({ type }) => typeof type === 'string' && type.toLowerCase() === 'work') ??
    values.find((one) => one.primary === true) ??
    values[0]
  );
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function rawValue(user: ScimUser, place: FieldPlace): unknown {
  switch (place.in) {
    case 'user':
      return user[place.attribute];
    case 'name':
      return user.name?.[place.attribute];
    case 'enterprise':
      return user[enterpriseSchema]?.[place.attribute];
    case 'manager': {
      const manager = user[enterpriseSchema]?.['manager'];
      return isObject(manager) ? manager['value'] : manager;
    }
    case 'list':
      return chosen(valuesIn(user, place.list))?.[place.attribute];
  }
}

/** The value of a field as read, normalised; '' when empty, and where nobody manages a field that is no text. */
function readField(user: ScimUser, name: string, place: FieldPlace): string {
  const value = rawValue(user, place);
  if (typeof value !== 'string') return '';
  // An id is nobody's words.
  if (place.in === 'manager') return value;
  return name === 'email' ? normaliseEmail(value) : normaliseText(value);
}

/** The identity that a user carries by `matchBy`; null where it has none. */
export function identityOf(user: ScimUser, matchBy: MatchBy): string | null {
  switch (matchBy) {
    case 'externalId':
      return emptyAsNull(normaliseId(user.externalId ?? ''));
    case 'userName':
      return emptyAsNull(normaliseId(user.userName ?? ''));
    case 'email':
      return emailOf(user);
  }
}

/** The work email; the userName where it is an address and there is no email at all. */
function emailOf(user: ScimUser): string | null {
  const email = normaliseEmail(chosen(user.emails ?? [])?.value ?? '');
  if (email !== '') return email;
  const userName = normaliseEmail(user.userName ?? '');
  return userName.includes('@') ? userName : null;
}

function emptyAsNull(text: string): string | null {
  return text === '' ? null : text;
}

/** A user as an account. Where the service says of nobody whether they are active, they are (`createScimClient`). */
export function toAccount(user: ScimUser, profile: ScimProfile): Account {
  const fields: Record<string, string> = {};
  for (const [name, { place }] of Object.entries(profile.fields)) {
    fields[name] = readField(user, name, place);
  }
  return {
    id: user.id,
    externalId: profile.matchBy === 'email' ? null : identityOf(user, profile.matchBy),
    email: emailOf(user),
    active: user.active ?? true,
    ...(typeof user.active === 'boolean' ? {} : { activeTold: false }),
    fields,
  };
}

/** A list with one field's value set, or taken out when the value is empty; other values stay as they are. */
function withValue(values: readonly ScimValue[], place: ListPlace, value: string): readonly ScimValue[] {
  const old = chosen(values);
  if (old === undefined) {
    return value === '' ? [] : [{ ...place.mark, [place.attribute]: value }];
  }
  if (value !== '') {
    return values.map((one) => (one === old ? { ...one, [place.attribute]: value } : one));
  }
  const { [place.attribute]: _taken, ...rest } = old;
  const nothingLeft = place.attribute === 'value' || Object.keys(rest).every((key) => key in place.mark);
  return nothingLeft ? values.filter((one) => one !== old) : values.map((one) => (one === old ? rest : one));
}

/** The parts of a user that carry `names` of `fields`; `current` is kept where it has more. */
function assigned(
  current: JsonObject,
  fields: AccountFields,
  names: readonly string[],
  profile: ScimProfile,
): JsonObject {
  const next: JsonObject = { ...current };
  const put = (target: JsonObject, attribute: string, value: string): void => {
    if (value === '') delete target[attribute];
    else target[attribute] = value;
  };
  const part = (key: string): JsonObject => {
    const old = next[key];
    const copy = isObject(old) ? { ...old } : {};
    next[key] = copy;
    return copy;
  };
  for (const name of names) {
    const place = profile.fields[name]?.place;
    const value = fields[name];
    if (place === undefined || value === undefined) continue;
    if (place.in === 'list') {
      const old = next[place.list];
      const list = withValue(Array.isArray(old) ? (old as readonly ScimValue[]) : [], place, value);
      if (list.length === 0) delete next[place.list];
      else next[place.list] = list;
    } else if (place.in === 'user') put(next, place.attribute, value);
    else if (place.in === 'manager') {
      const extension = part(enterpriseSchema);
      if (value === '') delete extension['manager'];
      else extension['manager'] = { value };
    } else put(part(place.in === 'name' ? 'name' : enterpriseSchema), place.attribute, value);
  }
  for (const key of ['name', enterpriseSchema]) {
    if (isObject(next[key]) && Object.keys(next[key]).length === 0) delete next[key];
  }
  next['schemas'] = next[enterpriseSchema] === undefined ? [userSchema] : [userSchema, enterpriseSchema];
  return next;
}

/** The employee id that an item is written under. */
export function employeeId(item: AccountItem): string {
  return item.ref.externalId ?? item.person;
}

/** The email that an item is written with, or null. */
export function itemEmail(item: AccountItem): string | null {
  return emptyAsNull(item.fields['email'] ?? item.ref.email ?? '');
}

/** The userName that a new user gets. */
export function newUserName(item: AccountItem, profile: ScimProfile): string {
  return profile.userName === 'employeeId' ? employeeId(item) : (itemEmail(item) ?? employeeId(item));
}

/** The body of a POST: all fields that have a value. */
export function newUser(item: AccountItem, profile: ScimProfile): JsonObject {
  return assigned(
    {
      userName: newUserName(item, profile),
      ...(profile.matchBy === 'externalId' ? { externalId: employeeId(item) } : {}),
      active: true,
    },
    item.fields,
    Object.keys(item.fields),
    profile,
  );
}

/** The body of a PUT: the user as it is there, with what the item changes. Read-only attributes are left out. */
export function replacedUser(item: AccountItem, current: ScimUser, profile: ScimProfile): JsonObject {
  const { meta: _meta, groups: _groups, ...kept } = current;
  const written = Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== null));
  const changed = item.kind === 'deactivate' ? [] : item.changed;
  const next = assigned(written, item.fields, changed, profile);
  if (item.kind === 'deactivate') next['active'] = false;
  if (item.kind === 'reactivate') next['active'] = true;
  const others = Array.isArray(current['schemas']) ? current['schemas'] : [];
  const own = Array.isArray(next['schemas']) ? next['schemas'] : [];
  next['schemas'] = [...new Set([...own, ...others.filter((urn) => urn !== enterpriseSchema)])];
  return next;
}

/** The multi-valued attributes that an item changes: their other values have to be known before they are written. */
export function changedLists(item: AccountItem, profile: ScimProfile): readonly ListName[] {
  if (item.kind === 'create' || item.kind === 'deactivate') return [];
  const lists = item.changed.flatMap((name) => {
    const place = profile.fields[name]?.place;
    return place?.in === 'list' ? [place.list] : [];
  });
  return [...new Set(lists)];
}

/**
 * The operations that bring about what an item changes, and nothing else. `current` is needed where `changedLists` names
 * any: a list is replaced whole, because a filtered path (`emails[type eq "work"].value`) is refused where nothing
 * matches it, and not every service understands one.
 */
export function patchOperations(
  item: AccountItem,
  current: ScimUser | undefined,
  profile: ScimProfile,
): readonly PatchOperation[] {
  if (item.kind === 'deactivate') return [{ op: 'replace', path: 'active', value: false }];
  const operations: PatchOperation[] = [];
  if (item.kind === 'reactivate') operations.push({ op: 'replace', path: 'active', value: true });
  const lists = new Map<ListName, readonly ScimValue[]>();
  for (const name of item.changed) {
    const place = profile.fields[name]?.place;
    const value = item.fields[name];
    if (place === undefined || value === undefined) continue;
    if (place.in === 'list') {
      lists.set(
        place.list,
        withValue(
          lists.get(place.list) ?? (current === undefined ? [] : valuesIn(current, place.list)),
          place,
          value,
        ),
      );
      continue;
    }
    const path = pathOf(place);
    if (value === '') operations.push({ op: 'remove', path });
    else operations.push({ op: 'replace', path, value: place.in === 'manager' ? { value } : value });
  }
  for (const [path, values] of lists) {
    if (values.length > 0) operations.push({ op: 'replace', path, value: values });
    else if (current !== undefined && valuesIn(current, path).length > 0)
      operations.push({ op: 'remove', path });
  }
  return operations;
}

function pathOf(place: Exclude<FieldPlace, ListPlace>): string {
  switch (place.in) {
    case 'user':
      return place.attribute;
    case 'name':
      return `name.${place.attribute}`;
    case 'enterprise':
      return `${enterpriseSchema}:${place.attribute}`;
    case 'manager':
      return `${enterpriseSchema}:manager`;
  }
}
