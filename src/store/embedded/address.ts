import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { loopbackOf, userName } from './cluster.ts';
import type { Layout } from './layout.ts';
import { socketNumber } from './settings.ts';

/** How the server is reached from this process; `forget` gives back what was made for it. */
export type Address = {
  readonly config: pg.ClientConfig;
  readonly forget: () => Promise<void>;
};

/** Bytes that the path of a socket may have, without its end: 104 on macOS, 108 on Linux (unix(7)). */
const socketPathBytes = 103;
const connectMs = 10_000;

/** The address of a data directory's server, whether it runs or not; null while there is no cluster that tells it. */
export async function addressOf(layout: Layout): Promise<Address | null> {
  const common = { user: userName, database: 'postgres', ssl: false, connectionTimeoutMillis: connectMs };
  if (layout.reach === 'loopback') {
    const loopback = await loopbackOf(layout);
    if (loopback === undefined) return null;
    return { config: { ...common, host: '127.0.0.1', ...loopback }, forget: async () => undefined };
  }
  const port = socketNumber;
  // Never asked for; without one node-postgres would look for one in the environment and in ~/.pgpass.
  const password = 'none';
  if (Buffer.byteLength(join(layout.run, `.s.PGSQL.${port}`)) <= socketPathBytes)
    return { config: { ...common, host: layout.run, port, password }, forget: async () => undefined };
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-'));
  const link = join(folder, 'run');
  await symlink(layout.run, link);
  return {
    config: { ...common, host: link, port, password },
    forget: () => rm(folder, { recursive: true, force: true }),
  };
}
