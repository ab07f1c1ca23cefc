import { type PGlite, parse, protocol } from '@electric-sql/pglite';
import type { SessionResult } from './pglite-session.ts';

const { serialize } = protocol;

/** Statements whose parameter types are remembered. The product has about a hundred; with more they are asked for again. */
const mostRemembered = 500;

/** The statements of a database. */
export type Statements = {
  /** Runs one statement with its parameters, if it has any. */
  readonly run: (text: string, values: readonly unknown[]) => Promise<SessionResult>;
  /** Nothing that is known of a statement's parameters holds any more. */
  readonly forget: () => void;
};

/**
 * Statements of that database, each in one visit to it. PGlite's own `query` makes six, one for every message of the
 * protocol, and asks for the types of the parameters each time
 * (https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-EXT-QUERY); here they are remembered. Nothing
 * is prepared for later: a plan that was made while a table was empty would still be used when it has a hundred thousand
 * rows.
 */
export function createStatements(database: PGlite): Statements {
  const known = new Map<string, readonly number[]>();

  async function typesOf(text: string): Promise<readonly number[]> {
    const remembered = known.get(text);
    if (remembered !== undefined) return remembered;
    const messages = [serialize.parse({ text }), serialize.describe({ type: 'S' }), serialize.sync()];
    const types = parse.parseDescribeStatementResults(
      await database.execProtocolStream(Buffer.concat(messages)),
    );
    if (known.size >= mostRemembered) known.clear();
    known.set(text, types);
    return types;
  }

  return {
    run: async (text, values) => {
      const types = values.length === 0 ? [] : await typesOf(text);
      const written = values.map((value, at) => {
        if (value === null || value === undefined) return null;
        const write = database.serializers[types[at] ?? 0];
        return write === undefined ? String(value) : write(value);
      });
      const messages = [
        serialize.parse({ text }),
        serialize.bind({ values: written }),
        serialize.describe({ type: 'P' }),
        serialize.execute({}),
        serialize.sync(),
      ];
      const answers = await database.execProtocolStream(Buffer.concat(messages));
      const [result] = parse.parseResults(answers, database.parsers);
      return { rows: result?.rows ?? [], affectedRows: result?.affectedRows };
    },
    forget: () => known.clear(),
  };
}
