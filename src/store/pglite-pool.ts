import { EventEmitter } from 'node:events';
import type { PGlite } from '@electric-sql/pglite';

/** What node-postgres gives back from a query, as far as Kysely and BullMQ look. */
export type PoolResult = { rows: never[]; rowCount: number; command: string };
type QueryConfig = { readonly text: string; readonly values?: readonly unknown[] };
export type Notification = { readonly channel: string; readonly payload: string };

const leadingComments = /^(?:\s+|--[^\n]*\n|\/\*[\s\S]*?\*\/)*/;

/** The first words of a statement, without the comments that some libraries put before it. */
function head(text: string): string {
  return text
    .slice(leadingComments.exec(text)?.[0].length ?? 0, 80 + (leadingComments.exec(text)?.[0].length ?? 0))
    .trim();
}

/**
 * PGlite answers within the turn of the event loop, so that statements which wait for one another would keep timers and
 * sockets waiting as long as there are any: seconds, with a few hundred jobs. After this long everybody else has a turn.
 */
const turnMs = 10;

/**
 * One PGlite session behind the surface of a node-postgres pool, so that Kysely and BullMQ's PostgreSQL backend share
 * it in this process.
 *
 * PGlite is a single session: between BEGIN and COMMIT of one caller all others have to wait, or their statements would
 * land in that transaction. The queue here owns that. Notifications reach every client that listens.
 */
export class PglitePool extends EventEmitter {
  readonly #database: PGlite;
  readonly #waiting: { client: PgliteClient | null; start: () => void }[] = [];
  readonly #listeners = new Map<string, Set<PgliteClient>>();
  #running = false;
  #owner: PgliteClient | null = null;
  #breathedMs = 0;

  constructor(database: PGlite) {
    super();
    this.#database = database;
  }

  async query(text: string | QueryConfig, values?: readonly unknown[]): Promise<PoolResult> {
    return this.run(null, text, values);
  }

  async connect(): Promise<PgliteClient> {
    const client = new PgliteClient(this);
    this.emit('connect', client);
    return client;
  }

  /** The database is closed by whoever opened it. */
  async end(): Promise<void> {}

  /** Runs a statement when the session is free for that client (null: a statement on its own). */
  async run(
    client: PgliteClient | null,
    query: string | QueryConfig,
    given?: readonly unknown[],
  ): Promise<PoolResult> {
    const text = typeof query === 'string' ? query : query.text;
    const values = (typeof query === 'string' ? given : (query.values ?? given)) ?? [];
    const first = head(text);
    await this.#acquire(client);
    try {
      if (client !== null && /^listen\b/i.test(first)) return await this.#listen(client, first);
      const result = await this.#execute(text, values);
      if (client !== null) {
        if (/^(begin|start\s+transaction)\b/i.test(first)) this.#owner = client;
        else if (/^(commit|rollback|end|abort)\b/i.test(first) && !/^rollback\s+to\b/i.test(first))
          this.#owner = null;
      }
      return result;
    } catch (error) {
      // COMMIT of an aborted transaction throws and has ended it all the same.
      if (this.#owner === client && /^(commit|end)\b/i.test(first)) this.#owner = null;
      throw error;
    } finally {
      this.#release();
    }
  }

  /** A client goes back to the pool: an open transaction of its is rolled back. */
  async giveBack(client: PgliteClient): Promise<void> {
    for (const clients of this.#listeners.values()) clients.delete(client);
    if (this.#owner === client) await this.run(client, 'ROLLBACK');
  }

  async #execute(text: string, values: readonly unknown[]): Promise<PoolResult> {
    if (values.length === 0) {
      const results = await this.#database.exec(text);
      const last = results.at(-1);
      return {
        rows: (last?.rows ?? []) as never[],
        rowCount: last?.affectedRows ?? last?.rows.length ?? 0,
        command: head(text).split(/\s/, 1)[0]?.toUpperCase() ?? '',
      };
    }
    const result = await this.#database.query(text, [...values]);
    const rowCount = result.rows.length > 0 ? result.rows.length : (result.affectedRows ?? 0);
    return {
      rows: result.rows as never[],
      rowCount,
      command: head(text).split(/\s/, 1)[0]?.toUpperCase() ?? '',
    };
  }

  async #listen(client: PgliteClient, statement: string): Promise<PoolResult> {
    const channel = /^listen\s+"?([A-Za-z0-9_$]+)"?/i.exec(statement)?.[1] ?? '';
    const known = this.#listeners.get(channel);
    if (known !== undefined) known.add(client);
    else {
      const clients = new Set([client]);
      this.#listeners.set(channel, clients);
      await this.#database.listen(channel, (payload) => {
        for (const listener of clients)
          listener.emit('notification', { channel, payload } satisfies Notification);
      });
    }
    return { rows: [], rowCount: 0, command: 'LISTEN' };
  }

  #mayRun(client: PgliteClient | null): boolean {
    return !this.#running && (this.#owner === null || this.#owner === client);
  }

  async #acquire(client: PgliteClient | null): Promise<void> {
    if (this.#mayRun(client) && (this.#owner !== null || this.#waiting.length === 0)) {
      this.#running = true;
      return;
    }
    await new Promise<void>((start) => this.#waiting.push({ client, start }));
  }

  #release(): void {
    this.#running = false;
    const next = this.#waiting.findIndex(({ client }) => this.#mayRun(client));
    if (next < 0) return;
    const [waiter] = this.#waiting.splice(next, 1);
    this.#running = true;
    const nowMs = performance.now();
    if (nowMs - this.#breathedMs < turnMs) waiter?.start();
    else
      setImmediate(() => {
        this.#breathedMs = performance.now();
        waiter?.start();
      });
  }
}

/** A logical connection of the pool. */
export class PgliteClient extends EventEmitter {
  readonly #pool: PglitePool;

  constructor(pool: PglitePool) {
    super();
    this.setMaxListeners(0);
    this.#pool = pool;
  }

  query(text: string | QueryConfig, values?: readonly unknown[]): Promise<PoolResult> {
    return this.#pool.run(this, text, values);
  }

  release(): void {
    // The database may be closed by now; then there is nothing left to roll back.
    this.#pool.giveBack(this).catch(() => undefined);
  }
}
