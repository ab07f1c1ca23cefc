/** The schema of a SCIM 2.0 user (RFC 7643, 4.1 and 4.3), and the check of a body against it. */

export const userSchema = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const enterpriseSchema = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

/** A refusal in SCIM's terms (RFC 7644, 3.12). `scimType` is one of the RFC's keywords. */
export class ScimError extends Error {
  readonly status: number;
  readonly scimType: string | undefined;
  constructor(status: number, scimType: string | undefined, detail: string) {
    super(detail);
    this.status = status;
    this.scimType = scimType;
  }
}

export type JsonObject = Record<string, unknown>;

/** Whether a value is a JSON object, not null and not an array. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** One attribute's definition. `sub` makes it complex, `many` multi-valued. */
export type Attribute = {
  readonly type: 'string' | 'boolean' | 'complex';
  readonly many?: boolean;
  readonly readOnly?: boolean;
  readonly sub?: Readonly<Record<string, Attribute>>;
};

const text: Attribute = { type: 'string' };
const flag: Attribute = { type: 'boolean' };
const fixed: Attribute = { type: 'complex', readOnly: true };

function complex(names: readonly string[]): Attribute {
  return { type: 'complex', sub: Object.fromEntries(names.map((name) => [name, text])) };
}

function many(names: readonly string[] = ['value', 'display', 'type']): Attribute {
  const { sub } = complex(names);
  return { type: 'complex', many: true, sub: { ...sub, primary: flag } };
}

const texts = [
  'userName',
  'externalId',
  'displayName',
  'nickName',
  'profileUrl',
  'title',
  'userType',
  'preferredLanguage',
  'locale',
  'timezone',
  'password',
];

/** The core attributes of a user by name. */
export const coreAttributes: Readonly<Record<string, Attribute>> = {
  ...Object.fromEntries(texts.map((name) => [name, text])),
  id: { ...text, readOnly: true },
  schemas: fixed,
  meta: fixed,
  groups: fixed,
  active: flag,
  name: complex(['formatted', 'familyName', 'givenName', 'middleName', 'honorificPrefix', 'honorificSuffix']),
  emails: many(),
  phoneNumbers: many(),
  ims: many(),
  photos: many(),
  entitlements: many(),
  roles: many(),
  x509Certificates: many(),
  addresses: many(['formatted', 'streetAddress', 'locality', 'region', 'postalCode', 'country', 'type']),
};

/** The attributes of the enterprise extension by name. */
export const enterpriseAttributes: Readonly<Record<string, Attribute>> = {
  employeeNumber: text,
  costCenter: text,
  organization: text,
  division: text,
  department: text,
  manager: complex(['value', '$ref', 'displayName']),
};

/** How one service takes users. */
export type UserRules = {
  /** Attributes that must be there: `userName`, `name.givenName`, `emails[work]`. */
  readonly required: readonly string[];
  /** What happens to attributes that the service does not know. */
  readonly unknown: 'refuse' | 'ignore';
  /** The attributes that the service keeps; all of RFC 7643 where it is not given. */
  readonly keeps?: { readonly core: readonly string[]; readonly enterprise: readonly string[] };
};

function checkOne(path: string, attribute: Attribute, value: unknown, rules: UserRules): unknown {
  if (attribute.type !== 'complex') {
    if (typeof value === attribute.type) return value;
    throw new ScimError(400, 'invalidValue', `${path} must be a ${attribute.type}`);
  }
  if (!isObject(value)) throw new ScimError(400, 'invalidValue', `${path} must be an object`);
  return checkAll(`${path}.`, attribute.sub ?? {}, value, rules);
}

function checkMany(path: string, attribute: Attribute, value: unknown, rules: UserRules): unknown {
  if (!Array.isArray(value)) throw new ScimError(400, 'invalidValue', `${path} must be an array`);
  const items = value.map((item, index) => checkOne(`${path}[${index}]`, attribute, item, rules));
  if (items.filter((item) => isObject(item) && item['primary'] === true).length > 1) {
    throw new ScimError(400, 'invalidValue', `${path} has more than one primary value`);
  }
  return items;
}

function checkAll(
  prefix: string,
  attributes: Readonly<Record<string, Attribute>>,
  values: JsonObject,
  rules: UserRules,
  keeps?: readonly string[],
): JsonObject {
  const clean: JsonObject = {};
  for (const [name, value] of Object.entries(values)) {
    const attribute = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
    if (attribute === undefined) {
      if (rules.unknown === 'ignore') continue;
      throw new ScimError(400, 'invalidSyntax', `unknown attribute: ${prefix}${name}`);
    }
    // null means "unassigned" (RFC 7643, 2.5); read-only attributes in a body are ignored (RFC 7644, 3.3).
    if (attribute.readOnly === true || value === null || value === undefined) continue;
    if (keeps !== undefined && !keeps.includes(name)) continue;
    const check = attribute.many === true ? checkMany : checkOne;
    clean[name] = check(`${prefix}${name}`, attribute, value, rules);
  }
  return clean;
}

function has(user: JsonObject, path: string): boolean {
  if (path === 'emails[work]') {
    return (
      Array.isArray(user['emails']) &&
      user['emails'].some(
        (email) =>
          isObject(email) &&
          email['type'] === 'work' &&
          typeof email['value'] === 'string' &&
          email['value'] !== '',
      )
    );
  }
  let value: unknown = user;
  for (const name of path.split('.')) value = isObject(value) ? value[name] : undefined;
  return typeof value === 'string' && value !== '';
}

/**
 * Checks a whole user and returns its writable attributes, `active` filled in.
 * Throws {@link ScimError} 400: `invalidSyntax` for unknown attributes, `invalidValue` for wrong or missing ones.
 */
export function checkUser(body: JsonObject, rules: UserRules): JsonObject {
  const { [enterpriseSchema]: extension, ...core } = body;
  const user = checkAll('', coreAttributes, core, rules, rules.keeps?.core);
  if (extension !== undefined && extension !== null) {
    if (!isObject(extension))
      throw new ScimError(400, 'invalidValue', `${enterpriseSchema} must be an object`);
    const clean = checkAll(
      `${enterpriseSchema}:`,
      enterpriseAttributes,
      extension,
      rules,
      rules.keeps?.enterprise,
    );
    if (Object.keys(clean).length > 0) user[enterpriseSchema] = clean;
  }
  for (const path of rules.required) {
    if (!has(user, path)) throw new ScimError(400, 'invalidValue', `${path} is required`);
  }
  user['active'] ??= true;
  return user;
}

/** Checks that `schemas` of a body names what the body carries. Throws {@link ScimError} 400 `invalidSyntax`. */
export function checkSchemas(body: JsonObject, main: string): void {
  const schemas = body['schemas'];
  if (!Array.isArray(schemas) || !schemas.includes(main)) {
    throw new ScimError(400, 'invalidSyntax', `schemas must include ${main}`);
  }
  if (body[enterpriseSchema] !== undefined && !schemas.includes(enterpriseSchema)) {
    throw new ScimError(400, 'invalidSyntax', `schemas must include ${enterpriseSchema}`);
  }
}
