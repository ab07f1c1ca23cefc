import { stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { filesOf, type LoadedConfig, type ReadConfig, readFileOf, withoutConflicts } from '../config.ts';
import { ConfigError } from '../config/issues.ts';
import { loadOperator, type OperatorConfig, operatorFileName } from '../config/operator.ts';
import type { ProviderSettingsRegistry } from '../config/registry.ts';
import { RollcallError } from '../errors.ts';

/** What the files say at one moment. */
export type FilesNow = {
  /** The file of whoever runs the service; null where there is none. */
  readonly operator: OperatorConfig | null;
  readonly customers: readonly LoadedConfig[];
  /** A glob finds nothing: its folder is more likely to be away than every customer to be gone. */
  readonly emptied: boolean;
};

export type FilesReader = {
  /**
   * Reads the files as they are now; those that did not change since the last time are not parsed again, unless `anew`.
   *
   * @throws ConfigError of the operator's file; RollcallError USAGE when two folders have one
   */
  readonly read: (anew?: boolean) => Promise<FilesNow>;
};

export type FilesReaderOptions = {
  readonly registry: ProviderSettingsRegistry;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly secrets: 'required' | 'later';
  /** The operator's file; by default `operator.yaml` beside the customers' files. */
  readonly operatorFile: string | undefined;
};

type Known = { readonly stamp: string; readonly read: ReadConfig };

/** Reads the files that paths and globs name, again and again. */
export function createFilesReader(patterns: readonly string[], options: FilesReaderOptions): FilesReader {
  const known = new Map<string, Known>();
  let operator: { readonly stamp: string; readonly config: OperatorConfig } | null = null;

  async function readOperator(folders: ReadonlySet<string>): Promise<OperatorConfig | null> {
    const files =
      options.operatorFile === undefined
        ? await existing([...folders].map((folder) => join(folder, operatorFileName)))
        : [options.operatorFile];
    const [file, other] = files;
    if (other !== undefined)
      throw new RollcallError('USAGE', `there are two operator's files: ${file} and ${other}.`, {
        hint: 'Name the one that counts with --operator FILE.',
      });
    if (file === undefined) return null;
    if (operator !== null && operator.stamp === (await stampOf([file, ...operator.config.secretFiles])))
      return operator.config;
    const config = await loadOperator(file, options);
    operator = { stamp: await stampOf([file, ...config.secretFiles]), config };
    known.clear();
    return config;
  }

  async function readOne(file: string, defaults: OperatorConfig | null): Promise<ReadConfig> {
    const before = known.get(file);
    if (before !== undefined && 'config' in before.read) {
      const stamp = await stampOf([file, ...before.read.secretFiles]);
      if (stamp === before.stamp) return before.read;
    }
    // Stamped before it is read: what is written meanwhile is seen the next time.
    const first = await stampOf([file]);
    const read = await readFileOf(file, {
      ...options,
      ...(defaults === null ? {} : { defaults: defaults.defaults }),
    });
    const secrets = 'config' in read ? read.secretFiles : [];
    const stamp = secrets.length === 0 ? first : await stampOf([file, ...secrets]);
    if (stamp.startsWith(first)) known.set(file, { stamp, read });
    else known.delete(file);
    return read;
  }

  return {
    read: async (anew = false) => {
      if (anew) {
        known.clear();
        operator = null;
      }
      const found = await filesOf(patterns);
      const files = found.filter((file) => basename(file) !== operatorFileName);
      const onlyOperator = files.length === 0 && found.length > 0;
      if (onlyOperator && !patterns.some(isGlob))
        throw new RollcallError('USAGE', `${found[0]} is the operator's file, and no customer's.`, {
          hint: 'Name the files of customers with -c.',
        });
      const defaults = await readOperator(new Set(found.map((file) => dirname(resolve(file)))));
      for (const file of known.keys()) if (!files.includes(file)) known.delete(file);
      const read = await Promise.all(files.map((file) => readOne(file, defaults)));
      return {
        operator: defaults,
        customers: withoutConflicts(read, options.registry),
        emptied:
          onlyOperator ||
          read.some((one) => 'error' in one && one.error.code === 'CONFIG_NOT_FOUND' && isGlob(one.file)),
      };
    },
  };
}

/** Whether a name has what globs are made of. */
export function isGlob(name: string): boolean {
  return /[*?[\]{}]/.test(name);
}

/** Changes whenever one of the files does. What is not there has a stamp too. */
async function stampOf(files: readonly string[]): Promise<string> {
  const stamps = await Promise.all(
    files.map(async (file) => {
      try {
        const { mtimeNs, ctimeNs, size, ino } = await stat(file, { bigint: true });
        return `${mtimeNs} ${ctimeNs} ${size} ${ino}`;
      } catch {
        return 'away';
      }
    }),
  );
  return stamps.join('\n');
}

async function existing(files: readonly string[]): Promise<readonly string[]> {
  const found = await Promise.all(
    files.map(async (file) =>
      stat(file).then(
        () => true,
        () => false,
      ),
    ),
  );
  return files.filter((_, at) => found[at] === true);
}

/** How many things are wrong with a file. */
export function problemsOf(error: RollcallError): number {
  return error instanceof ConfigError ? error.issues.length : 1;
}
