import { type ConfigIssue, raise } from '../config/issues.ts';
import { nearest } from '../config/nearest.ts';
import type { CustomerConfig, PartConfig, PlatformConfig, WholeRosterConfig } from '../config/schema.ts';
import { compileDesire, type DiffField, exemptOf } from '../diff/desired.ts';
import type { DiffPlatform } from '../diff/platform.ts';
import { compileStateRules, createRuleCompiler, managerFields, type RuleCompiler } from '../diff/rules.ts';
import { RollcallError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { CallContext, Provider, ProviderModule, ResolvedTarget } from '../providers/contract.ts';
import { rereading } from '../providers/until-whole.ts';
import { type GroupPacer, type Pacer, rateGroupName } from './pace/pacer.ts';
import { lastExpectedOf } from './schedule/roster-times.ts';

/** One configured platform, ready to be called. */
export type Platform = {
  readonly name: string;
  readonly config: PlatformConfig;
  readonly provider: Provider;
  /** The rate group's name, without anything secret in it. */
  readonly rateGroup: string;
  readonly pacer: GroupPacer;
};

/** One part of a customer's roster, ready to be read; a roster without parts is one, without a name. */
export type Part = {
  readonly at: number;
  readonly name: string;
  readonly config: PartConfig;
  /** When it was due last, at or before that time (ms); 0 where no time of day is expected. */
  readonly dueMs: (atMs: number) => number;
  /** The columns for rules that other parts have and this one does not. */
  readonly absent: readonly string[];
  /** Where its rules of state stand in the file. */
  readonly stateKey: string;
};

/** One customer, ready to run: configuration, platforms and compiled rules. */
export type Customer = {
  readonly name: string;
  readonly config: CustomerConfig;
  readonly platforms: ReadonlyMap<string, Platform>;
  readonly compiler: RuleCompiler;
  /** At least one, in the order of the configuration. */
  readonly parts: readonly Part[];
  /** First back-off of a roster that could not be fetched, in ms; undefined for the roster's own. */
  readonly retryBaseMs: number | undefined;
};

/** What customers are built with. */
export type CustomerDeps = {
  readonly providers: Readonly<Record<string, ProviderModule>>;
  readonly pacer: Pacer;
  readonly log: Log;
  /** First back-off of a failed read, in ms. Default: the providers' own. */
  readonly retryBaseMs?: number;
  /** After so long of nothing but 429 a request gives up. Default: the providers' own. */
  readonly giveUpAfterMs?: number;
};

/** Builds a customer and compiles all its rules once, so that a wrong rule is a configuration error before any run. */
export function createCustomer(config: CustomerConfig, deps: CustomerDeps): Customer {
  const compiler = createRuleCompiler(config.roster.attributes, config.roster.columns.manager !== undefined);
  try {
    const parts = config.roster.parts.map((part, at) => createPart(config.roster, part, at, compiler));
    const platforms = new Map<string, Platform>();
    for (const [name, block] of Object.entries(config.platforms))
      platforms.set(name, createPlatform(config, name, block, compiler, deps));
    return {
      name: config.customer,
      config,
      platforms,
      compiler,
      parts,
      retryBaseMs: deps.retryBaseMs,
    };
  } catch (error) {
    if (!(error instanceof RollcallError) || error.place?.file !== undefined) throw error;
    throw new RollcallError(error.code, error.message, {
      place: { ...error.place, file: config.file },
      ...(error.hint === undefined ? {} : { hint: error.hint }),
      cause: error,
    });
  }
}

function createPart(roster: WholeRosterConfig, config: PartConfig, at: number, compiler: RuleCompiler): Part {
  const { name, key, state, duplicates } = config;
  // What stands beside parts is theirs by default.
  const stateKey = state !== undefined && state === roster.state ? 'roster.state' : `${key}.state`;
  compileStateRules(compiler, state, config.columns.status !== undefined, '1970-01-01', stateKey);
  if (duplicates !== 'reject') compiler.predicate(duplicates.prefer, `${key}.duplicates.prefer`);
  for (const [at, { when }] of (state ?? []).entries())
    refuseManager(compiler, when, `${stateKey}[${at}].when`);
  if (duplicates !== 'reject') refuseManager(compiler, duplicates.prefer, `${key}.duplicates.prefer`);
  return {
    at,
    name,
    config,
    dueMs: lastExpectedOf(config, key),
    absent: roster.attributes.filter((column) => !config.attributes.includes(column)),
    stateKey,
  };
}

/** Rules that are asked while rows are read know no manager: their row may be the last. Throws RULE_INVALID. */
function refuseManager(compiler: RuleCompiler, rule: string, key: string): void {
  if (![...compiler.reads(rule, key).fields].some((field) => field.startsWith('manager.'))) return;
  throw new RollcallError(
    'RULE_INVALID',
    `the rule "${rule}" reads person.manager, which is not known yet.`,
    {
      place: { key },
      hint: 'State and duplicates are decided while the roster is read; rules of platforms, protect and ignore may read the manager.',
    },
  );
}

/** The fields of a manager that a platform's rules read; none where no rule does. */
export function managerReads(
  { config, compiler }: Pick<Customer, 'config' | 'compiler'>,
  platform: Pick<Platform, 'config' | 'provider'>,
): ReadonlySet<string> {
  const { accounts, fields, enrollments } = platform.config;
  const { protect, ignore } = config;
  const rules = [
    accounts,
    ...Object.values(fields),
    ...enrollments.map(({ when }) => when),
    protect.when,
    ignore.when,
  ];
  const read = new Set<string>();
  if (config.roster.columns.manager === undefined) return read;
  // A field that refers to the manager's account, without a rule of its own.
  const isReferred = managedFields(platform, config.roster.columns).some(
    ({ name, from, reference }) => from === 'manager' && reference === true && fields[name] === undefined,
  );
  if (isReferred) read.add('id');
  for (const rule of rules) {
    if (rule === undefined) continue;
    const { fields: names, all } = compiler.reads(rule, 'platforms');
    for (const name of names) if (name.startsWith('manager.')) read.add(name.slice('manager.'.length));
    if (all) for (const name of managerFields) read.add(name);
  }
  return read;
}

/** Secrets under that key that are not set. */
function unsetIn(config: CustomerConfig, key: string): readonly ConfigIssue[] {
  return (config.unset ?? []).filter(({ place }) => place.key === key || place.key?.startsWith(`${key}.`));
}

/** @throws ConfigError CONFIG_SECRET_MISSING when the roster or one of these platforms needs a secret that is not set */
export function requireSecrets(customer: Customer, platforms: readonly Platform[]): void {
  const keys = ['roster', ...platforms.map(({ name }) => `platforms.${name}`)];
  raise(keys.flatMap((key) => unsetIn(customer.config, key)));
}

/** Whether a run of that platform would need a secret that is not set here. */
export function lacksSecrets({ config }: Customer, platform: string): boolean {
  return ['roster', `platforms.${platform}`].some((key) => unsetIn(config, key).length > 0);
}

/** @throws ConfigError CONFIG_SECRET_MISSING when an alert could not be told for want of a secret */
export function requireAlertSecrets(config: CustomerConfig): void {
  raise(unsetIn(config, 'alerts'));
}

/** A provider that can be asked what it could do, and does nothing: its secrets are not set. */
function withoutSecrets(provider: Provider, unset: readonly ConfigIssue[]): Provider {
  return new Proxy(provider, {
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? () => raise(unset) : value;
    },
  });
}

