import { Worker } from 'node:worker_threads';

/** Rows of a statement, and how many it changed. */
export type SessionResult = { readonly rows: readonly unknown[]; readonly affectedRows?: number | undefined };

/** The one session of an embedded database. Statements run in the order in which they are given. */
export type PgliteSession = {
  /** Statements without parameters, separated by semicolons; the result of the last one. */
  readonly exec: (text: string) => Promise<SessionResult>;
  readonly query: (text: string, values: readonly unknown[]) => Promise<SessionResult>;
  readonly listen: (channel: string, onNotification: (payload: string) => void) => Promise<void>;
  readonly close: () => Promise<void>;
};

/** What the database's thread is asked. */
export type Question = { readonly id: number } & Task;
type Task =
  | { readonly does: 'open'; readonly folder: string }
  | { readonly does: 'exec'; readonly text: string }
  | { readonly does: 'query'; readonly text: string; readonly values: readonly unknown[] }
  | { readonly does: 'listen'; readonly channel: string }
  | { readonly does: 'close' };

/** An error as it crosses threads. */
export type Failure = { readonly message: string; readonly fields: Readonly<Record<string, unknown>> };
/** What the thread answers. */
export type Answer = {
  readonly id: number;
  readonly result: SessionResult | null;
  readonly failure?: Failure;
};
type Notice = { readonly channel: string; readonly payload: string };

type Waiting = {
  readonly done: (result: SessionResult | null) => void;
  readonly failed: (error: Error) => void;
};

/** Threads whose database was closed: the next one finds compiled there what takes a second to compile. */
const idle: Worker[] = [];

function startThread(): Worker {
  return new Worker(new URL('./pglite-thread.ts', import.meta.url));
}

/** Starts a thread for a database that will be opened soon: it loads while the rest of the program does. */
export function expectPgliteSession(): void {
  if (idle.length > 0) return;
  const thread = startThread();
  thread.unref();
  idle.push(thread);
}

/** Opens the embedded database in that folder, in a thread of its own. */
export async function openPgliteSession(folder: string): Promise<PgliteSession> {
  const thread = idle.pop() ?? startThread();
  const waiting = new Map<number, Waiting>();
  const listeners = new Map<string, (payload: string) => void>();
  let lastId = 0;
  let ended: Error | null = null;

  const onMessage = (message: Answer | Notice): void => {
    if ('channel' in message) {
      listeners.get(message.channel)?.(message.payload);
      return;
    }
    const asked = waiting.get(message.id);
    waiting.delete(message.id);
    // Open and idle, the database keeps no process alive.
    if (waiting.size === 0) thread.unref();
    if (message.failure === undefined) asked?.done(message.result);
    else asked?.failed(Object.assign(new Error(message.failure.message), message.failure.fields));
  };
  const end = (error: Error): void => {
    ended ??= error;
    for (const { failed } of waiting.values()) failed(ended);
    waiting.clear();
  };
  const onExit = (): void => end(new Error('the thread of the embedded database has ended'));
  thread.on('message', onMessage);
  thread.on('error', end);
  thread.on('exit', onExit);

  function ask(task: Task): Promise<SessionResult | null> {
    return new Promise((done, failed) => {
      if (ended !== null) return failed(ended);
      const id = ++lastId;
      waiting.set(id, { done, failed });
      thread.ref();
      thread.postMessage({ id, ...task } satisfies Question);
    });
  }

  const rowsOf = (result: SessionResult | null): SessionResult => result ?? { rows: [] };
  try {
    await ask({ does: 'open', folder });
  } catch (error) {
    await thread.terminate();
    throw error;
  }
  return {
    exec: async (text) => rowsOf(await ask({ does: 'exec', text })),
    query: async (text, values) => rowsOf(await ask({ does: 'query', text, values })),
    listen: async (channel, onNotification) => {
      listeners.set(channel, onNotification);
      await ask({ does: 'listen', channel });
    },
    close: async () => {
      await ask({ does: 'close' });
      end(new Error('the embedded database is closed'));
      thread.off('message', onMessage);
      thread.off('error', end);
      thread.off('exit', onExit);
      idle.push(thread);
    },
  };
}
