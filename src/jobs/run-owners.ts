import type { Store } from '../store/store.ts';

/** Whose a run is. It never changes. */
export type RunOwner = { readonly customer: string; readonly platform: string };

/** Runs of which it is remembered whose they are. */
const mostRemembered = 1_000;

/** Whose a run is, asked of the store once; undefined where there is no such run. */
export function createRunOwners(store: Pick<Store, 'runs'>): (run: string) => Promise<RunOwner | undefined> {
  const known = new Map<string, RunOwner>();
  return async (id) => {
    const remembered = known.get(id);
    if (remembered !== undefined) return remembered;
    const run = await store.runs.find(id);
    if (run === undefined) return undefined;
    const owner = { customer: run.customer, platform: run.platform };
    if (known.size >= mostRemembered) known.clear();
    known.set(id, owner);
    return owner;
  };
}
