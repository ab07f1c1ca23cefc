import type { EnrollmentRule, PlatformConfig } from '../config/schema.ts';
import { defaultLimits } from '../diff/guard.ts';
import type { Launch, ResolvedTarget } from '../providers/contract.ts';
import { ProviderError } from '../providers/error.ts';
import { type Customer, countingContext, type Platform } from '../jobs/customer.ts';
import type { JobDeps } from '../jobs/deps.ts';
import { failureOf } from '../jobs/failure.ts';
import { readSides } from '../jobs/read/sides.ts';

/** One thing that was tried: `ok`, or why not. */
export type Trial = { readonly what: string; readonly ok: boolean; readonly detail: string };

/** What works and what does not on one platform. */
export type PlatformCheck = {
  readonly platform: string;
  readonly provider: string;
  readonly ok: boolean;
  readonly trials: readonly Trial[];
  /** What the platform cannot do, with the reason. */
  readonly missing: Readonly<Record<string, string>>;
  readonly warnings: readonly string[];
};

/** The longest pause that a person who looks on does not notice; for a longer one they are told until when it lasts. */
const unnoticedMs = 2_000;
const atOnce = { waitsFor: (pauseMs: number): boolean => pauseMs <= unnoticedMs };

/**
 * Tries a platform: sign-in, every target, the trainings to be started, and (unless `quick`) who is enrolled without
 * being on the roster. Reads only, and never throws for what is wrong there. It does not wait when the platform asks to, but says
 * until when.
 */
export async function checkPlatform(
  deps: Pick<JobDeps, 'store' | 'now'>,
  customer: Customer,
  platform: Platform,
  options: { readonly signal: AbortSignal; readonly quick: boolean },
): Promise<PlatformCheck> {
  const { provider, config, name } = platform;
  const { signal } = options;
  const ctx = countingContext(signal, atOnce);
  const trials: Trial[] = [];
  const warnings: string[] = [...configWarnings(config)];
  const attempt = async <T>(what: string, work: () => Promise<T>, tell: (value: T) => string) => {
    try {
      const value = await work();
      trials.push({ what, ok: true, detail: tell(value) });
      return value;
    } catch (error) {
      signal.throwIfAborted();
      const { code, message } = failureOf(error);
      // Whatever is asked there is answered so: the address is another's, or has a part too many.
      if (error instanceof ProviderError && error.status === 404 && what === 'sign-in')
        warnings.push(
          `baseUrl is ${config.baseUrl}, and what is there answers 404: is it the address of the API, and no more of it than that?`,
        );
      trials.push({ what, ok: false, detail: `${code}: ${message}` });
      return undefined;
    }
  };
  const signedIn = await attempt(
    'sign-in',
    async () => {
      await provider.signIn(ctx);
      await provider.prepare?.(ctx);
      return true;
    },
    () => 'the credentials are taken',
  );
  if (signedIn === true) {
    const found = await checkTargets(platform, attempt, ctx);
    if (provider.launcher !== undefined && provider.launcher.wanted.length > 0) {
      const { launcher } = provider;
      await attempt('trainings', () => launcher.plan(ctx), describeLaunches);
    }
    const { warnings: more } = provider;
    if (more !== undefined)
      warnings.push(
        ...((await attempt(
          'warnings',
          () => more(ctx),
          () => 'asked',
        )) ?? []),
      );
    if (found && config.enrollments.length > 0 && !options.quick) {
      const work = () => strangers(deps, customer, platform, signal);
      const tell = (them: readonly string[]) =>
        them.length === 0 ? 'everybody is explained' : 'see the warnings';
      warnings.push(...((await attempt('members', work, tell)) ?? []));
    }
  }
  return {
    platform: name,
    provider: config.provider,
    ok: trials.every(({ ok }) => ok),
    trials: trials.filter(({ what, ok }) => what !== 'warnings' || !ok),
    missing: { ...provider.capabilities.missing },
    warnings,
  };
}

type Attempt = <T>(
  what: string,
  work: () => Promise<T>,
  tell: (value: T) => string,
) => Promise<T | undefined>;

/** Looks up all targets at once; when that fails, one by one, so that each wrong one is named. */
async function checkTargets(
  { provider, config }: Platform,
  attempt: Attempt,
  ctx: ReturnType<typeof countingContext>,
): Promise<boolean> {
  if (config.enrollments.length === 0) return true;
  const one = async (rule: EnrollmentRule): Promise<ResolvedTarget | undefined> =>
    (await provider.resolveTargets([rule], ctx))[0];
  const all = await provider.resolveTargets(config.enrollments, ctx).catch((error: unknown) => {
    ctx.signal.throwIfAborted();
    void error;
    return undefined;
  });
  let found = true;
  for (const [at, rule] of config.enrollments.entries()) {
    const known = all?.[at];
    const target = await attempt(
      `target ${rule.target}`,
      async () => known ?? (await one(rule)),
      (it) => (it?.closed === undefined ? (it?.name ?? '') : `${it.name}: nobody is enrolled, ${it.closed}`),
    );
    if (target === undefined) found = false;
  }
  return found;
}

function describeLaunches(launches: readonly Launch[]): string {
  return launches
    .map(({ name, reach, existing, send }) => {
      const there = existing === null ? 'not created yet' : existing.sent === true ? 'sent' : 'created';
      return `"${name}" (${there}; ${send ? `a send reaches ${reach} people` : 'send: false'})`;
    })
    .join(', ');
}

/** Members that no person on the roster explains: somebody, or a rule there, enrolls people too. */
async function strangers(
  deps: Pick<JobDeps, 'store' | 'now'>,
  customer: Customer,
  platform: Platform,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const sides = await readSides({
    customer,
    platform,
    store: deps.store,
    ctx: countingContext(signal, atOnce),
    nowMs: deps.now(),
    onProgress: () => undefined,
  });
  return sides.targets.flatMap((target, at) => {
    const count = sides.differ.strangers(at);
    if (count === 0) return [];
    return [
      `${target.name} has ${count} members whom nobody on the roster explains: somebody else, or a rule there, enrolls people too. They are left alone.`,
    ];
  });
}

/** Addresses without TLS, and limits that mean less than they seem to. */
function configWarnings(config: PlatformConfig): readonly string[] {
  const warnings = plainAddresses(config).map(
    (key) => `${key} is http://: credentials and people travel unencrypted. Write https://.`,
  );
  for (const [kind, limit] of Object.entries(config.limits)) {
    const { floor } = defaultLimits[kind as keyof typeof defaultLimits];
    if (limit?.count === undefined || limit.floor !== undefined || limit.count >= floor) continue;
    warnings.push(
      `limits.${kind}.count is ${limit.count}, and the floor of ${floor} still lets ${floor} through: set floor too.`,
    );
  }
  return warnings;
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || host === '[::1]' || /^127\./.test(host);
}

/** Keys of a platform block whose address is http and not of this machine. */
function plainAddresses(block: object, prefix = ''): readonly string[] {
  return Object.entries(block).flatMap(([key, value]: [string, unknown]) => {
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return plainAddresses(value, `${prefix}${key}.`);
    if (typeof value !== 'string' || !/url$/i.test(key) || !value.startsWith('http://')) return [];
    return isLoopback(new URL(value).hostname) ? [] : [`${prefix}${key}`];
  });
}
