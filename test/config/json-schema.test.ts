import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { configJsonSchema, operatorJsonSchema } from '../../src/config/json-schema.ts';
import { providerRegistry } from '../../src/providers/registry.ts';
import { testRegistry } from './registry.ts';

test('the committed JSON Schema is current (node config/generate-schema.ts)', async () => {
  const committed = await readFile(new URL('../../config/rollcall.schema.json', import.meta.url), 'utf8');
  expect(JSON.parse(committed)).toEqual(JSON.parse(JSON.stringify(configJsonSchema(providerRegistry))));
});

test('so is that of the operator', async () => {
  const committed = await readFile(new URL('../../config/operator.schema.json', import.meta.url), 'utf8');
  expect(JSON.parse(committed)).toEqual(JSON.parse(JSON.stringify(operatorJsonSchema())));
});

describe('of a registry', () => {
  const schema = configJsonSchema(testRegistry);

  test('requires what loading requires', () => {
    expect(schema).toMatchObject({ required: ['roster', 'platforms'], additionalProperties: false });
  });

  test('has a block for each provider, chosen by its name', () => {
    expect(schema).toMatchObject({
      properties: {
        platforms: {
          additionalProperties: {
            properties: { provider: { enum: ['lantern', 'beacon', 'careless'] } },
            allOf: expect.arrayContaining([
              {
                if: { properties: { provider: { const: 'beacon' } }, required: ['provider'] },
                // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON Schema
                then: { $ref: '#/definitions/beacon' },
              },
            ]),
          },
        },
      },
      definitions: {
        lantern: { required: ['provider', 'baseUrl', 'apiKey'], properties: { enrollments: { not: {} } } },
        beacon: { additionalProperties: false, properties: { token: { type: 'string' } } },
      },
    });
  });

  test('lets a reference stand for a duration or a URL', () => {
    const text = JSON.stringify(schema);
    expect(text).not.toContain('"format":"');
    const { pattern } = (
      schema as { properties: { approval: { properties: { expires: { pattern: string } } } } }
    ).properties.approval.properties.expires;
    expect(['24h', `\${EXPIRES}`, 'soon'].map((value) => new RegExp(pattern).test(value))).toEqual([
      true,
      true,
      false,
    ]);
  });
});
