import { createHmac, randomUUID } from 'node:crypto';
import type { ProviderDeps } from '../contract.ts';
import type { HttpOptions } from '../http.ts';
import { createTokens } from '../oauth.ts';
import { type MimecastSettings, oauthKeys, signedKeys } from './settings.ts';

/** The keys of API 1.0. `secretKey` is base64; the decoded bytes are the HMAC key. */
export type SigningKeys = {
  readonly applicationId: string;
  readonly applicationKey: string;
  readonly accessKey: string;
  readonly secretKey: string;
};

/** Working clients see this now and then with good credentials, and not when they ask again. */
const comesAndGoes = 'err_developer_key';

/** `Tue, 24 Nov 2015 12:50:11 UTC`: as RFC 9110 has it, but for the word UTC. */
export function headerDate(atMs: number): string {
  return new Date(atMs).toUTCString().replace('GMT', 'UTC');
}

/** The four headers that sign one request of API 1.0. `path` is the path only, and `id` new for every request. */
export function signedHeaders(
  keys: SigningKeys,
  request: { readonly path: string; readonly id: string; readonly atMs: number },
): Readonly<Record<string, string>> {
  const date = headerDate(request.atMs);
  const signature = createHmac('sha1', Buffer.from(keys.secretKey, 'base64'))
    .update(`${date}:${request.id}:${request.path}:${keys.applicationKey}`)
    .digest('base64');
  return {
    authorization: `MC ${keys.accessKey}:${signature}`,
    'x-mc-app-id': keys.applicationId,
    'x-mc-date': date,
    'x-mc-req-id': request.id,
  };
}

/** How requests are signed in: by signature or token, as the configured credentials say. */
export function signInOf(
  block: MimecastSettings,
  deps: ProviderDeps,
): Pick<HttpOptions, 'headers' | 'sign' | 'renew' | 'credentialKeys'> {
  const { applicationId, applicationKey, accessKey, secretKey, clientId, clientSecret } = block;
  if (clientId !== undefined && clientSecret !== undefined) {
    const url = new URL(block.tokenUrl ?? `${block.baseUrl.replace(/\/+$/, '')}/oauth/token`);
    const tokens = createTokens({
      baseUrl: url.origin,
      path: url.pathname + url.search,
      form: { client_id: clientId, client_secret: clientSecret, grant_type: 'client_credentials' },
      timeoutMs: block.timeout,
      deps,
      credentialKeys: oauthKeys,
    });
    return {
      credentialKeys: oauthKeys,
      headers: (_request, ctx) => tokens.header(ctx),
      renew: async (_ctx, { status, vendorCode, headers }) =>
        (status === 401 && tokens.refused(headers)) || vendorCode === comesAndGoes,
    };
  }
  const keys: SigningKeys = {
    applicationId: applicationId ?? '',
    applicationKey: applicationKey ?? '',
    accessKey: accessKey ?? '',
    secretKey: secretKey ?? '',
  };
  const prefix = new URL(block.baseUrl).pathname.replace(/\/+$/, '');
  return {
    credentialKeys: signedKeys,
    renew: async (_ctx, { vendorCode }) => vendorCode === comesAndGoes,
    sign: ({ path }) => signedHeaders(keys, { path: prefix + path, id: randomUUID(), atMs: Date.now() }),
  };
}
