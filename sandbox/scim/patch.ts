import {
  type Attribute,
  coreAttributes,
  enterpriseAttributes,
  enterpriseSchema,
  isObject,
  type JsonObject,
  ScimError,
  type UserRules,
  userSchema,
} from './attributes.ts';

/** The schema that a PATCH body names. */
export const patchSchema = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

/** One checked operation of a PATCH body. */
export type PatchOperation = {
  readonly op: 'add' | 'replace' | 'remove';
  readonly path: string | undefined;
  readonly value: unknown;
};

/** One or more comparisons joined by `or`, as in `value eq "a" or value eq "b"`. */
export type Comparison = { readonly attribute: string; readonly value: string | boolean };

const comparison = /^([A-Za-z][\w.]*) eq ("(?:[^"\\]|\\.)*"|true|false)$/;
const patchPath = /^(?:(urn:[^[\]\s]+):)?([A-Za-z][\w-]*)(?:\[(.+)\])?(?:\.([A-Za-z$][\w-]*))?$/;

/** Parses a filter of `eq` comparisons joined by `or`. Throws {@link ScimError} 400 `invalidFilter` on anything else. */
export function parseFilter(filter: string): readonly Comparison[] {
  return filter.split(/ or (?=[A-Za-z][\w.]* eq )/).map((part) => {
    const match = comparison.exec(part.trim());
    const [, attribute, literal] = match ?? [];
    if (attribute === undefined || literal === undefined) {
      throw new ScimError(400, 'invalidFilter', `filter not supported: ${filter}`);
    }
    try {
      return { attribute, value: JSON.parse(literal) as string | boolean };
    } catch {
      throw new ScimError(400, 'invalidFilter', `not a JSON string: ${literal}`);
    }
  });
}

/** Checks a PATCH body. Throws {@link ScimError} 400 `invalidSyntax`, or `noTarget` for a removal without a path. */
export function parsePatch(body: unknown): readonly PatchOperation[] {
  if (!isObject(body)) throw new ScimError(400, 'invalidSyntax', 'the body must be a JSON object');
  const { schemas, Operations: operations, ...others } = body;
  if (!Array.isArray(schemas) || !schemas.includes(patchSchema)) {
    throw new ScimError(400, 'invalidSyntax', `schemas must include ${patchSchema}`);
  }
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw new ScimError(400, 'invalidSyntax', `unknown attribute: ${unknown}`);
  if (!Array.isArray(operations) || operations.length === 0) {
    throw new ScimError(400, 'invalidSyntax', 'Operations must be an array with at least one operation');
  }
  return operations.map(parseOperation);
}

function parseOperation(operation: unknown, index: number): PatchOperation {
  const where = `Operations[${index}]`;
  if (!isObject(operation)) throw new ScimError(400, 'invalidSyntax', `${where} must be an object`);
  const { op, path, value, ...others } = operation;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined)
    throw new ScimError(400, 'invalidSyntax', `${where}: unknown attribute: ${unknown}`);
  if (op !== 'add' && op !== 'replace' && op !== 'remove') {
    throw new ScimError(400, 'invalidSyntax', `${where}.op must be add, replace or remove`);
  }
  if (path !== undefined && typeof path !== 'string') {
    throw new ScimError(400, 'invalidPath', `${where}.path must be a string`);
  }
  if (op === 'remove') {
    if (path === undefined) throw new ScimError(400, 'noTarget', `${where}: remove needs a path`);
    // The RFC gives a removal no value: a service that ignores it would remove every value of the attribute.
    if (value !== undefined) throw new ScimError(400, 'invalidSyntax', `${where}: remove takes no value`);
  } else if (value === undefined) {
    throw new ScimError(400, 'invalidValue', `${where}: ${op} needs a value`);
  } else if (path === undefined && !isObject(value)) {
    throw new ScimError(400, 'invalidValue', `${where}: without a path the value must be an object`);
  }
  return { op, path, value };
}

/** A path of a PATCH operation, taken apart. */
export type PatchPath = {
  readonly urn: string | undefined;
  readonly attribute: string;
  readonly filter: readonly Comparison[] | undefined;
  readonly sub: string | undefined;
};

/** Takes a path apart. Throws {@link ScimError} 400 `invalidPath` or `invalidFilter`. */
export function parsePath(path: string): PatchPath {
  const [, urn, attribute, filter, sub] = patchPath.exec(path) ?? [];
  if (attribute === undefined) throw new ScimError(400, 'invalidPath', `path not understood: ${path}`);
  return { urn, attribute, filter: filter === undefined ? undefined : parseFilter(filter), sub };
}

