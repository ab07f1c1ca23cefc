import { EventEmitter } from 'node:events';
import type { PgliteSession } from './pglite-session.ts';

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
 * One PGlite session behind the surface of a node-postgres pool, so that Kysely and BullMQ's PostgreSQL backend share
 * it in this process.
 *
 * PGlite is a single session: between BEGIN and COMMIT of one caller all others have to wait, or their statements would
 * land in that transaction. The queue here owns that. Notifications reach every client that listens.
 */
export class PglitePool extends EventEmitter {
  readonly #database: PgliteSession;
  readonly #waiting: { client: PgliteClient | null; send: () => void }[] = [];
  readonly #listeners = new Map<string, Set<PgliteClient>>();
  #owner: PgliteClient | null = null;

  constructor(database: PgliteSession) {
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

  /**
   * Sends a statement as soon as no other client has a transaction (null: a statement on its own). The one before is not
   * waited for: the session answers in order, so that whose transaction it is follows from what was sent last.
   */
  run(
    client: PgliteClient | null,
    query: string | QueryConfig,
    given?: readonly unknown[],
  ): Promise<PoolResult> {
    const text = typeof query === 'string' ? query : query.text;
    const values = (typeof query === 'string' ? given : (query.values ?? given)) ?? [];
    if (this.#maySend(client)) return this.#send(client, text, values);
    return new Promise((done) => {
      this.#waiting.push({ client, send: () => done(this.#send(client, text, values)) });
    });
  }

  #maySend(client: PgliteClient | null): boolean {
    return this.#owner === null || this.#owner === client;
  }

  #send(client: PgliteClient | null, text: string, values: readonly unknown[]): Promise<PoolResult> {
    const first = head(text);
    if (client !== null && /^listen\b/i.test(first)) return this.#listen(client, first);
    const answer = this.#execute(text, values);
    if (client !== null) {
      if (/^(begin|start\s+transaction)\b/i.test(first)) this.#owner = client;
      // COMMIT of an aborted transaction ends it all the same.
      else if (/^(commit|rollback|end|abort)\b/i.test(first) && !/^rollback\s+to\b/i.test(first)) {
        this.#owner = null;
        this.#letOn();
      }
    }
    return answer;
  }

  /** A client goes back to the pool: an open transaction of its is rolled back. */
  async giveBack(client: PgliteClient): Promise<void> {
    for (const clients of this.#listeners.values()) clients.delete(client);
    if (this.#owner === client) await this.run(client, 'ROLLBACK');
  }

  async #execute(text: string, values: readonly unknown[]): Promise<PoolResult> {
    // Of a text without parameters only these are known to be one statement.
    const isOne = values.length > 0 || /^(begin|commit|rollback)$/i.test(text);
    const { rows, affectedRows } = await (isOne
      ? this.#database.query(text, values)
      : this.#database.exec(text));
    return {
      rows: rows as never[],
      rowCount: rows.length > 0 ? rows.length : (affectedRows ?? 0),
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

  /** Sends what waited for the end of a transaction, up to the next one that begins. */
  #letOn(): void {
    for (;;) {
      const next = this.#waiting.findIndex(({ client }) => this.#maySend(client));
      const [waiter] = next < 0 ? [] : this.#waiting.splice(next, 1);
      if (waiter === undefined) return;
      waiter.send();
    }
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
