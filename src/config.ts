import { glob, readFile, stat } from 'node:fs/promises';
import { basename, dirname, extname, resolve } from 'node:path';
import { ConfigDocument } from './config/document.ts';
import { withParts } from './config/parts.ts';
import { interpolate, readProblem } from './config/interpolate.ts';
import type { ConfigIssue, KeyPath } from './config/issues.ts';
import { ConfigError, formatKey, raise } from './config/issues.ts';
import type { CustomerDefaults } from './config/operator.ts';
import type { ProviderSettingsRegistry } from './config/registry.ts';
import type { RosterSourceConfig } from './config/roster-source.ts';
import type { CustomerBase, CustomerConfig } from './config/schema.ts';
import { slug } from './config/schema.ts';
import { tenantKey } from './config/tenant.ts';
import { configWarnings } from './config/warnings.ts';
import { validate } from './config/validate.ts';
import type { Place, RollcallError } from './errors.ts';

export { ConfigError } from './config/issues.ts';
export type { CustomerConfig } from './config/schema.ts';

export type LoadOptions = {
  /** The providers there are: the schema of each one's block, and what its tenants are. */
  readonly registry: ProviderSettingsRegistry;
  /** Where `${NAME}` is looked up. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /**
   * `later`: what is not set is no error of the file; the configuration names it as `unset`, for what needs it to be refused
   * then. Default `required`.
   */
  readonly secrets?: 'required' | 'later';
  /** What stands in for keys that a file leaves out. Default: nothing. */
  readonly defaults?: CustomerDefaults;
};

/** One of several files: its configuration, or why it has none. */
export type LoadedConfig =
  | { readonly file: string; readonly config: CustomerConfig }
  | { readonly file: string; readonly error: RollcallError };

/**
 * Reads one customer's configuration: checked, defaults in place, secrets filled in, paths absolute.
 *
 * @throws ConfigError with every problem of the file: `CONFIG_NOT_FOUND`, `CONFIG_INVALID`, `CONFIG_SECRET_MISSING` or
 *   `CONFIG_DUPLICATE_TENANT`
 */
export async function loadConfig(file: string, options: LoadOptions): Promise<CustomerConfig> {
  return (await load(file, options)).config;
}

/**
 * Reads the configurations of many customers, in the order given, the matches of a glob by name. A broken file stops
 * only itself. Files that share a customer's name or a platform's tenant stop each other, because nobody can say here
 * which of them is meant. A glob without a match is an error of its own.
 */
export async function loadConfigs(
  filesOrGlobs: readonly string[],
  options: LoadOptions,
): Promise<readonly LoadedConfig[]> {
  const files = await filesOf(filesOrGlobs);
  return withoutConflicts(
    await Promise.all(files.map((file) => readFileOf(file, options))),
    options.registry,
  );
}

/** One file: what it says, or why nothing can be made of it. */
export async function readFileOf(file: string, options: LoadOptions): Promise<ReadConfig> {
  try {
    return await load(file, options);
  } catch (error) {
    if (error instanceof ConfigError) return { file, error };
    throw error;
  }
}

/** The files, those that share a customer's name or a platform's tenant refused. */
export function withoutConflicts(
  results: readonly ReadConfig[],
  registry: ProviderSettingsRegistry,
): readonly LoadedConfig[] {
  const loaded = results.filter((result) => 'config' in result);
  return results.map((result) => {
    if ('error' in result) return result;
    const [first, ...rest] = conflicts(result, loaded, registry);
    if (first === undefined) return { file: result.file, config: result.config };
    return { file: result.file, error: new ConfigError([first, ...rest]) };
  });
}

/** A file that could be read by itself: whether it gets along with the others is another matter. */
type Loaded = {
  readonly file: string;
  readonly config: CustomerConfig;
  /** Files that it names as secrets. */
  readonly secretFiles: readonly string[];
  readonly placeOf: (path: KeyPath) => Place;
};
export type ReadConfig = Loaded | { readonly file: string; readonly error: ConfigError };

/** Stands for a secret that is not set: long enough for a token, an address of nobody (RFC 2606) for a URL. */
const placeholder = 'https://not-set.invalid/not-set-not-set-not-set';

