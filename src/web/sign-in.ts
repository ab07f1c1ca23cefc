import type { FastifyRequest } from 'fastify';
import { digestOf } from '../actions/tokens.ts';
import { createBackOff } from './back-off.ts';
import { ApiError } from './errors.ts';
import { createSessions, sessionCookie } from './sessions.ts';
import type { Grants, Role, TokenBook } from './tokens.ts';

/** Somebody who signed in. */
export type Caller = {
  /** A bearer header, or a browser's cookie. */
  readonly via: 'token' | 'session';
  readonly grants: Grants;
  /** What the forms of a session carry; null for a bearer header. */
  readonly csrf: string | null;
};

/** Who may use a route. */
export type Access = 'open' | Role;

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access;
  }
  interface FastifyRequest {
    caller: Caller | null;
  }
}

/** Knows who asks. */
export type SignIn = {
  /** The caller of a request; null when it brings nothing to sign in with. Throws ApiError 401 or 429. */
  readonly caller: (request: FastifyRequest) => Promise<Caller | null>;
  /** Opens a browser's session and returns its id. Throws ApiError 401 or 429. */
  readonly open: (address: string, token: string) => Promise<string>;
  readonly close: (session: string) => void;
};

/** Finds what a token opens that a command made, by its digest; null for one that there is not, or not any more. */
export type StoredTokens = (digest: string) => Promise<Grants | null>;

/** Sign-in with the tokens of the configuration as it is at that moment, and with those that are stored. */
export function createSignIn(book: () => TokenBook, now: () => number, stored: StoredTokens): SignIn {
  const sessions = createSessions(now);
  const backOff = createBackOff(now);

  async function grantsOf(
    address: string,
    token: string,
  ): Promise<{ readonly grants: Grants; readonly digest: string; readonly isStored: boolean }> {
    // First: however many wrong tokens come from an address, whoever has a right one gets in. Behind a proxy everybody has
    // the same address, and whoever guesses would lock out the rest.
    const digest = digestOf(token);
    const configured = book().find(digest);
    if (configured !== null) return { grants: configured, digest, isStored: false };
    const made = await stored(digest);
    if (made !== null) return { grants: made, digest, isStored: true };
    const waitMs = backOff.waitMs(address);
    if (waitMs > 0) {
      const retryAfterS = Math.ceil(waitMs / 1_000);
      throw new ApiError(429, 'TOO_MANY_ATTEMPTS', 'too many wrong tokens came from this address.', {
        hint: `Try again in ${retryAfterS} s.`,
        retryAfterS,
      });
    }
    backOff.failed(address, token);
    throw new ApiError(401, 'UNAUTHORIZED', 'nobody has this token.', {
      hint: 'See control.tokens and rollcall tokens.',
    });
  }

  return {
    caller: async (request) => {
      const { authorization } = request.headers;
      if (authorization !== undefined) {
        const token = /^Bearer +(.+)$/i.exec(authorization)?.[1];
        if (token === undefined) return null;
        return { via: 'token', grants: (await grantsOf(request.ip, token)).grants, csrf: null };
      }
      const cookie = request.cookies[sessionCookie];
      const session = cookie === undefined ? null : sessions.find(cookie);
      if (session === null || cookie === undefined) return null;
      // A token that was revoked, or that the configuration has no more, ends the sessions that it opened.
      const grants = session.isStored ? await stored(session.digest) : book().find(session.digest);
      if (grants === null) {
        sessions.close(cookie);
        return null;
      }
      return { via: 'session', grants, csrf: session.csrf };
    },
    open: async (address, token) => {
      const { digest, isStored } = await grantsOf(address, token);
      return sessions.open(digest, isStored);
    },
    close: sessions.close,
  };
}

/** True when the request was made by a page of ours: browsers name the origin of every request that changes something. */
export function isSameOrigin(request: FastifyRequest): boolean {
  const { origin, host } = request.headers;
  if (origin === undefined || host === undefined || !URL.canParse(origin)) return false;
  // Only the host is compared: behind a proxy that ends TLS the scheme differs.
  return new URL(origin).host === host.toLowerCase();
}

/** The most that a caller may do with any customer. */
export function highestRole(caller: Caller): Role {
  return [...caller.grants.values()].some(({ role }) => role === 'operator') ? 'operator' : 'viewer';
}
