import { parentPort } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';
import type { Answer, Failure, Question } from './pglite-session.ts';
import { createStatements, type Statements } from './pglite-statement.ts';

// The embedded database, in a thread of its own: it computes where others would wait for a server, and must not keep
// timers, sockets and the pacer waiting meanwhile.

const port = parentPort;
if (port === null) throw new Error('pglite-thread runs as a worker thread');

/** PGlite clears its buffers when it opens: with PostgreSQL's 128 MB that costs 100 ms and 100 MB more than with these. */
const sharedBuffers = '32MB';

let open: { readonly database: PGlite; readonly statements: Statements } | null = null;
/** Questions are answered in the order in which they came. */
let turn: Promise<unknown> = Promise.resolve();

function opened(): NonNullable<typeof open> {
  if (open === null) throw new Error('the embedded database is closed');
  return open;
}

function failureOf(error: unknown): Failure {
  if (!(error instanceof Error)) return { message: String(error), fields: {} };
  // What PostgreSQL says besides the message: code, constraint, detail.
  const fields = Object.entries(error).filter(([, value]) => typeof value === 'string');
  return { message: error.message, fields: Object.fromEntries(fields) };
}

async function perform(question: Question): Promise<Answer['result']> {
  switch (question.does) {
    case 'open': {
      const database = await PGlite.create(question.folder, {
        startParams: [...PGlite.defaultStartParams, '-c', `shared_buffers=${sharedBuffers}`],
      });
      open = { database, statements: createStatements(database) };
      return null;
    }
    case 'exec': {
      const { database, statements } = opened();
      // It may change a table.
      statements.forget();
      const last = (await database.exec(question.text)).at(-1);
      return { rows: last?.rows ?? [], affectedRows: last?.affectedRows };
    }
    case 'query':
      return await opened().statements.run(question.text, question.values);
    case 'listen': {
      const { channel } = question;
      await opened().database.listen(channel, (payload) => port?.postMessage({ channel, payload }));
      return null;
    }
    case 'close': {
      const { database } = opened();
      open = null;
      await database.close();
      return null;
    }
  }
}

port.on('message', (question: Question) => {
  turn = turn
    .catch(() => undefined)
    .then(async () => {
      const { id } = question;
      try {
        port.postMessage({ id, result: await perform(question) } satisfies Answer);
      } catch (error) {
        port.postMessage({ id, result: null, failure: failureOf(error) } satisfies Answer);
      }
    });
});