function createPlatform(
  config: CustomerConfig,
  name: string,
  block: PlatformConfig,
  compiler: RuleCompiler,
  deps: CustomerDeps,
): Platform {
  const module = deps.providers[block.provider];
  if (module === undefined)
    throw new RollcallError('CONFIG_INVALID', `no provider "${block.provider}".`, {
      place: { key: `platforms.${name}.provider` },
    });
  const rateGroup = rateGroupName(block.rateGroup, new URL(block.baseUrl).host, module.credentialOf(block));
  const pacer = deps.pacer.group(rateGroup, block.rate);
  const provider = rereading(
    module.create(block, {
      platform: name,
      pacer,
      log: deps.log,
      ...(deps.retryBaseMs === undefined ? {} : { retryBaseMs: deps.retryBaseMs }),
      ...(deps.giveUpAfterMs === undefined ? {} : { giveUpAfterMs: deps.giveUpAfterMs }),
    }),
  );
  const { capabilities } = provider;
  const unset = unsetIn(config, `platforms.${name}`);
  for (const field of Object.keys(block.fields)) {
    if (field in capabilities.fields) continue;
    const near = nearest(field, Object.keys(capabilities.fields));
    throw new RollcallError('CONFIG_INVALID', `${block.provider} has no field "${field}".`, {
      place: { key: `platforms.${name}.fields.${field}` },
      hint:
        near === undefined
          ? `It has ${Object.keys(capabilities.fields).join(', ')}.`
          : `Did you mean "${near}"?`,
    });
  }
  if (block.enrollments.length > 0 && capabilities.missing.enrollments !== undefined) {
    throw new RollcallError(
      'CAPABILITY_MISSING',
      `enrollments are not possible: ${capabilities.missing.enrollments}.`,
      { place: { key: `platforms.${name}.enrollments` } },
    );
  }
  if (block.leavers === 'unenroll' && capabilities.missing.enrollments !== undefined) {
    throw new RollcallError(
      'CAPABILITY_MISSING',
      `leavers cannot be unenrolled: ${capabilities.missing.enrollments}.`,
      { place: { key: `platforms.${name}.leavers` } },
    );
  }
  desireOf({ config, compiler }, { name, config: block, provider }, '1970-01-01');
  const usable = unset.length === 0 ? provider : withoutSecrets(provider, unset);
  return { name, config: block, provider: usable, rateGroup, pacer };
}

