import { createHash, randomBytes } from 'node:crypto';

/** The cookie that a browser's session is in. */
export const sessionCookie = 'rollcall_session';
/** How long a browser stays signed in. */
export const sessionMs = 12 * 3_600_000;
/** A browser that asked for nothing for so long is signed out: a screen that somebody left. */
export const idleMs = 2 * 3_600_000;
/** More than this many at once are not people; the oldest goes. */
const mostSessions = 1_000;

/** A browser's session. */
export type Session = {
  /** The digest of the token that opened it: what that opens is asked anew each time. */
  readonly digest: string;
  /** The token is one that a command made, not one of the configuration. */
  readonly isStored: boolean;
  /** What the forms of its pages carry, so that no page of somebody else's can send one. */
  readonly csrf: string;
};

/** Browsers that signed in: in memory, so a restart signs everybody out. */
export type Sessions = {
  /** A new session; its id is the cookie's value, and cannot be guessed. */
  readonly open: (digest: string, isStored: boolean) => string;
  readonly find: (id: string) => Session | null;
  readonly close: (id: string) => void;
};

const keyOf = (id: string): string => createHash('sha256').update(id).digest('hex');

/** An empty set of sessions. */
export function createSessions(now: () => number): Sessions {
  // Only digests are kept: whoever reads the memory of the process finds no cookie in it.
  const sessions = new Map<string, Session & { readonly untilMs: number; seenMs: number }>();
  return {
    open: (digest, isStored) => {
      const nowMs = now();
      for (const [key, { untilMs }] of sessions) if (untilMs <= nowMs) sessions.delete(key);
      const [oldest] = sessions.keys();
      if (sessions.size >= mostSessions && oldest !== undefined) sessions.delete(oldest);
      const id = randomBytes(32).toString('base64url');
      const csrf = randomBytes(24).toString('base64url');
      sessions.set(keyOf(id), { digest, isStored, csrf, untilMs: nowMs + sessionMs, seenMs: nowMs });
      return id;
    },
    find: (id) => {
      const session = sessions.get(keyOf(id));
      const nowMs = now();
      if (session === undefined || session.untilMs <= nowMs || session.seenMs + idleMs <= nowMs) return null;
      session.seenMs = nowMs;
      return session;
    },
    close: (id) => {
      sessions.delete(keyOf(id));
    },
  };
}
