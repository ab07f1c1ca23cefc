import { operatorName, type UnusableFile } from '../config/unusable-file.ts';
import type { Customer, Platform } from '../jobs/customer.ts';
import type { Engine } from '../jobs/service/engine.ts';
import type { SeenCertificate } from '../jobs/service/certificates.ts';
import type { Trouble } from '../jobs/service/vitals.ts';
import type { Queues } from '../jobs/queue/queues.ts';
import type { Log } from '../log.ts';
import type { Run } from '../store/run-lookups.ts';
import type { Store } from '../store/store.ts';
import { ApiError } from './errors.ts';
import type { Caller } from './sign-in.ts';
import type { Role } from './tokens.ts';

/** What the control API shows and steers: a running service. */
export type ControlWorld = {
  /** As they are configured at that moment. */
  readonly customers: readonly Customer[];
  /** The customers' files that cannot be used. */
  readonly files: () => readonly UnusableFile[];
  /** The certificates of the hosts that the service talks to. */
  readonly certificates: () => readonly SeenCertificate[];
  /** What is wrong with the service itself. */
  readonly troubles: () => readonly Trouble[];
  readonly store: Store;
  readonly queues: Queues;
  readonly engine: Engine;
  readonly log: Log;
  /** Bytes of the log that could not be written, since the start. */
  readonly lostLogBytes: () => number;
  readonly now: () => number;
  /** When the schedule starts the platform next, in ms since 1970; null when nothing is planned. */
  readonly nextRunMs: (customer: string, platform: string) => number | null;
};

/** A platform that a caller asked for, and the name the journal gets. */
export type Chosen = { readonly customer: Customer; readonly platform: Platform; readonly actor: string };

/** The customers a caller may see, in the service's order. */
export function customersOf(world: ControlWorld, caller: Caller): readonly Customer[] {
  return world.customers.filter(({ name }) => caller.grants.has(name));
}

/** Whether a caller sees what belongs to no customer: the operator, or somebody who opens all of several customers. */
export function seesService(world: ControlWorld, caller: Caller): boolean {
  const { customers } = world;
  return (
    caller.grants.has(operatorName) ||
    (customers.length > 1 && customersOf(world, caller).length === customers.length)
  );
}

/** The files that cannot be used, as far as they are the caller's business. */
export function filesOf(world: ControlWorld, caller: Caller): readonly UnusableFile[] {
  const all = seesService(world, caller);
  return world.files().filter(({ customer }) => all || caller.grants.has(customer));
}

/** Refuses a caller who may not do this with that customer; the caller's name otherwise. */
export function actorFor(caller: Caller, customer: string, role: Role): string {
  const grant = caller.grants.get(customer);
  // Whose customers there are is nobody else's business.
  if (grant === undefined) throw new ApiError(404, 'CUSTOMER_UNKNOWN', 'there is no such customer.');
  if (role === 'operator' && grant.role === 'viewer') {
    throw new ApiError(403, 'FORBIDDEN', `the token "${grant.name}" may look, not act.`, {
      hint: 'Use a token with the role operator.',
    });
  }
  return grant.name;
}

/** The one customer that is meant: the named one, or the only one the caller sees. */
export function chooseCustomer(
  world: ControlWorld,
  caller: Caller,
  name: string | undefined,
  role: Role,
): { readonly customer: Customer; readonly actor: string } {
  const seen = customersOf(world, caller);
  const found = name === undefined ? seen : seen.filter((customer) => customer.name === name);
  const [customer] = found;
  if (customer === undefined) throw new ApiError(404, 'CUSTOMER_UNKNOWN', 'there is no such customer.');
  if (found.length > 1) {
    throw new ApiError(400, 'BAD_REQUEST', 'this token opens several customers.', {
      hint: 'Say which one: customer.',
    });
  }
  return { customer, actor: actorFor(caller, customer.name, role) };
}

/** The platform that is meant. `customer` is needed only where several have one of that name. */
export function choosePlatform(
  world: ControlWorld,
  caller: Caller,
  wanted: { readonly platform: string; readonly customer?: string | undefined },
  role: Role,
): Chosen {
  const found = customersOf(world, caller).flatMap((customer) => {
    const platform = customer.platforms.get(wanted.platform);
    const fits = wanted.customer === undefined || wanted.customer === customer.name;
    return platform !== undefined && fits ? [{ customer, platform }] : [];
  });
  const [chosen] = found;
  if (chosen === undefined)
    throw new ApiError(404, 'NOT_FOUND', 'no platform of that name is configured.', {
      hint: 'GET /api/platforms lists them.',
    });
  if (found.length > 1) {
    throw new ApiError(400, 'PLATFORM_AMBIGUOUS', `${found.length} customers have a platform of that name.`, {
      hint: 'Give customer too.',
    });
  }
  return { ...chosen, actor: actorFor(caller, chosen.customer.name, role) };
}

/** A run that the caller may see. Somebody else's is as unknown as one that never was. */
export async function chooseRun(
  world: ControlWorld,
  caller: Caller,
  id: string,
  role: Role,
): Promise<{ readonly run: Run; readonly customer: Customer; readonly actor: string }> {
  const run = await world.store.runs.find(id);
  const customer = customersOf(world, caller).find(({ name }) => name === run?.customer);
  if (run === undefined || customer === undefined) {
    throw new ApiError(404, 'NOT_FOUND', 'there is no run of that id.', {
      hint: 'GET /api/runs lists them.',
    });
  }
  return { run, customer, actor: actorFor(caller, customer.name, role) };
}
