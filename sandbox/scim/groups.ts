import { isObject, type JsonObject, ScimError } from './attributes.ts';
import { type PatchOperation, parsePatch, parsePath } from './patch.ts';
import {
  type Answer,
  type Call,
  isWanted,
  listAnswer,
  patched,
  oneComparison,
  type ScimBehaviour,
  select,
} from './protocol.ts';
import type { ScimGroup, ScimState } from './state.ts';

const groupSchema = 'urn:ietf:params:scim:schemas:core:2.0:Group';

/** The members that the operations of a group PATCH name: values to add, and comparisons to remove by. */
export function countMembers(body: unknown): number {
  const operations = isObject(body) && Array.isArray(body['Operations']) ? body['Operations'] : [];
  return operations.reduce((sum: number, operation: unknown) => {
    if (!isObject(operation)) return sum;
    const { path, value } = operation;
    const members = isObject(value) && path === undefined ? value['members'] : value;
    if (Array.isArray(members)) return sum + members.length;
    return sum + (typeof path === 'string' ? (path.match(/value eq /g)?.length ?? 0) : 0);
  }, 0);
}

/** A change of a group that is applied as a whole or not at all, without copying its members. */
class GroupDraft {
  displayName: string;
  readonly #group: ScimGroup;
  readonly #changed = new Map<string, boolean>();
  #cleared = false;

  constructor(group: ScimGroup) {
    this.#group = group;
    this.displayName = group.displayName;
  }

  has(id: string): boolean {
    return this.#changed.get(id) ?? (!this.#cleared && this.#group.members.has(id));
  }

  set(id: string, member: boolean): void {
    this.#changed.set(id, member);
  }

  clear(): void {
    this.#changed.clear();
    this.#cleared = true;
  }

  commit(): void {
    const { members } = this.#group;
    this.#group.displayName = this.displayName;
    if (this.#cleared) members.clear();
    for (const [id, member] of this.#changed) {
      if (member) members.add(id);
      else members.delete(id);
    }
  }
}

/** The calls on `/Groups` and `/Groups/{id}`: list, get, PATCH. Others are refused with 405. */
export function createGroupCalls(
  state: ScimState,
  basePath: string,
  behaviour: ScimBehaviour,
): { readonly all: (call: Call) => Answer; readonly one: (call: Call, id: string) => Answer } {
  function show(group: ScimGroup, query: URLSearchParams): JsonObject {
    const location = `${basePath}/Groups/${group.id}`;
    const resource: JsonObject = { schemas: [groupSchema], id: group.id, displayName: group.displayName };
    resource['meta'] = { resourceType: 'Group', location };
    if (isWanted(query, 'members')) {
      resource['members'] = Array.from(group.members, (value) => ({ value, type: 'User' }));
    }
    return select(resource, query);
  }

  function search(query: URLSearchParams): readonly ScimGroup[] {
    const filter = oneComparison(query, behaviour);
    const groups = [...state.groups.values()];
    if (filter === undefined) return groups;
    switch (filter.attribute.toLowerCase()) {
      case 'displayname':
        return groups.filter(
          (group) => group.displayName.toLowerCase() === String(filter.value).toLowerCase(),
        );
      case 'id':
        return groups.filter((group) => group.id === filter.value);
      default:
        throw new ScimError(400, 'invalidFilter', `cannot filter by ${filter.attribute}`);
    }
  }

  function memberIds(value: unknown): readonly string[] {
    const members = Array.isArray(value) ? value : [value];
    return members.map((member: unknown) => {
      const memberId = isObject(member) ? member['value'] : undefined;
      if (typeof memberId !== 'string') throw new ScimError(400, 'invalidValue', 'a member needs a value');
      if (!state.byId.has(memberId)) throw new ScimError(400, 'invalidValue', `no such user: ${memberId}`);
      return memberId;
    });
  }

  function removeMembers(draft: GroupDraft, path: string): void {
    const { filter } = parsePath(path);
    if (filter === undefined) draft.clear();
    for (const { attribute, value } of filter ?? []) {
      if (attribute !== 'value') throw new ScimError(400, 'invalidFilter', 'members are filtered by value');
      if (!draft.has(String(value)) && behaviour.absentMember !== 'ignored') {
        throw new ScimError(400, 'noTarget', `not a member: ${value}`);
      }
      draft.set(String(value), false);
    }
  }

  function apply(draft: GroupDraft, { op, path, value }: PatchOperation): void {
    if (path === undefined) {
      const values = Object.entries(isObject(value) ? value : {});
      for (const [name, one] of values) apply(draft, { op, path: name, value: one });
      return;
    }
    const { urn, attribute, filter, sub } = parsePath(path);
    if (urn !== undefined && urn !== groupSchema) {
      throw new ScimError(400, 'invalidPath', `unknown schema: ${urn}`);
    }
    if (attribute === 'displayName' && filter === undefined && sub === undefined && op !== 'remove') {
      if (typeof value !== 'string') throw new ScimError(400, 'invalidValue', 'displayName must be a string');
      draft.displayName = value;
      return;
    }
    if (attribute !== 'members' || sub !== undefined) {
      throw new ScimError(400, 'invalidPath', `no such attribute: ${path}`);
    }
    if (op === 'remove') {
      removeMembers(draft, path);
      return;
    }
    if (filter !== undefined) throw new ScimError(400, 'invalidPath', 'members are added by value');
    const added = memberIds(value);
    if (op === 'replace') draft.clear();
    for (const id of added) draft.set(id, true);
  }

  function patch(group: ScimGroup, data: unknown): Answer {
    if (behaviour.patch === false) throw new ScimError(501, undefined, 'PATCH is not supported');
    const draft = new GroupDraft(group);
    for (const operation of parsePatch(data)) apply(draft, operation);
    draft.commit();
    return patched(behaviour) ?? { status: 204 };
  }

  return {
    all: ({ method, query }) => {
      if (method !== 'GET') throw new ScimError(405, undefined, 'GET');
      return listAnswer(search(query), query, behaviour, (group) => show(group, query));
    },
    one: ({ method, query, data }, id) => {
      if (method !== 'GET' && method !== 'PATCH') throw new ScimError(405, undefined, 'GET, PATCH');
      const group = state.groups.get(id);
      if (group === undefined) throw new ScimError(404, undefined, 'no such group');
      return method === 'GET' ? { status: 200, body: show(group, query) } : patch(group, data);
    },
  };
}