/** The fields of an account there, as the diff wants them. */
function diffFields(provider: Provider): readonly DiffField[] {
  return Object.entries(provider.capabilities.fields).map(([name, spec]) => ({
    name,
    from: spec.from,
    readBack: spec.readBack,
    required: spec.required ?? false,
    maxLength: spec.maxLength ?? null,
    ...(spec.reference === true ? { reference: spec.reference } : {}),
  }));
}

/** Fields that somebody fills: a field without a rule or a default source is none of our business. */
export function managedFields(
  platform: Pick<Platform, 'config' | 'provider'>,
  columns: CustomerConfig['roster']['columns'],
): readonly DiffField[] {
  return diffFields(platform.provider).filter((field) => {
    if (platform.config.fields[field.name] !== undefined) return true;
    if (field.from === null) return false;
    if (field.from === 'fullName') return columns.firstName !== undefined || columns.lastName !== undefined;
    return columns[field.from] !== undefined;
  });
}

/** The rules that turn a person into what this platform should have of them. */
export function desireOf(
  customer: Pick<Customer, 'config' | 'compiler'>,
  platform: Pick<Platform, 'name' | 'config' | 'provider'>,
  today: string,
): ReturnType<typeof compileDesire> {
  const { config, compiler } = customer;
  return compileDesire(
    compiler,
    {
      accounts: platform.config.accounts,
      fields: platform.config.fields,
      enrollments: platform.config.enrollments,
      protect: config.protect,
      ignore: config.ignore,
    },
    managedFields(platform, config.roster.columns),
    today,
    (key) => `platforms.${platform.name}.${key}`,
  );
}

/** What the diff has to know of the platform, once its targets are resolved. */
export function diffPlatform(
  customer: Pick<Customer, 'config'>,
  platform: Platform,
  targets: readonly ResolvedTarget[],
): DiffPlatform {
  const { capabilities } = platform.provider;
  return {
    accounts: capabilities.accounts,
    matchBy: capabilities.matchBy,
    canDeactivate: capabilities.missing.deactivate === undefined && capabilities.accounts === 'write',
    fields: managedFields(platform, customer.config.roster.columns),
    targets: targets.map((target, at) => ({
      id: target.id,
      closed: target.closed !== undefined,
      isTraining: target.isTraining,
      keepCompleted: platform.config.enrollments[at]?.keepCompleted ?? true,
    })),
    leavers: platform.config.leavers,
    exempt: exemptOf(customer.config),
  };
}

/** The platform of that name. Throws PLATFORM_UNKNOWN with the nearest one. */
export function platformOf(customer: Customer, name: string): Platform {
  const platform = customer.platforms.get(name);
  if (platform !== undefined) return platform;
  const near = nearest(name, [...customer.platforms.keys()]);
  throw new RollcallError(
    'PLATFORM_UNKNOWN',
    `${customer.config.file}: no platform "${name}" is configured.`,
    {
      hint:
        near === undefined
          ? `There are ${[...customer.platforms.keys()].join(', ') || 'none'}.`
          : `Did you mean "${near}"?`,
    },
  );
}

/** A context of calls that counts its requests. Writes need a permit, where one is given. */
export function countingContext(
  signal: AbortSignal,
  options: Pick<CallContext, 'permit' | 'waitsFor'> = {},
): CallContext & { readonly count: { reads: number; writes: number } } {
  const count = { reads: 0, writes: 0 };
  return {
    signal,
    count,
    ...options,
    onRequest: (kind) => {
      if (kind === 'write') count.writes++;
      else count.reads++;
    },
  };
}
