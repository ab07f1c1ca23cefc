/**
 * Connection classes of PostgreSQL; 25P03: a transaction that slept too long; 40P01: one that was rolled back for the
 * sake of another, which it waited for in a circle (https://www.postgresql.org/docs/current/errcodes-appendix.html); and of the system.
 */
const codes =
  /^(08...|25P03|40P01|57P0[1-4]|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EPIPE|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ENOENT)$/;
/**
 * PostgreSQL answers, and cannot do its work now: its disk is full or its memory, it has no connection or other resource
 * left (53…), it was made read-only, or became a replica (25006), or its disk fails (58030).
 */
const cannotWrite = /^(53...|25006|58030)$/;
/** What node-postgres and ioredis say of a connection that broke, where they give no code. */
const messages =
  /^(Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|Connection is closed|Cannot use a pool after calling end)/;

/**
 * Redis answers, and cannot do its work now: it is a replica, is full, reads its data, cannot save, runs a script, has lost
 * its own replicas, or its cluster is changing (https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors). A
 * script that met one says so first, or, before Redis 7, at the end.
 */
const redisReplies =
  /(?:^-?|: -)(?:READONLY|OOM|LOADING|MISCONF|BUSY|NOREPLICAS|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|UNBLOCKED) /;

/** True when the database answered that it cannot do its work now, for want of room or of the right to write. */
export function isRefusedWrite(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    cannotWrite.test(error.code)
  );
}

/**
 * The one list of what passes by itself. True when the database or the queue was out of reach, or answered that it cannot
 * do its work now: the work can go on later, as it is.
 */
export function isOutOfReach(error: unknown): boolean {
  if (!(error instanceof Error) || error.name === 'RollcallError' || error.name === 'ProviderError')
    return false;
  if ('code' in error && typeof error.code === 'string' && codes.test(error.code)) return true;
  if (isRefusedWrite(error)) return true;
  if (error.name === 'ReplyError' && redisReplies.test(error.message)) return true;
  return messages.test(error.message) || (error.cause !== undefined && isOutOfReach(error.cause));
}