async function load(file: string, options: LoadOptions): Promise<Loaded> {
  const path = resolve(file);
  const { document, issues, torn } = ConfigDocument.parse(file, await readConfigFile(file, path));
  if (torn) raise(issues);

  const later = options.secrets === 'later';
  const found = await interpolate(document, path, options.env, later ? placeholder : '');
  const { issues: invalid, parts } = validate(document, options.registry, options.defaults);
  const at = ({ place }: ConfigIssue): string => `${place.line}:${place.column}`;
  // Where a placeholder does not do (a number, a duration), the value is no secret, and the file is wrong without it.
  const wrong = new Set(invalid.map(at));
  const unset = later
    ? found.filter((issue) => issue.code === 'CONFIG_SECRET_MISSING' && !wrong.has(at(issue)))
    : [];
  const missing = found.filter((issue) => !unset.includes(issue));
  // A value whose reference could not be filled in is wrong for that reason alone.
  const unfilled = new Set(missing.map(({ place }) => `${place.line}:${place.column}`));
  const consequences = (issue: ConfigIssue) =>
    unfilled.has(`${issue.place.line}:${issue.place.column}`) ||
    (missing.length > 0 && issue.code === 'CONFIG_DUPLICATE_TENANT');
  const named = customerName(path, parts.base.customer, document);
  raise([
    ...issues,
    ...missing,
    ...invalid.filter((issue) => !consequences(issue)),
    ...('issue' in named ? [named.issue] : []),
  ]);

  // Nothing was raised, so every part is there.
  const base = parts.base as CustomerBase;
  const folder = dirname(path);
  const { alerts } = base;
  const isOwn = document.has('alerts');
  // What the operator set for all is not a matter of each file.
  const own: CustomerBase = isOwn ? base : { ...base, alerts: { ...alerts, channels: [] } };
  const lacking = [...unset, ...(isOwn ? [] : (options.defaults?.unset ?? []))];
  const config: CustomerConfig = {
    ...base,
    customer: 'name' in named ? named.name : '',
    file: path,
    dataDir: resolve(folder, base.dataDir),
    roster: withParts(base.roster, (source) => resolveSource(folder, source)),
    platforms: parts.platforms,
    ...(lacking.length === 0 ? {} : { unset: lacking }),
    warnings: [...configWarnings(document, own, parts.platforms), ...(await openFiles(document, path))],
  };
  const places = new Map(
    [['customer'], ...Object.keys(config.platforms).map((name) => ['platforms', name])].map((key) => [
      formatKey(key),
      document.placeOf(key),
    ]),
  );
  return {
    file,
    config,
    secretFiles: document.secretFiles.map((secret) => resolve(folder, secret)),
    // The document itself is a hundred times as large, and a service keeps what it read.
    placeOf: (key) => places.get(formatKey(key)) ?? { file },
  };
}

/** Files with secrets that everybody on the machine may read. Windows keeps rights elsewhere. */
async function openFiles(document: ConfigDocument, path: string): Promise<readonly string[]> {
  if (process.platform === 'win32') return [];
  const files = document.secretFiles.map((file) => resolve(dirname(path), file));
  const open: string[] = [];
  for (const file of new Set(files)) {
    // One that may not be looked at came as a credential.
    const mode = await stat(file).then(
      (found) => found.mode,
      () => 0,
    );
    if ((mode & 0o004) !== 0)
      open.push(`${file}: holds a secret, and everybody on this machine may read it: chmod o-r ${file}`);
  }
  return open;
}

async function readConfigFile(file: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const message = `the configuration file ${readProblem(error)}`;
    throw new ConfigError([{ code: 'CONFIG_NOT_FOUND', message, place: { file } }]);
  }
}

function customerName(
  path: string,
  given: string | undefined,
  document: ConfigDocument,
): { readonly name: string } | { readonly issue: ConfigIssue } {
  const name = given ?? basename(path, extname(path));
  const problem = slug.safeParse(name).error?.issues[0]?.message;
  if (problem === undefined) return { name };
  const message = `the file's name cannot be the customer's (${problem}): add customer: NAME`;
  return { issue: document.issue(['customer'], message) };
}

/** A path or glob from the configuration's folder; what is fetched has no path here. */
function resolveSource(folder: string, source: RosterSourceConfig): RosterSourceConfig {
  return typeof source === 'string' ? resolve(folder, source) : source;
}

/** The files that these paths and globs name now, each once. */
export async function filesOf(filesOrGlobs: readonly string[]): Promise<readonly string[]> {
  const files = new Map<string, string>();
  for (const pattern of filesOrGlobs) {
    for (const file of await matches(pattern)) {
      const path = resolve(file);
      if (!files.has(path)) files.set(path, file);
    }
  }
  return [...files.values()];
}

async function matches(pattern: string): Promise<readonly string[]> {
  // A file may have a bracket in its name; and what is neither file nor glob fails when it is read, under its own name.
  const isFile = await stat(pattern).then(
    () => true,
    () => false,
  );
  if (isFile || !/[*?[\]{}]/.test(pattern)) return [pattern];
  const found: string[] = [];
  for await (const file of glob(pattern)) found.push(file);
  return found.length === 0 ? [pattern] : found.toSorted();
}

function conflicts(
  one: Loaded,
  all: readonly Loaded[],
  registry: ProviderSettingsRegistry,
): readonly ConfigIssue[] {
  const tenants = tenantsOf(one, registry);
  return all
    .filter((other) => other !== one)
    .flatMap((other) => {
      const issues: ConfigIssue[] = [];
      // Names become part of paths and ids, and not all of those tell cases apart.
      if (other.config.customer.toLowerCase() === one.config.customer.toLowerCase()) {
        const message = `${other.file} is of a customer of the same name; give each file its own customer: NAME`;
        issues.push({ code: 'CONFIG_INVALID', message, place: one.placeOf(['customer']) });
      }
      for (const [key, name] of tenantsOf(other, registry)) {
        const own = tenants.get(key);
        if (own === undefined) continue;
        const message = `points at the same tenant as platforms.${name} of ${other.file}`;
        issues.push({ code: 'CONFIG_DUPLICATE_TENANT', message, place: one.placeOf(['platforms', own]) });
      }
      return issues;
    });
}

function tenantsOf({ config }: Loaded, registry: ProviderSettingsRegistry): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(config.platforms).flatMap(([name, block]) => {
      const provider = registry[block.provider];
      return provider === undefined ? [] : [[tenantKey(block, provider), name] as const];
    }),
  );
}