function same(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** Adds or replaces one attribute as a whole; a complex one takes over the sub-attributes given. */
function assign(
  target: JsonObject,
  name: string,
  attribute: Attribute,
  op: 'add' | 'replace',
  value: unknown,
): void {
  const old = target[name];
  if (attribute.many === true && op === 'add') {
    const added = Array.isArray(value) ? value : [value];
    const kept = Array.isArray(old) ? old : [];
    target[name] = [...kept, ...added.filter((item) => !kept.some((other) => same(item, other)))];
  } else if (attribute.type === 'complex' && attribute.many !== true && isObject(old) && isObject(value)) {
    target[name] = { ...old, ...value };
  } else {
    target[name] = value;
  }
}

function applyToItems(
  target: JsonObject,
  path: PatchPath,
  { op, value }: PatchOperation,
  subKnown: boolean,
): void {
  const { attribute, filter, sub } = path;
  const items = Array.isArray(target[attribute]) ? target[attribute].filter(isObject) : [];
  const chosen = items.filter((item) => filter?.some((one) => item[one.attribute] === one.value) ?? true);
  if (chosen.length === 0) {
    throw new ScimError(400, 'noTarget', `no value of ${attribute} matches the path`);
  }
  if (sub === undefined && op === 'remove') {
    target[attribute] = items.filter((item) => !chosen.includes(item));
    return;
  }
  if (sub !== undefined && !subKnown) return;
  for (const item of chosen) {
    if (sub !== undefined && op === 'remove') delete item[sub];
    else if (sub !== undefined) item[sub] = value;
    else if (isObject(value)) Object.assign(item, value);
    else throw new ScimError(400, 'invalidValue', `${attribute}: the value must be an object`);
  }
}

function refuseFixed(attribute: Attribute, name: string): void {
  if (attribute.readOnly === true) throw new ScimError(400, 'mutability', `${name} is read-only`);
}

function applyAtPath(user: JsonObject, operation: PatchOperation, text: string, rules: UserRules): void {
  if (text === enterpriseSchema) {
    if (operation.op === 'remove') delete user[enterpriseSchema];
    else applyWithoutPath(user, { ...operation, value: { [enterpriseSchema]: operation.value } }, rules);
    return;
  }
  const path = parsePath(text);
  if (path.urn !== undefined && path.urn !== userSchema && path.urn !== enterpriseSchema) {
    throw new ScimError(400, 'invalidPath', `unknown schema: ${path.urn}`);
  }
  const extended = path.urn === enterpriseSchema;
  const attributes = extended ? enterpriseAttributes : coreAttributes;
  const name = path.attribute;
  const attribute = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
  const subKnown = path.sub === undefined || attribute?.sub?.[path.sub] !== undefined;
  if (attribute === undefined || !subKnown) {
    if (rules.unknown === 'ignore') return;
    throw new ScimError(400, 'invalidPath', `no such attribute: ${text}`);
  }
  refuseFixed(attribute, name);
  if (operation.op === 'remove' && name === 'userName') {
    throw new ScimError(400, 'mutability', 'userName is required');
  }
  if (path.filter !== undefined && attribute.many !== true) {
    throw new ScimError(400, 'invalidPath', `${name} has one value only`);
  }
  if (extended) user[enterpriseSchema] ??= {};
  const target = extended ? user[enterpriseSchema] : user;
  if (!isObject(target)) throw new ScimError(400, 'invalidValue', `${enterpriseSchema} must be an object`);
  if (attribute.many === true && (path.filter !== undefined || path.sub !== undefined)) {
    applyToItems(target, path, operation, subKnown);
  } else if (path.sub !== undefined) {
    const old = isObject(target[name]) ? target[name] : {};
    const { [path.sub]: _old, ...kept } = old;
    target[name] = operation.op === 'remove' ? kept : { ...kept, [path.sub]: operation.value };
  } else if (operation.op === 'remove') {
    delete target[name];
  } else {
    assign(target, name, attribute, operation.op, operation.value);
  }
}

function applyWithoutPath(user: JsonObject, { op, value }: PatchOperation, rules: UserRules): void {
  if (op === 'remove' || !isObject(value))
    throw new ScimError(400, 'invalidValue', 'the value must be an object');
  const assignAll = (
    target: JsonObject,
    attributes: Readonly<Record<string, Attribute>>,
    values: JsonObject,
  ) => {
    for (const [name, one] of Object.entries(values)) {
      const attribute = Object.hasOwn(attributes, name) ? attributes[name] : undefined;
      if (attribute !== undefined) {
        refuseFixed(attribute, name);
        assign(target, name, attribute, op, one);
      } else if (rules.unknown === 'refuse') {
        throw new ScimError(400, 'invalidPath', `no such attribute: ${name}`);
      }
    }
  };
  const { [enterpriseSchema]: extension, ...core } = value;
  assignAll(user, coreAttributes, core);
  if (extension === undefined) return;
  if (!isObject(extension)) throw new ScimError(400, 'invalidValue', `${enterpriseSchema} must be an object`);
  const target = isObject(user[enterpriseSchema]) ? { ...user[enterpriseSchema] } : {};
  assignAll(target, enterpriseAttributes, extension);
  user[enterpriseSchema] = target;
}

/**
 * Applies checked operations to a copy of a user and returns it, not yet checked as a whole.
 * Throws {@link ScimError} 400: `invalidPath`, `noTarget`, `mutability`, `invalidValue`.
 */
export function patchUser(
  user: JsonObject,
  operations: readonly PatchOperation[],
  rules: UserRules,
): JsonObject {
  const patched = structuredClone(user);
  for (const operation of operations) {
    if (operation.path === undefined) applyWithoutPath(patched, operation, rules);
    else applyAtPath(patched, operation, operation.path, rules);
  }
  return patched;
}
