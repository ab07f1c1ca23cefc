import { isObject, type JsonObject, ScimError } from './attributes.ts';
import {
  type Answer,
  bodyOf,
  type Call,
  defaultBulk,
  errorBody,
  messages,
  type ScimBehaviour,
} from './protocol.ts';

/** Replaces `bulkId:x` by the id that operation x made (RFC 7644, 3.7.2). */
function resolveBulkIds(value: unknown, made: ReadonlyMap<string, string>): unknown {
  if (typeof value === 'string') {
    if (!value.startsWith('bulkId:')) return value;
    const id = made.get(value.slice('bulkId:'.length));
    if (id === undefined) throw new ScimError(409, 'invalidValue', `nothing was made by ${value}`);
    return id;
  }
  if (Array.isArray(value)) return value.map((item) => resolveBulkIds(item, made));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolveBulkIds(item, made)]));
}

/** The call on `/Bulk` (RFC 7644, 3.7): `operate` runs one operation. `size` is the body's length in bytes. */
export function createBulkCall(
  basePath: string,
  behaviour: ScimBehaviour,
  operate: (call: Call) => Answer,
): (call: Call, size: number) => Answer {
  function runOperation(operation: unknown, made: Map<string, string>): JsonObject & { status: string } {
    if (!isObject(operation)) throw new ScimError(400, 'invalidSyntax', 'an operation must be an object');
    const { method, path, bulkId, data } = operation;
    const known = typeof bulkId === 'string' ? { bulkId } : {};
    try {
      if (typeof method !== 'string' || typeof path !== 'string' || !path.startsWith('/')) {
        throw new ScimError(400, 'invalidSyntax', 'an operation needs a method and a path');
      }
      if (method === 'POST' && typeof bulkId !== 'string') {
        throw new ScimError(400, 'invalidSyntax', 'a POST operation needs a bulkId');
      }
      if (/^\/(Bulk|ServiceProviderConfig)|\?/.test(path) || method === 'GET') {
        throw new ScimError(400, 'invalidPath', 'not an operation for /Bulk');
      }
      const place = path.replace(/bulkId:[^/]+/, (id) => String(resolveBulkIds(id, made)));
      const query = new URLSearchParams();
      const { status, location, body } = operate({
        method,
        path: place,
        query,
        data: resolveBulkIds(data, made),
      });
      if (typeof bulkId === 'string' && typeof body?.['id'] === 'string') made.set(bulkId, body['id']);
      return { method, ...known, location: location ?? `${basePath}${place}`, status: String(status) };
    } catch (error) {
      if (!(error instanceof ScimError)) throw error;
      const detail = error.status === 405 ? 'method not allowed' : error.message;
      const response = errorBody(error.status, error.scimType, detail);
      return { method: String(method), ...known, status: String(error.status), response };
    }
  }

  return ({ method, data }, size) => {
    if (behaviour.bulk === false) throw new ScimError(501, undefined, '/Bulk is not supported');
    if (method !== 'POST') throw new ScimError(405, undefined, 'POST');
    const { Operations: operations, failOnErrors } = bodyOf(data, `${messages}:BulkRequest`);
    if (!Array.isArray(operations) || operations.length === 0) {
      throw new ScimError(400, 'invalidSyntax', 'Operations must be an array with at least one operation');
    }
    const { maxOperations, maxPayloadSize } = { ...defaultBulk, ...behaviour.bulk };
    if (operations.length > maxOperations || size > maxPayloadSize) {
      throw new ScimError(413, undefined, `at most ${maxOperations} operations and ${maxPayloadSize} bytes`);
    }
    if (failOnErrors !== undefined && !(Number.isInteger(failOnErrors) && Number(failOnErrors) > 0)) {
      throw new ScimError(400, 'invalidValue', 'failOnErrors must be a positive integer');
    }
    const made = new Map<string, string>();
    const results: JsonObject[] = [];
    let errors = 0;
    for (const operation of operations) {
      const result = runOperation(operation, made);
      results.push(result);
      if (Number(result.status) >= 400) errors++;
      // What comes after the last error allowed is not run and has no outcome in the answer.
      if (typeof failOnErrors === 'number' && errors >= failOnErrors) break;
    }
    return { status: 200, body: { schemas: [`${messages}:BulkResponse`], Operations: results } };
  };
}
