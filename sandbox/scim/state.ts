import { randomUUID } from 'node:crypto';
import { enterpriseSchema, isObject, type JsonObject } from './attributes.ts';

/** A user as the service keeps it: its id and its SCIM attributes, without `schemas` and `meta`. */
export type ScimUser = {
  readonly id: string;
  readonly userName: string;
  readonly externalId?: string;
  readonly active: boolean;
  readonly [attribute: string]: unknown;
};

/** A group; its members are ids of users. */
export type ScimGroup = { readonly id: string; displayName: string; readonly members: Set<string> };

/** A user to begin with. `attributes` are further SCIM attributes, as they would stand in a body. */
export type ScimUserSeed = {
  readonly id?: string;
  readonly userName: string;
  readonly externalId?: string;
  readonly active?: boolean;
  readonly givenName?: string;
  readonly familyName?: string;
  readonly email?: string;
  readonly department?: string;
  readonly attributes?: Readonly<JsonObject>;
};

/** A group to begin with; `members` are ids of users. */
export type ScimGroupSeed = {
  readonly id?: string;
  readonly displayName: string;
  readonly members?: Iterable<string>;
};

/** What users can be looked up by without reading them all. */
export type UserKey = 'userName' | 'externalId' | 'email';

/** The keys of a user in one index; lower case where SCIM compares without case. */
function keysOf(user: JsonObject, key: UserKey): readonly string[] {
  switch (key) {
    case 'userName':
      return [String(user['userName']).toLowerCase()];
    case 'externalId':
      return typeof user['externalId'] === 'string' ? [user['externalId']] : [];
    case 'email': {
      const emails = Array.isArray(user['emails']) ? user['emails'] : [];
      const values = emails.map((email: unknown) => (isObject(email) ? email['value'] : undefined));
      return [
        ...new Set(values.filter((value) => typeof value === 'string').map((value) => value.toLowerCase())),
      ];
    }
  }
}

type Index = Map<string, ScimUser | ScimUser[]>;

function addTo(index: Index, key: string, user: ScimUser): void {
  const old = index.get(key);
  if (old === undefined) index.set(key, user);
  else if (Array.isArray(old)) old.push(user);
  else index.set(key, [old, user]);
}

function removeFrom(index: Index, key: string, user: ScimUser): void {
  const old = index.get(key);
  if (!Array.isArray(old)) index.delete(key);
  else
    index.set(
      key,
      old.filter((other) => other !== user),
    );
}

/** The value of a user's work email, or undefined. */
export function workEmail(user: ScimUser): string | undefined {
  const emails = Array.isArray(user['emails']) ? user['emails'] : [];
  const work: unknown = emails.find((email: unknown) => isObject(email) && email['type'] === 'work');
  return isObject(work) && typeof work['value'] === 'string' ? work['value'] : undefined;
}

/** Users and groups in memory: tests look at it and change it behind the client's back. */
export class ScimState {
  /** In order of creation, which is the order of the pages. */
  readonly users: ScimUser[] = [];
  readonly byId = new Map<string, ScimUser>();
  readonly groups = new Map<string, ScimGroup>();
  /** userNames whose every write answers 500. */
  readonly unprocessable = new Set<string>();
  readonly #indexes = new Map<UserKey, Index>();

  /** Adds a user as if somebody had made it there. Throws when the userName is taken. */
  add(seed: ScimUserSeed): ScimUser {
    const { givenName, familyName, email, department } = seed;
    const name: JsonObject = {};
    if (givenName !== undefined) name['givenName'] = givenName;
    if (familyName !== undefined) name['familyName'] = familyName;
    const attributes: JsonObject = { userName: seed.userName, active: seed.active ?? true };
    if (seed.externalId !== undefined) attributes['externalId'] = seed.externalId;
    if (Object.keys(name).length > 0) attributes['name'] = name;
    if (email !== undefined) attributes['emails'] = [{ value: email, type: 'work', primary: true }];
    if (department !== undefined) attributes[enterpriseSchema] = { department };
    Object.assign(attributes, seed.attributes);
    if (this.find('userName', seed.userName).length > 0) throw new Error(`userName taken: ${seed.userName}`);
    return this.insert(attributes, seed.id);
  }

  /** Adds checked attributes as a new user. */
  insert(attributes: JsonObject, id: string = randomUUID()): ScimUser {
    const user: ScimUser = {
      id,
      userName: String(attributes['userName']),
      active: attributes['active'] === true,
      ...attributes,
    };
    this.users.push(user);
    this.byId.set(id, user);
    this.#reindex(user, addTo);
    return user;
  }

  /** Replaces all attributes of a user but its id. */
  replace(user: ScimUser, attributes: JsonObject): void {
    this.#reindex(user, removeFrom);
    const open: JsonObject = user;
    for (const name of Object.keys(open)) if (name !== 'id') delete open[name];
    for (const [name, value] of Object.entries(attributes)) if (name !== 'id') open[name] = value;
    this.#reindex(user, addTo);
  }

  /** Changes some attributes of a user as if somebody had done so there. Throws on an unknown id. */
  edit(id: string, attributes: JsonObject): void {
    const user = this.byId.get(id);
    if (user === undefined) throw new Error(`no such user: ${id}`);
    this.replace(user, { ...user, ...attributes });
  }

  /** Removes a user as if somebody had deleted it there. Throws on an unknown id. */
  remove(id: string): void {
    const user = this.byId.get(id);
    if (user === undefined) throw new Error(`no such user: ${id}`);
    this.#reindex(user, removeFrom);
    this.byId.delete(id);
    this.users.splice(this.users.indexOf(user), 1);
    for (const group of this.groups.values()) group.members.delete(id);
  }

  /** The users with this userName, externalId or email; userName and email without regard to case. */
  find(key: UserKey, value: string): readonly ScimUser[] {
    const found = this.#index(key).get(key === 'externalId' ? value : value.toLowerCase());
    if (found === undefined) return [];
    return Array.isArray(found) ? found : [found];
  }

  /** Adds a group. */
  addGroup(seed: ScimGroupSeed): ScimGroup {
    const group: ScimGroup = {
      id: seed.id ?? randomUUID(),
      displayName: seed.displayName,
      members: new Set(seed.members),
    };
    this.groups.set(group.id, group);
    return group;
  }

  #index(key: UserKey): Index {
    const known = this.#indexes.get(key);
    if (known !== undefined) return known;
    const index: Index = new Map();
    for (const user of this.users) for (const one of keysOf(user, key)) addTo(index, one, user);
    this.#indexes.set(key, index);
    return index;
  }

  #reindex(user: ScimUser, change: typeof addTo): void {
    for (const [key, index] of this.#indexes) for (const one of keysOf(user, key)) change(index, one, user);
  }
}
