import { type Identifier, identifiers } from './state.ts';
import { isObject } from '../scim/attributes.ts';
import type { SandboxRequest } from '../server.ts';

const maxBatch = 200;

/** A refusal of a REST request: an HTTP status and a body with `code`, `field`, `reason`. */
export class Refusal extends Error {
  readonly status: number;
  readonly body: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string>>;
  constructor(
    status: number,
    body: Readonly<Record<string, string>>,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(body['code'] ?? '');
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

/** A 400 for a parameter that is not there. */
export function missing(field: string): Refusal {
  return new Refusal(400, { code: 'missing_parameter', field, reason: `${field} is required` });
}

/** A 400 for a parameter that is wrong. */
export function invalid(field: string, reason: string): Refusal {
  return new Refusal(400, { code: 'invalid_parameter', field, reason });
}

/** A 404. */
export function notFound(what: string): Refusal {
  return new Refusal(404, { code: 'not_found', reason: `no such ${what}` });
}

/** A whole number from the query, silently clamped. */
export function clamped(
  query: URLSearchParams,
  name: string,
  byDefault: number,
  least: number,
  most: number,
): number {
  const text = query.get(name);
  if (text === null) return byDefault;
  if (!/^-?\d{1,12}$/.test(text)) throw invalid(name, `${name} must be an integer`);
  return Math.min(most, Math.max(least, Number(text)));
}

/** One of the values that a parameter of the query takes; undefined when it is not given. */
export function oneOf<const T extends string>(
  query: URLSearchParams,
  name: string,
  values: readonly T[],
): T | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const value = values.find((one) => one === text);
  if (value === undefined) throw invalid(name, `${name} must be one of ${values.join(', ')}`);
  return value;
}

/** A user as a body names one. */
export type NamedUser = { readonly identifier: Identifier; readonly value: string };

/** The users that a body names. Throws a 400 for the whole body, as the vendor's validation would. */
export function namedUsers(request: SandboxRequest): readonly NamedUser[] {
  if (!/^application\/json\s*(;|$)/i.test(request.headers['content-type'] ?? '')) {
    throw new Refusal(415, { code: 'unsupported_media_type', reason: 'send application/json' });
  }
  if (!isObject(request.json)) throw invalid('body', 'the body must be a JSON object');
  const { users, ...others } = request.json;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw invalid(unknown, 'unknown field');
  if (users === undefined) throw missing('users');
  if (!Array.isArray(users)) throw invalid('users', 'users must be an array');
  if (users.length < 1 || users.length > maxBatch)
    throw invalid('users', `users must have 1 to ${maxBatch} items`);
  return users.map((user: unknown, index) => {
    if (!isObject(user)) throw invalid(`users[${index}]`, 'must be an object');
    const [first, second] = Object.entries(user);
    if (first === undefined) throw missing(`users[${index}]`);
    const identifier = identifiers.find((one) => one === first[0]);
    if (second !== undefined || identifier === undefined) {
      throw invalid(`users[${index}]`, `must have one of ${identifiers.join(', ')}, and nothing else`);
    }
    if (typeof first[1] !== 'string' || first[1] === '') {
      throw invalid(`users[${index}].${identifier}`, 'must be a string, and not empty');
    }
    return { identifier, value: first[1] };
  });
}
