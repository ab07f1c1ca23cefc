import type { FieldSpec } from '../contract.ts';

/** Multi-valued attributes that hold one of our fields. */
export type ListName = 'emails' | 'addresses' | 'roles';

/** Where a field stands in a SCIM user. */
export type FieldPlace =
  /** The enterprise extension's manager, by its `value`: the id of the user who it is (RFC 7643, 4.3). */
  | { readonly in: 'manager' }
  | { readonly in: 'user' | 'name' | 'enterprise'; readonly attribute: string }
  | {
      readonly in: 'list';
      readonly list: ListName;
      readonly attribute: 'value' | 'country';
      /** What a value that we add is marked with. */
      readonly mark: Readonly<Record<string, string | boolean>>;
    };

/** A field with its place. */
export type ScimField = { readonly spec: FieldSpec; readonly place: FieldPlace };
export type ScimFields = Readonly<Record<string, ScimField>>;

const byRule: FieldSpec = { from: null, readBack: true };

const email: ScimField = {
  spec: { from: 'email', readBack: true },
  place: { in: 'list', list: 'emails', attribute: 'value', mark: { type: 'work', primary: true } },
};
const country: ScimField = {
  spec: byRule,
  place: { in: 'list', list: 'addresses', attribute: 'country', mark: { type: 'work' } },
};

function at(
  where: 'user' | 'name' | 'enterprise',
  attribute: string,
  from: FieldSpec['from'] = null,
): ScimField {
  return { spec: { ...byRule, from }, place: { in: where, attribute } };
}

/** The fields of RFC 7643's user and its enterprise extension that we fill. */
export const scimFields = {
  firstName: at('name', 'givenName', 'firstName'),
  lastName: at('name', 'familyName', 'lastName'),
  email,
  department: at('enterprise', 'department', 'department'),
  title: at('user', 'title'),
  displayName: at('user', 'displayName'),
  nickName: at('user', 'nickName'),
  userType: at('user', 'userType'),
  language: at('user', 'preferredLanguage'),
  country,
  employeeNumber: at('enterprise', 'employeeNumber'),
  division: at('enterprise', 'division'),
  manager: { spec: { from: 'manager', readBack: true, reference: true }, place: { in: 'manager' } },
} as const satisfies ScimFields;

/** A field that a create is refused without. */
export function required(field: ScimField): ScimField {
  return { ...field, spec: { ...field.spec, required: true } };
}
