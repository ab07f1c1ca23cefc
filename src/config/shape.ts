import { z } from 'zod';
import type { KeyPath } from './issues.ts';

type Schema = z.core.$ZodType;

/** The keys that the mapping at `path` may have; of a union those of the alternative that `data` chose, or of all. */
export function keysAt(schema: Schema, path: KeyPath, data: unknown): readonly string[] {
  const keys = descend(schema, path, data).flatMap((found) => Object.keys(definition(found).shape ?? {}));
  return [...new Set(keys)];
}

/** The alternatives of the union at `path`, in the order in which the validator tries them. */
export function optionsAt(schema: Schema, path: KeyPath, data: unknown): readonly Schema[] {
  let found = [unwrap(schema)];
  let value = data;
  for (const part of path) {
    found = found.flatMap((inner) => choose(inner, value)).flatMap((inner) => step(inner, part));
    value = child(value, part);
  }
  return found.flatMap((inner) => definition(inner).options ?? []);
}

/** The keys of a mapping with their schemas; of a list or a union, those of its parts. */
export function childrenOf(schema: Schema): readonly (readonly [name: string, schema: Schema])[] {
  const { shape, element, valueType, options } = definition(unwrap(schema));
  if (shape !== undefined) return Object.entries(shape);
  if (options !== undefined) return options.flatMap(childrenOf);
  if (element !== undefined) return [['[]', element]];
  return valueType === undefined ? [] : childrenOf(valueType);
}

/** What the schemas at `path` say of themselves, the outermost first. */
export function descriptionsAt(schema: Schema, path: KeyPath, data: unknown): readonly string[] {
  let found: readonly Schema[] = [schema];
  let value = data;
  for (const part of path) {
    const inside = found.flatMap((inner) => choose(unwrap(inner), value));
    found = inside.flatMap((inner) => {
      const { shape, element, valueType } = definition(inner);
      return [shape?.[part] ?? element ?? valueType].filter((one) => one !== undefined);
    });
    value = child(value, part);
  }
  const described = (one: Schema): readonly string[] => {
    const { innerType, in: input, options } = definition(one);
    const own = z.globalRegistry.get(one)?.description;
    const inner = innerType ?? input;
    const parts = [...(inner === undefined ? [] : [inner]), ...(options ?? [])];
    return [...(own === undefined ? [] : [own]), ...parts.flatMap(described)];
  };
  return found.flatMap(described);
}

function descend(schema: Schema, path: KeyPath, data: unknown): readonly Schema[] {
  let found = choose(unwrap(schema), data);
  let value = data;
  for (const part of path) {
    value = child(value, part);
    found = found.flatMap((inner) => step(inner, part)).flatMap((inner) => choose(inner, value));
  }
  return found;
}

function step(schema: Schema, part: string | number): readonly Schema[] {
  const { shape, element, valueType } = definition(schema);
  const inner = shape?.[part] ?? element ?? valueType;
  return inner === undefined ? [] : [unwrap(inner)];
}

function choose(schema: Schema, value: unknown): readonly Schema[] {
  const { options, discriminator } = definition(schema);
  if (options === undefined) return [schema];
  const unwrapped = options.map(unwrap);
  if (discriminator === undefined) return unwrapped.flatMap((option) => choose(option, value));
  const wanted = child(value, discriminator);
  return unwrapped.filter((option) => {
    const literal = definition(option).shape?.[discriminator];
    return literal !== undefined && (definition(literal).values?.includes(wanted) ?? false);
  });
}

function child(value: unknown, part: string | number): unknown {
  return typeof value === 'object' && value !== null
    ? (value as Readonly<Record<string | number, unknown>>)[part]
    : undefined;
}

/** What any schema may be defined by: the union of the validator's definitions, each part optional. */
type Definition = {
  readonly shape?: Readonly<Record<string | number, Schema>>;
  readonly element?: Schema;
  readonly valueType?: Schema;
  readonly options?: readonly Schema[];
  readonly discriminator?: string;
  readonly values?: readonly unknown[];
  readonly innerType?: Schema;
  readonly in?: Schema;
};

function definition(schema: Schema): Definition {
  return schema._zod.def as Definition;
}

/** The schema behind defaults, optional keys and transformations: what is written in the file. */
function unwrap(schema: Schema): Schema {
  const { innerType, in: input } = definition(schema);
  const inner = innerType ?? input;
  return inner === undefined ? schema : unwrap(inner);
}
