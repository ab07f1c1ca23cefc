import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { ConfigDocument } from './document.ts';
import { explain, unknownKey } from './explain.ts';
import { interpolate, readProblem } from './interpolate.ts';
import { ConfigError, type ConfigIssue, raise } from './issues.ts';
import type { CustomerBase } from './schema.ts';
import { operatorBase } from './schema.ts';

/** The name of the file, beside those of the customers. */
export const operatorFileName = 'operator.yaml';

/** What stands in for keys that a customer's file leaves out: as written, references filled in, paths absolute. */
export type CustomerDefaults = {
  readonly top: Readonly<Record<string, unknown>>;
  readonly roster: Readonly<Record<string, unknown>>;
  readonly platform: Readonly<Record<string, unknown>>;
  /** Secrets of them that are not set, by the keys of a customer's file. */
  readonly unset: readonly ConfigIssue[];
};

/** No defaults at all. */
export const noDefaults: CustomerDefaults = { top: {}, roster: {}, platform: {}, unset: [] };

/** `operator.yaml`, checked. */
export type OperatorConfig = {
  readonly file: string;
  readonly control: CustomerBase['control'];
  /** It says where the control API is: then the customers' files do not. */
  readonly hasControl: boolean;
  readonly alerts: CustomerBase['alerts'];
  readonly defaults: CustomerDefaults;
  /** The files with secrets that it names. */
  readonly secretFiles: readonly string[];
};

/** Stands for a secret that is not set, where whoever reads the file may not need it. */
const placeholder = 'https://not-set.invalid/not-set-not-set-not-set';

/**
 * Reads the file of whoever runs the service.
 *
 * @throws ConfigError with every problem of it
 */
export async function loadOperator(
  file: string,
  options: {
    readonly env: Readonly<Record<string, string | undefined>>;
    readonly secrets?: 'required' | 'later';
  },
): Promise<OperatorConfig> {
  const path = resolve(file);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    const message = `the operator's file ${readProblem(error)}`;
    throw new ConfigError([{ code: 'CONFIG_NOT_FOUND', message, place: { file } }]);
  });
  const { document, issues, torn } = ConfigDocument.parse(file, text);
  if (torn) raise(issues);
  const isLater = options.secrets === 'later';
  const wanting = await interpolate(document, path, options.env, isLater ? placeholder : '');
  const unset = isLater ? wanting.filter(({ code }) => code === 'CONFIG_SECRET_MISSING') : [];
  const missing = wanting.filter((issue) => !unset.includes(issue));
  const data = asMapping(document.data());
  if (data === undefined)
    raise([document.issue([], 'must be a mapping of keys to values: control, alerts, defaults')]);
  const found: ConfigIssue[] = [...issues, ...missing];
  const unfilled = new Set(missing.map(({ place }) => `${place.line}:${place.column}`));
  const parsed: Record<string, unknown> = {};
  for (const key of Object.keys(data ?? {}))
    if (!Object.hasOwn(operatorBase.shape, key))
      found.push(document.keyIssue([key], unknownKey(key, Object.keys(operatorBase.shape), [])));
  for (const [key, schema] of Object.entries(operatorBase.shape)) {
    const result = z.safeParse(schema, data?.[key]);
    if (result.success) parsed[key] = result.data;
    else
      found.push(
        ...explain(result.error.issues, { document, data: data?.[key], schema, path: [key] }).filter(
          ({ place }) => !unfilled.has(`${place.line}:${place.column}`),
        ),
      );
  }
  raise(found);
  const { control, alerts } = parsed as Pick<OperatorConfig, 'control' | 'alerts'>;
  const folder = dirname(path);
  const { roster, platforms, ...top } = asMapping(data?.['defaults']) ?? {};
  const dataDir = top['dataDir'];
  return {
    file: path,
    control,
    hasControl: data?.['control'] !== undefined,
    alerts,
    defaults: {
      top: { ...top, ...(typeof dataDir === 'string' ? { dataDir: resolve(folder, dataDir) } : {}) },
      roster: asMapping(roster) ?? {},
      platform: asMapping(platforms) ?? {},
      unset: unset.flatMap((issue) => {
        const key = /^defaults\.(.*)$/.exec(issue.place.key ?? '')?.[1];
        return key === undefined ? [] : [{ ...issue, place: { ...issue.place, key } }];
      }),
    },
    secretFiles: document.secretFiles.map((secret) => resolve(folder, secret)),
  };
}

/** A customer's data with the defaults where it has nothing. A key that is there counts as a whole. */
export function withDefaults(
  data: Readonly<Record<string, unknown>>,
  { top, roster, platform }: CustomerDefaults,
): Readonly<Record<string, unknown>> {
  const own = asMapping(data['roster']);
  const blocks = asMapping(data['platforms']);
  return {
    ...top,
    ...data,
    ...(own === undefined ? {} : { roster: { ...roster, ...own } }),
    ...(blocks === undefined
      ? {}
      : {
          platforms: Object.fromEntries(
            Object.entries(blocks).map(([name, block]) => {
              const given = asMapping(block);
              return [name, given === undefined ? block : { ...platform, ...given }];
            }),
          ),
        }),
  };
}

function asMapping(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;
}
