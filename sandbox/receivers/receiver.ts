import type { SandboxPlatform, SandboxRequest, SandboxResponse } from '../server.ts';

/**
 * Strict local receivers of alerts: they take what each vendor documents and refuse the rest as it does, with its status
 * and its words. Served by `startSandbox`, whose faults make them fail.
 */
export type Receiver<State> = SandboxPlatform & { readonly state: State };

/** A JSON object. */
export type Json = { readonly [key: string]: unknown };

export const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
export const isText = (value: unknown, max: number): value is string =>
  typeof value === 'string' && value !== '' && value.length <= max;
export const isTime = (value: unknown): boolean =>
  typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(value);

export function unknownKeys(value: Json, known: readonly string[]): string[] {
  return Object.keys(value).filter((key) => !known.includes(key));
}

export const classify: SandboxPlatform['classify'] = () => ({ kind: 'write', items: 1 });
export const tooMany = (retryAfterS: number): SandboxResponse => ({
  status: 429,
  headers: { 'retry-after': String(retryAfterS) },
  text: 'rate_limited',
});

export function isJsonPost(request: SandboxRequest): boolean {
  return request.method === 'POST' && /^application\/json\b/.test(request.headers['content-type'] ?? '');
}
