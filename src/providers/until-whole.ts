import type { Provider } from './contract.ts';
import { ProviderError } from './error.ts';

/** Reads of a platform whose pages did not add up are repeated this often: people come and go while we page. */
const readsBeforeGivingUp = 3;

/**
 * Reads again, a few times, what ended as incomplete. `restart` comes before each repetition: what a torn read gave counts
 * for nothing.
 *
 * @throws ProviderError READ_INCOMPLETE of the last time
 */
export async function untilWhole<T>(
  read: () => Promise<T>,
  restart: () => void = () => undefined,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await read();
    } catch (error) {
      const isTorn = error instanceof ProviderError && error.code === 'READ_INCOMPLETE';
      if (!isTorn || tries >= readsBeforeGivingUp) throw error;
      restart();
    }
  }
}

/** The provider, with those of its reads that give their answer whole repeated. Who reads in pages repeats it alone. */
export function rereading(provider: Provider): Provider {
  const { launcher } = provider;
  return {
    ...provider,
    // It may be refined later.
    get capabilities() {
      return provider.capabilities;
    },
    lookUp: (ref, ctx) => untilWhole(() => provider.lookUp(ref, ctx)),
    resolveTargets: (rules, ctx) => untilWhole(() => provider.resolveTargets(rules, ctx)),
    listTargets: (ctx) => untilWhole(() => provider.listTargets(ctx)),
    ...(launcher === undefined
      ? {}
      : { launcher: { ...launcher, plan: (ctx) => untilWhole(() => launcher.plan(ctx)) } }),
  };
}
