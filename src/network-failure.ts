/** What a kind of failure means, what to do, and whether it is certain that nothing of the request was sent. */
type Meaning = {
  readonly reason: (host: string) => string;
  readonly hint: (key: string) => string;
  readonly unsent: boolean;
};

const authority: Meaning = {
  reason: (host) => `the certificate of ${host} is signed by an authority that is not known here`,
  hint: () =>
    "If it is the company's own (or a proxy's that opens TLS), set NODE_EXTRA_CA_CERTS to the file of its certificate.",
  unsent: true,
};
const unreachable: Meaning = {
  reason: (host) => `${host} cannot be reached`,
  hint: () => 'Look at the network and its firewall; where the way out is a proxy, set HTTPS_PROXY.',
  unsent: true,
};
const wrongScheme: Meaning = {
  reason: (host) => `${host} does not speak TLS`,
  hint: (key) =>
    `Check the scheme and the port of ${key}: https:// to a port that speaks http://, or a proxy between.`,
  unsent: true,
};
const cut: Meaning = {
  reason: (host) => `${host} closed the connection`,
  hint: (key) => `If it stays, check the scheme and the port of ${key}, and what stands between.`,
  unsent: false,
};
const notHttp: Meaning = {
  reason: (host) => `${host} answered something that is not HTTP`,
  hint: (key) => `Check the scheme and the port of ${key}: http:// to a port that speaks https://?`,
  unsent: false,
};

const meanings: Readonly<Record<string, Meaning>> = {
  ENOTFOUND: {
    reason: (host) => `the name ${host} does not resolve`,
    hint: (key) => `Check the host of ${key}; where names are resolved by a proxy alone, set HTTPS_PROXY.`,
    unsent: true,
  },
  EAI_AGAIN: {
    reason: (host) => `no name server answered for ${host}`,
    hint: () => 'Look at the network and at the name servers of this machine.',
    unsent: true,
  },
  ECONNREFUSED: {
    reason: (host) => `${host} refused the connection`,
    hint: (key) => `Check the host and the port of ${key}, and whether it is up.`,
    unsent: true,
  },
  EHOSTUNREACH: unreachable,
  ENETUNREACH: unreachable,
  ETIMEDOUT: { ...unreachable, unsent: false },
  UND_ERR_CONNECT_TIMEOUT: unreachable,
  ECONNRESET: cut,
  EPIPE: cut,
  UND_ERR_SOCKET: cut,
  UNABLE_TO_GET_ISSUER_CERT: authority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: authority,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: authority,
  SELF_SIGNED_CERT_IN_CHAIN: authority,
  DEPTH_ZERO_SELF_SIGNED_CERT: authority,
  CERT_HAS_EXPIRED: {
    reason: (host) => `the certificate of ${host} has expired`,
    hint: () => 'Check the clock of this machine; if it is right, tell the vendor.',
    unsent: true,
  },
  CERT_NOT_YET_VALID: {
    reason: (host) => `the certificate of ${host} is not valid yet`,
    hint: () => 'Check the clock of this machine.',
    unsent: true,
  },
  ERR_TLS_CERT_ALTNAME_INVALID: {
    reason: (host) => `the certificate that came from ${host} is of another name`,
    hint: (key) => `Check the host of ${key}, and whether a proxy answers in its place.`,
    unsent: true,
  },
  ERR_SSL_WRONG_VERSION_NUMBER: wrongScheme,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: wrongScheme,
  EPROTO: wrongScheme,
};

/** A failed request: where to, by which setting, and for how long an answer was waited for. */
export type Failed = { readonly host: string; readonly key: string; readonly timeoutMs: number };

/**
 * Why there was no answer, with the host and the code that people look for, what to do, and whether it is certain that
 * nothing was sent. Without the address, whose query may hold personal data.
 */
export function describeNetworkFailure(
  error: unknown,
  { host, key, timeoutMs }: Failed,
): { readonly reason: string; readonly hint?: string; readonly unsent: boolean } {
  for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
    if (cause.name === 'TimeoutError')
      return { reason: `no answer within ${timeoutMs / 1_000} s from ${host}`, unsent: false };
    // A proxy that does not let us through says so in words alone.
    const tunnel = /^Proxy response \((\d{3})\)/.exec(cause.message)?.[1];
    if (tunnel !== undefined)
      return {
        reason: `the proxy of HTTPS_PROXY does not let us through to ${host} (HTTP ${tunnel})`,
        hint: 'Have the host allowed there; a host that needs no proxy goes into NO_PROXY.',
        unsent: true,
      };
    const code =
      'code' in cause && typeof cause.code === 'string' && /^[A-Z][A-Z0-9_]{1,63}$/.test(cause.code)
        ? cause.code
        : undefined;
    if (code === undefined) continue;
    const known = code.startsWith('HPE_') ? notHttp : meanings[code];
    if (known === undefined) return { reason: `the connection to ${host} failed (${code})`, unsent: false };
    return { reason: `${known.reason(host)} (${code})`, hint: known.hint(key), unsent: known.unsent };
  }
  return { reason: `the connection to ${host} failed`, unsent: false };
}
