import { basename, resolve } from 'node:path';
import type { CustomerConfig } from '../config.ts';
import { type OperatorConfig, operatorFileName } from '../config/operator.ts';
import { operatorName, type UnusableFile } from '../config/unusable-file.ts';
import { formatError, RollcallError } from '../errors.ts';
import type { Customer } from '../jobs/customer.ts';
import { scheduleOf } from '../jobs/service/upcoming.ts';
import { checkExposure, type ControlSettings, isElsewhere, signInsOf } from '../web/tokens.ts';
import { changedInWords, changedKeys, isSameConfig } from './config-changes.ts';
import type { Cli, OpenedService } from './context.ts';
import { type FilesNow, type FilesReader, problemsOf } from './customer-files.ts';
import { keepToTheirTenants } from './open.ts';

/** The customers of a running service, in step with their files. */
export type LiveCustomers = {
  /** Files that cannot be used now. */
  readonly files: () => readonly UnusableFile[];
  readonly operator: () => OperatorConfig | null;
  /**
   * Takes up what changed in the files: each file whole or not at all. One line a change. `anew`: also where no file seems to
   * have changed. One call at a time; never throws.
   */
  readonly reload: (anew: boolean) => Promise<readonly string[]>;
};

export type LiveCustomersParts = {
  readonly cli: Cli;
  readonly opened: OpenedService;
  readonly reader: FilesReader;
  /** What was read at the start, and what of it could not be used. */
  readonly operator: OperatorConfig | null;
  readonly unusable: readonly UnusableFile[];
  /** The address that the control API listens on. */
  readonly listen: string;
  readonly onSignIns: (settings: Omit<ControlSettings, 'listen'>) => void;
};

/** A file that cannot be used, as everybody is told of it. */
export function unusableFile(
  file: string,
  error: RollcallError,
  now: { readonly sinceMs: number; readonly keeps: string | null },
): UnusableFile {
  return {
    file,
    customer: now.keeps ?? basename(file).replace(/\.[^.]*$/, ''),
    keeps: now.keeps !== null,
    code: error.code,
    place: error.place,
    problems: problemsOf(error),
    sinceMs: now.sinceMs,
  };
}

/** Refuses what the schedule could not work with. Throws CONFIG_INVALID. */
export function checkSchedules(customer: Customer): void {
  for (const platform of customer.platforms.values()) scheduleOf(customer, platform);
}

