import { expectPgliteSession } from '../store/pglite-session.ts';

/** The command that is about to be loaded will open a store: an embedded one begins to load beside it. */
export function expectStore(databaseUrl: string | undefined): void {
  if (databaseUrl === undefined) expectPgliteSession();
}
