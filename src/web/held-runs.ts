import { compareHolds, readHold } from '../actions/hold-groups.ts';
import { RollcallError } from '../errors.ts';
import type { Customer } from '../jobs/customer.ts';
import type { Run } from '../store/run-lookups.ts';
import type { TargetNames } from './pages/held.ts';
import type { ControlWorld } from './world.ts';

/** Other platforms that are looked at for the same event. */
const mostOthers = 5;

/** Holds of the customer's other platforms that wait as well: the same event may be behind them. */
export async function otherHolds(world: ControlWorld, customer: Customer, run: Run) {
  const held = await world.store.runs.held(customer.name);
  const others = held.filter(
    (other) => other.platform !== run.platform && (other.hold_expires_ms ?? 0) > world.now(),
  );
  return Promise.all(
    others
      .slice(0, mostOthers)
      .map(async (other) => ({ run: other, hold: await readHold(world.engine.deps, other) })),
  );
}

/** What targets were called when the run read them. */
export function targetNames({ target_names }: Run): TargetNames {
  return (target) => target_names[target] ?? target;
}

/** A decision that came too late, with what is different now. */
export async function withWhatChanged(world: ControlWorld, run: Run, error: unknown): Promise<unknown> {
  if (!(error instanceof RollcallError) || error.code !== 'RUN_NOT_HELD') return error;
  const next = await world.store.runs.replacing(run);
  if (next === undefined) return error;
  const { deps } = world.engine;
  const { more, fewer } = compareHolds(await readHold(deps, run), await readHold(deps, next));
  return new RollcallError(error.code, error.message, {
    hint: `What is held now: ${more.length} people more and ${fewer.length} fewer than what you reviewed. See the run ${next.id}.`,
    cause: error,
  });
}
