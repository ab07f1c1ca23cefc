import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';
import type { SandboxRequest, SandboxResponse } from '../../sandbox/server.ts';

type Json = Readonly<Record<string, unknown>>;

/** What a vendor published stands beside this checkout, or is not there: it is not ours to hand on. */
const folder = join(import.meta.dirname, '../../../shared/platforms/specs');

/** A file of the vendors' specifications; undefined, with the reason, where they are not beside this checkout. */
export function specification(name: string): { readonly text: string } | { readonly missing: string } {
  const file = join(folder, name);
  if (existsSync(file)) return { text: readFileSync(file, 'utf8') };
  return { missing: `${name} is not in ../shared/platforms/specs beside this checkout` };
}

type Parameter = {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly schema?: Json;
};
type Operation = {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema?: Json }>> };
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { readonly schema?: Json }>> }>
  >;
};
type Document = {
  readonly servers?: readonly { readonly url: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, Json>> };
};

/** Names of schemas may hold what no reference may: they are numbered. */
function renamed(document: Document): Document {
  const names = Object.keys(document.components?.schemas ?? {});
  const number = new Map(
    names.map((name, at) => [`#/components/schemas/${name}`, `spec#/components/schemas/s${at}`]),
  );
  const walk = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(walk);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, inner]) => [
        key,
        key === '$ref' && typeof inner === 'string' ? (number.get(inner) ?? inner) : walk(inner),
      ]),
    );
  };
  const { components, ...rest } = walk(document) as Document;
  const schemas = Object.fromEntries(
    Object.values(components?.schemas ?? {}).map((schema, at) => [`s${at}`, schema]),
  );
  return { ...rest, components: { schemas } };
}

/** Holds requests and answers against an OpenAPI 3.0 document. */
export type Checker = {
  /** What is wrong with a request and its answer; an operation that the document has not is named as such. */
  readonly problems: (request: SandboxRequest, response: SandboxResponse) => readonly string[];
  /** The operations seen so far, as `POST /path`. */
  readonly seen: ReadonlySet<string>;
};

/** A checker of that document. `prefix` stands before its paths on our server. */
export function checkerOf(text: string, prefix = ''): Checker {
  const document = renamed(JSON.parse(text) as Document);
  const ajv = new Ajv({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema({ $id: 'spec', components: document.components });
  const compiled = new Map<Json, ValidateFunction>();
  const seen = new Set<string>();

  function errorsOf(schema: Json | undefined, value: unknown, where: string): readonly string[] {
    if (schema === undefined) return [];
    const validate = compiled.get(schema) ?? ajv.compile(schema);
    compiled.set(schema, validate);
    if (validate(value)) return [];
    return (validate.errors ?? []).map(
      ({ instancePath, message, params }) => `${where}${instancePath} ${message} ${JSON.stringify(params)}`,
    );
  }

  /** The operation of a request; a path without parameters comes before one that has some. */
  function find({
    method,
    path,
  }: SandboxRequest): { readonly name: string; readonly operation: Operation } | undefined {
    const wanted = path.slice(prefix.length);
    const fits = Object.entries(document.paths)
      .filter(([template]) => new RegExp(`^${template.replace(/\{[^}]+\}/g, '[^/]+')}$`).test(wanted))
      .toSorted(([one], [other]) => one.split('{').length - other.split('{').length);
    for (const [template, operations] of fits) {
      const operation = operations[method.toLowerCase()];
      if (operation !== undefined) return { name: `${method} ${template}`, operation };
    }
    return undefined;
  }

  function bodyProblems({ requestBody }: Operation, request: SandboxRequest): readonly string[] {
    if (request.text === '') return [];
    if (requestBody === undefined) return ['the request has a body, and the operation takes none'];
    const type = request.headers['content-type']?.split(';')[0] ?? '';
    const content = requestBody.content[type];
    if (content === undefined) return [`the request's content type ${type} is not taken`];
    const body = type.includes('json') ? request.json : Object.fromEntries(new URLSearchParams(request.text));
    return errorsOf(content.schema, body, 'request');
  }

  function queryProblems({ parameters = [] }: Operation, { query }: SandboxRequest): readonly string[] {
    const known = parameters.filter((parameter) => parameter.in === 'query');
    const unknown = [...query.keys()].filter((key) => !known.some(({ name }) => name === key));
    return [
      ...unknown.map((key) => `query ${key} is not documented`),
      ...known.flatMap(({ name, required, schema }) => {
        const value = query.get(name);
        if (value === null) return required === true ? [`query ${name} is required`] : [];
        const isWhole = schema?.['type'] !== 'integer' || /^\d+$/.test(value);
        return isWhole ? [] : [`query ${name} is no whole number`];
      }),
    ];
  }

  return {
    seen,
    problems: (request, response) => {
      const found = find(request);
      if (found === undefined) return [`${request.method} ${request.path} is not documented`];
      seen.add(found.name);
      const answer = found.operation.responses[String(response.status)];
      const schema = answer?.content?.['application/json']?.schema;
      return [
        ...bodyProblems(found.operation, request),
        ...queryProblems(found.operation, request),
        ...(answer === undefined ? [`answered ${response.status}, which is not documented`] : []),
        ...errorsOf(schema, response.json, 'answer'),
      ].map((problem) => `${found.name}: ${problem}`);
    },
  };
}
