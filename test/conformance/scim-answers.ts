import { counted, mayBeEmpty, needed, row, typed } from './fields.ts';
import type { Answers, Means } from './harness.ts';

const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const part: Means = { null: 'empty', absent: 'empty', type: 'fails' };

/** What the fields of users mean on a service whose every field is filled by a rule. `lists`: which part of their values. */
export function scimAnswers(service: {
  readonly users: string;
  readonly texts: readonly string[];
  readonly lists: Readonly<Record<string, string>>;
  /** Whether a manager is read. */
  readonly manager?: true;
}): Answers {
  const user: Record<string, Means> = {
    // Not as an answer of its own: others are said to be active.
    active: { null: 'fails', absent: 'fails', type: 'fails' },
    userName: typed,
    name: part,
    'name.givenName': mayBeEmpty,
    'name.familyName': mayBeEmpty,
    [enterprise]: part,
    [`${enterprise}.department`]: mayBeEmpty,
    [`${enterprise}.division`]: mayBeEmpty,
    [`${enterprise}.employeeNumber`]: mayBeEmpty,
  };
  if (service.manager === true) {
    // An id alone is one, too; what is neither is nobody.
    user[`${enterprise}.manager`] = { null: 'empty', absent: 'empty', type: 'passes' };
    user[`${enterprise}.manager.value`] = { null: 'empty', absent: 'empty', type: 'empty', word: 'passes' };
  }
  for (const name of service.texts) user[name] = mayBeEmpty;
  for (const [name, attribute] of Object.entries(service.lists)) {
    user[name] = part;
    // Without the first value another one counts.
    user[`${name}.*`] = { null: 'fails', absent: 'other', type: 'fails' };
    user[`${name}.*.${attribute}`] = mayBeEmpty;
    // Roles are told apart by which is primary.
    if (name !== 'roles') user[`${name}.*.type`] = typed;
  }
  const id: Means = { ...needed, word: 'passes' };
  const listed = Object.entries(user).map(([field, means]) => [`Resources.*.${field}`, means]);
  return {
    [`GET ${service.users}`]: {
      totalResults: needed,
      Resources: counted,
      'Resources.*': row,
      'Resources.*.id': id,
      ...Object.fromEntries(listed),
    },
    [`GET ${service.users}/{id}`]: { id, ...user },
    // The id that is told is the account's from then on; a write may be answered by nothing.
    [`POST ${service.users}`]: { id: { word: 'passes' } },
    [`PATCH ${service.users}/{id}`]: { id: { word: 'passes' } },
  };
}