/** Follows the files of a service that has been opened. */
export function createLiveCustomers(parts: LiveCustomersParts): LiveCustomers {
  const { cli, opened, reader } = parts;
  const { engine, store } = opened;
  let operator = parts.operator;
  let unusable = parts.unusable;
  /** Whose configuration is in use, by the path of its file. */
  let running = new Map(opened.customers.map((customer) => [customer.config.file, customer]));
  let before: Promise<unknown> = Promise.resolve();

  /** What the file alone does not show. Throws RollcallError. */
  function build(config: CustomerConfig, taken: ReadonlyMap<string, string>, isNew: boolean): Customer {
    const place = { file: config.file };
    const rival = taken.get(config.customer.toLowerCase());
    if (rival !== undefined && rival !== config.file)
      throw new RollcallError(
        'CONFIG_INVALID',
        `${rival}, which goes on as it was, is of a customer of the same name.`,
        { place, hint: 'Give each file its own customer: NAME.' },
      );
    if (cli.databaseUrl === undefined && config.dataDir !== opened.dataDir)
      throw new RollcallError(
        'CONFIG_INVALID',
        `dataDir is ${config.dataDir}, and this service has its state in ${opened.dataDir}.`,
        { place, hint: 'Give all files the same dataDir; customers are kept apart inside.' },
      );
    if (isNew && operator === null && isElsewhere(parts.listen, config.control))
      throw new RollcallError(
        'CONFIG_INVALID',
        `control.listen is ${config.control.listen}, and this service listens on ${parts.listen}.`,
        { place, hint: 'Leave it out: one service has one control API.' },
      );
    const { tokens } = signInsOf([{ customer: config.customer, control: config.control }]);
    if (tokens.length > 0) checkExposure({ listen: parts.listen, tokens });
    const customer = opened.build(config);
    checkSchedules(customer);
    return customer;
  }

  async function takeUp(now: FilesNow): Promise<readonly string[]> {
    const lines: string[] = [];
    const found: UnusableFile[] = [];
    const next = new Map<string, Customer>();
    const candidates = new Map<string, { readonly file: string; readonly config: CustomerConfig }>();
    const say = (line: string, fields: Readonly<Record<string, unknown>>, level: 'info' | 'error'): void => {
      lines.push(line);
      cli.log[level](fields, line);
    };

    const refuse = (file: string, error: RollcallError): void => {
      const path = resolve(file);
      const known = running.get(path);
      if (known !== undefined) next.set(path, known);
      const told = unusable.find((one) => one.file === file);
      const keeps = known?.name ?? null;
      const one = unusableFile(file, error, { sinceMs: told?.sinceMs ?? cli.now(), keeps });
      found.push(one);
      const isNews = told === undefined || told.code !== one.code || told.problems !== one.problems;
      if (isNews || told.keeps !== one.keeps)
        say(
          `${known === undefined ? 'left out' : `${known.name} goes on as it was`}: ${formatError(error)}`,
          { file, customer: one.customer, code: error.code, keeps: one.keeps },
          'error',
        );
    };

    const named = new Set(now.customers.map(({ file }) => resolve(file)));
    for (const one of now.customers) {
      const path = resolve(one.file);
      const known = running.get(path);
      if ('error' in one) refuse(one.file, one.error);
      else if (known !== undefined && isSameConfig(known.config, one.config)) next.set(path, known);
      else candidates.set(path, { file: one.file, config: one.config });
    }
    if (now.emptied)
      for (const [path] of running)
        if (!named.has(path))
          refuse(
            path,
            new RollcallError('CONFIG_NOT_FOUND', 'the folder of the files is away, or has none any more.', {
              place: { file: path },
              hint: 'To end with a customer, take its file out and leave the others.',
            }),
          );

    const built: { readonly file: string; readonly customer: Customer }[] = [];
    const names = new Map([...next.values()].map(({ name, config }) => [name.toLowerCase(), config.file]));
    for (const [path, { file, config }] of candidates)
      try {
        built.push({ file, customer: build(config, names, !running.has(path)) });
      } catch (error) {
        if (!(error instanceof RollcallError)) throw error;
        refuse(file, error);
      }
    const fileOf = new Map(built.map(({ file, customer }) => [customer.config.file, file]));
    const present = [...next.values()].map(({ name }) => name);
    const kept = await keepToTheirTenants(
      cli,
      store,
      built.map(({ customer }) => customer),
      'start',
      { onBroken: (path, error) => refuse(fileOf.get(path) ?? path, error) },
      present,
    );
    for (const customer of kept) next.set(customer.config.file, customer);

    // Nothing is changed before this, and everything after it.
    await engine.configure([...next.values()]);
    const was = new Map([...running.values()].map((customer) => [customer.name, customer]));
    for (const customer of kept) {
      const earlier = was.get(customer.name);
      const file = fileOf.get(customer.config.file) ?? customer.config.file;
      const keys = earlier === undefined ? [] : changedKeys(earlier.config, customer.config);
      const restart = keys.includes('control.listen') ? '; control.listen counts from the next start' : '';
      say(
        earlier === undefined
          ? `added ${customer.name} (${file})`
          : `changed ${customer.name}: ${keys.length === 0 ? `its file is ${file}` : changedInWords(keys)}${restart}`,
        { customer: customer.name, file, changed: keys },
        'info',
      );
      for (const warning of customer.config.warnings) cli.log.warn({ customer: customer.name }, warning);
    }
    const stays = new Set([...next.values()].map(({ name }) => name));
    for (const [name, { config }] of was)
      if (!stays.has(name)) say(`removed ${name} (${config.file})`, { customer: name }, 'info');
    for (const { file, customer, keeps } of unusable)
      if (!keeps && !found.some((one) => one.file === file) && !named.has(resolve(file)))
        say(`no longer there: ${file}, which could not be used`, { file, customer }, 'info');
    running = next;
    unusable = found;
    parts.onSignIns(
      signInsOf(
        [...next.values()].map(({ name, config }) => ({ customer: name, control: config.control })),
        operator?.hasControl === true ? operator.control : null,
      ),
    );
    return lines;
  }

  async function reload(anew: boolean): Promise<readonly string[]> {
    let now: FilesNow;
    try {
      now = await reader.read(anew);
    } catch (error) {
      if (!(error instanceof RollcallError)) throw error;
      // Without the operator's file nothing is known of the defaults: everything goes on as it was.
      const file = error.place?.file ?? operator?.file ?? operatorFileName;
      const told = unusable.find((one) => one.customer === operatorName);
      const sinceMs = told?.sinceMs ?? cli.now();
      unusable = [
        ...unusable.filter((one) => one.customer !== operatorName),
        unusableFile(file, error, { sinceMs, keeps: operatorName }),
      ];
      const line = `everything goes on as it was: ${formatError(error)}`;
      if (told === undefined || anew) cli.log.error({ file, code: error.code }, line);
      return [line];
    }
    const lines: string[] = [];
    const was = operator;
    if (was !== null && now.operator === null && !now.emptied)
      lines.push(
        `removed the operator's file ${was.file}: its tokens, channels and defaults no longer count`,
      );
    if (now.operator !== null && was === null) lines.push(`added the operator's file ${now.operator.file}`);
    if (now.operator !== null && was !== null && now.operator !== was) {
      const keys = changedKeys(was, now.operator).filter((key) => key !== 'hasControl');
      if (keys.length > 0) lines.push(`changed the operator's file: ${changedInWords(keys)}`);
    }
    for (const line of lines) cli.log.info({ file: now.operator?.file ?? was?.file }, line);
    if (!now.emptied) operator = now.operator;
    return [...lines, ...(await takeUp(now))];
  }

  return {
    files: () => unusable,
    operator: () => operator,
    reload: (anew) => {
      const mine = before
        .then(() => reload(anew))
        .catch((error: unknown) => {
          cli.log.error(
            { err: error },
            'the files could not be taken up; they are looked at again in a minute',
          );
          return [`nothing was taken up: ${formatError(error)}`];
        });
      before = mine;
      return mine;
    },
  };
}
