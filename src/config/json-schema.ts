import { z } from 'zod';
import type { ProviderSettingsRegistry } from './registry.ts';
import { customerBase, operatorBase, slug } from './schema.ts';

type JsonSchema = Record<string, unknown>;

/**
 * The JSON Schema (draft 7, which editors know best) of a configuration file as it is written: before defaults, units
 * and references. It comes from the schemas that loading uses; `provider` decides what else a platform block has.
 */
export function configJsonSchema(registry: ProviderSettingsRegistry): JsonSchema {
  const { $schema, properties, required, ...rest } = convert(customerBase);
  const names = Object.keys(registry);
  return {
    $schema,
    title: 'Rollcall: the configuration of one customer',
    ...rest,
    properties: {
      ...(properties as JsonSchema),
      roster: withEither((properties as Readonly<Record<string, JsonSchema>>)['roster'] ?? {}),
      platforms: {
        description: 'The training platforms, by the name that commands and reports use',
        type: 'object',
        minProperties: 1,
        propertyNames: withoutDialect(convert(slug)),
        additionalProperties: {
          type: 'object',
          properties: { provider: { type: 'string', enum: names } },
          required: ['provider'],
          allOf: names.map((name) => ({
            if: { properties: { provider: { const: name } }, required: ['provider'] },
            // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON Schema
            then: { $ref: `#/definitions/${name}` },
          })),
        },
      },
    },
    required: [...(Array.isArray(required) ? required : []), 'platforms'],
    definitions: Object.fromEntries(
      Object.entries(registry).map(([name, { settings }]) => [name, withoutDialect(convert(settings))]),
    ),
  };
}

/** The same of the operator's file. */
export function operatorJsonSchema(): JsonSchema {
  return { title: 'Rollcall: what belongs to no customer', ...convert(operatorBase) };
}

/** A roster is one delivery, or parts. */
function withEither(roster: JsonSchema): JsonSchema {
  return { ...roster, anyOf: [{ required: ['source', 'columns'] }, { required: ['parts'] }] };
}

function convert(schema: z.core.$ZodType): JsonSchema {
  return {
    ...z.toJSONSchema(schema, {
      io: 'input',
      target: 'draft-07',
      unrepresentable: 'any',
      override: ({ jsonSchema }) => {
        // A reference stands where a URL or a duration will be, and an editor must not underline it.
        if (jsonSchema.format !== undefined) delete jsonSchema.format;
        if (jsonSchema.pattern !== undefined) jsonSchema.pattern = `(?:${jsonSchema.pattern})|\\$\\{`;
      },
    }),
  };
}

function withoutDialect({ $schema: _, ...schema }: JsonSchema): JsonSchema {
  return schema;
}
