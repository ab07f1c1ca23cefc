import { z } from 'zod';
import type { Route } from './route.ts';
import { errorAnswer } from './schemas.ts';

/** A JSON document. */
export type JsonObject = { readonly [key: string]: unknown };

/** Schemas that several answers share, by their id. */
type SharedSchemas = Record<string, unknown>;

function schemaOf(schema: z.ZodType, io: 'input' | 'output', shared: SharedSchemas): JsonObject {
  const { $schema: _, ...document } = z.toJSONSchema(schema, { io });
  const text = JSON.stringify(document).replaceAll('"#/$defs/', '"#/components/schemas/');
  const { $defs, ...rest } = JSON.parse(text) as JsonObject & { readonly $defs?: JsonObject };
  Object.assign(shared, $defs);
  return rest;
}

const openApiPath = (path: string): string => path.replace(/:([A-Za-z]+)/g, '{$1}');

function parametersOf(route: Route, shared: SharedSchemas): unknown[] {
  const inPath = [...route.path.matchAll(/:([A-Za-z]+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string' },
  }));
  if (route.query === undefined) return inPath;
  const query = schemaOf(route.query, 'input', shared) as {
    readonly properties?: Readonly<Record<string, JsonObject>>;
    readonly required?: readonly string[];
  };
  const inQuery = Object.entries(query.properties ?? {}).map(([name, schema]) => ({
    name,
    in: 'query',
    required: query.required?.includes(name) ?? false,
    schema,
  }));
  return [...inPath, ...inQuery];
}

function operationOf(route: Route, shared: SharedSchemas): JsonObject {
  const answers = Object.entries(route.answers).map(([status, answer]) => [
    status,
    {
      description: answer.what,
      ...(answer.schema === undefined && answer.contentType === undefined
        ? {}
        : {
            content: {
              [answer.contentType ?? 'application/json']: {
                schema:
                  answer.schema === undefined
                    ? { type: 'string' }
                    : schemaOf(answer.schema, 'output', shared),
              },
            },
          }),
    },
  ]);
  const parameters = parametersOf(route, shared);
  return {
    summary: route.summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(route.body === undefined
      ? {}
      : {
          requestBody: {
            content: {
              [route.bodyType ?? 'application/json']: { schema: schemaOf(route.body, 'input', shared) },
            },
          },
        }),
    responses: { ...Object.fromEntries(answers), default: { $ref: '#/components/responses/Error' } },
    security: route.access === 'open' ? [] : [{ bearer: [] }, { session: [] }],
    ...(route.access === 'open' ? {} : { 'x-role': route.access }),
  };
}

/** The OpenAPI 3.1 document of these routes, from the schemas that they check requests with. */
export function openApiOf(routes: readonly Route[], version: string, cookie: string): JsonObject {
  const schemas: SharedSchemas = {};
  const paths: Record<string, Record<string, JsonObject>> = {};
  for (const route of routes) {
    if (route.page === true) continue;
    const path = openApiPath(route.path);
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route, schemas) };
  }
  const error = schemaOf(errorAnswer, 'output', schemas);
  return {
    openapi: '3.1.0',
    info: { title: 'Rollcall control API', version },
    paths,
    components: {
      schemas,
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer', description: 'A token of control.tokens' },
        session: { type: 'apiKey', in: 'cookie', name: cookie, description: 'The login form sets it' },
      },
      responses: {
        Error: {
          description: 'What is wrong, and what to do',
          content: { 'application/json': { schema: error } },
        },
      },
    },
  };
}
