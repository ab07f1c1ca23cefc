import { checkSchemas, enterpriseSchema, isObject, type JsonObject, ScimError } from './attributes.ts';
import { type Comparison, parseFilter } from './patch.ts';
import type { SandboxResponse } from '../server.ts';

/** The prefix of the schemas of SCIM's messages. */
export const messages = 'urn:ietf:params:scim:api:messages:2.0';

/** What a service answers, before it is put into HTTP. */
export type Answer = { readonly status: number; readonly location?: string; readonly body?: JsonObject };

/** One request for a resource, on its own or inside `/Bulk`. `path` is relative to the service's base. */
export type Call = {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly data: unknown;
};

/** Limits of `/Bulk` where a service names none. Sizes in bytes. */
export const defaultBulk = { maxOperations: 100, maxPayloadSize: 1_048_576 };

/** How a service behaves where the RFCs leave it the choice. */
export type ScimBehaviour = {
  /** Whether PATCH is supported; 501 where not. Default true. */
  readonly patch?: boolean;
  /** `/Bulk`: false where not supported (501), else its limits. Default {@link defaultBulk}. */
  readonly bulk?: false | { readonly maxOperations: number; readonly maxPayloadSize?: number };
  /** Whether filters are supported. Default true. */
  readonly filter?: boolean;
  /** The most resources in one list answer, whatever `count` asks for. Default 200. */
  readonly maxCount?: number;
  /**
   * What a list says is its length: that of all results, as the RFC has it, or of the page, as some services do. Default
   * `all`.
   */
  readonly totals?: 'all' | 'page';
  /**
   * What a list does with a `startIndex`: keeps it, ignores it, takes the last page for what lies behind it, or knows no
   * pages at all. Default `kept`.
   */
  readonly startIndex?: 'kept' | 'ignored' | 'clamped' | 'unpaged';
  /** What PATCH answers: 200 with the resource, 200 or 202 with `{}`, or 204 with nothing. Default 200. */
  readonly patchAnswer?: 200 | '200 {}' | '202 {}' | 202 | 204;
  /** Users whom a list and a filter do not show, though their names are taken: those of another application, or deleted. */
  readonly hidden?: (userName: string) => boolean;
  /** Whether removing somebody who is not a member is refused with `noTarget` (RFC 7644, table 9) or does nothing. Default `noTarget`. */
  readonly absentMember?: 'noTarget' | 'ignored';
  /** Attributes that must be unique besides `userName`. Default none. */
  readonly unique?: readonly ('externalId' | 'email')[];
};

/** Puts an answer into HTTP, in SCIM's media type. */
export function toResponse({ status, location, body }: Answer): SandboxResponse {
  const headers = {
    'content-type': 'application/scim+json',
    ...(location === undefined ? {} : { location }),
  };
  return body === undefined ? { status, headers, text: '' } : { status, headers, json: body };
}

/** An error in the RFC's shape (RFC 7644, 3.12). */
export function errorBody(status: number, scimType: string | undefined, detail: string): JsonObject {
  const type = scimType === undefined ? {} : { scimType };
  return { schemas: [`${messages}:Error`], status: String(status), ...type, detail };
}

function listParameter(query: URLSearchParams, name: string, byDefault: number): number {
  const text = query.get(name);
  if (text === null) return byDefault;
  if (!/^-?\d{1,9}$/.test(text)) throw new ScimError(400, 'invalidValue', `${name} must be an integer`);
  return Number(text);
}

/** One page of `found`; reads only the part that it returns. */
export function listAnswer<T>(
  found: readonly T[],
  query: URLSearchParams,
  { maxCount = 200, totals = 'all', startIndex: paging = 'kept' }: ScimBehaviour,
  show: (one: T) => JsonObject,
): Answer {
  const asked = Math.max(1, listParameter(query, 'startIndex', 1));
  const count = Math.min(maxCount, Math.max(0, listParameter(query, 'count', maxCount)));
  const isBehind = asked > found.length;
  const lastPage = 1 + Math.max(0, found.length - count);
  const startIndex =
    paging === 'ignored' || paging === 'unpaged' ? 1 : paging === 'clamped' && isBehind ? lastPage : asked;
  const page = found
    .slice(startIndex - 1, paging === 'unpaged' ? undefined : startIndex - 1 + count)
    .map(show);
  const body: JsonObject = {
    schemas: [`${messages}:ListResponse`],
    totalResults: totals === 'page' ? page.length : found.length,
    startIndex,
    itemsPerPage: page.length,
  };
  // The RFC requires Resources only where there are results.
  if (page.length > 0) body['Resources'] = page;
  return { status: 200, body };
}

function names(query: URLSearchParams, parameter: string): ReadonlySet<string> | undefined {
  const text = query.get(parameter);
  if (text === null) return undefined;
  const top = (path: string): string =>
    path.startsWith(enterpriseSchema) ? enterpriseSchema : (path.split('.')[0] ?? path);
  return new Set(text.split(',').map((path) => top(path.trim())));
}

/** Whether `attributes` and `excludedAttributes` of a query let a top-level attribute through. */
export function isWanted(query: URLSearchParams, attribute: string): boolean {
  if (attribute === 'id' || attribute === 'schemas') return true;
  if (names(query, 'excludedAttributes')?.has(attribute) === true) return false;
  return names(query, 'attributes')?.has(attribute) ?? true;
}

/** A resource with only the attributes that the query asks for. */
export function select(resource: JsonObject, query: URLSearchParams): JsonObject {
  if (!query.has('attributes') && !query.has('excludedAttributes')) return resource;
  return Object.fromEntries(Object.entries(resource).filter(([name]) => isWanted(query, name)));
}

/** The one comparison of a list's filter; undefined without a filter. Throws 400 `invalidFilter`. */
export function oneComparison(query: URLSearchParams, behaviour: ScimBehaviour): Comparison | undefined {
  const filter = query.get('filter');
  if (filter === null) return undefined;
  if (behaviour.filter === false) throw new ScimError(400, 'invalidFilter', 'filters are not supported');
  const [only, another] = parseFilter(filter);
  if (another !== undefined) throw new ScimError(400, 'invalidFilter', 'one comparison only');
  return only;
}

/** A body that is an object and names its schema. Throws 400 `invalidSyntax`. */
export function bodyOf(data: unknown, schema: string): JsonObject {
  if (!isObject(data)) throw new ScimError(400, 'invalidSyntax', 'the body must be a JSON object');
  checkSchemas(data, schema);
  return data;
}

/** What a service answers to a PATCH instead of the resource; undefined where it answers that. */
export function patched({ patchAnswer = 200 }: ScimBehaviour): Answer | undefined {
  if (patchAnswer === 200) return undefined;
  if (patchAnswer === 204 || patchAnswer === 202) return { status: patchAnswer };
  return { status: Number(patchAnswer.slice(0, 3)), body: {} };
}
