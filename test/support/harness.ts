import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Sandbox } from '../../sandbox/server.ts';
import { type SparkwiseOptions, sparkwiseApiKey, startSparkwise } from '../../sandbox/sparkwise/index.ts';
import type { SparkwiseState } from '../../sandbox/sparkwise/state.ts';
import { parseArguments } from '../../src/cli/arguments.ts';
import { commands } from '../../src/cli/commands.ts';
import type { Cli, Opened } from '../../src/cli/context.ts';
import { loadOne, openAll } from '../../src/cli/open.ts';
import type { RunReport } from '../../src/actions/run-report.ts';
import { RollcallError } from '../../src/errors.ts';
import { createLog } from '../../src/log.ts';
import type { Patience } from '../../src/providers/rate-limit.ts';
import { type Backend, type BackendName, openBackend } from './backends.ts';
import { columns, people, type Row, toCsv } from './company.ts';
import { processEnv } from './memory-disk.ts';
import { endServer, makeDataDir } from './template.ts';

const mainFile = fileURLToPath(new URL('../../src/main.js', import.meta.url));

/** How a command ended. `json` is what `--json` printed; `log` everything that was logged. */
export type Ended = {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
  readonly json: unknown;
};

/** A run as `sync --json` or `plan --json --changes` printed it, with the exit status of the command. */
export type RunEnded = RunReport & { readonly exit: number };

/** As much of a sandbox as the company itself needs: it may run in another thread. */
export type AnySandbox = {
  readonly setRate: (rate: number) => void;
  readonly close: () => Promise<void>;
};

/** A platform's sandbox and what the configuration needs to reach it. */
export type TestPlatform<S extends AnySandbox = Sandbox> = {
  readonly sandbox: S;
  readonly block: Readonly<Record<string, unknown>>;
};

/** The time as Rollcall sees it. Real until it is set; then it stands still until it is moved. */
export type Clock = {
  readonly now: () => number;
  readonly set: (iso: string) => void;
  readonly advance: (ms: number) => void;
};

export type CompanyOptions = {
  readonly backend: BackendName;
  /** Made beforehand (to be shared or restarted); by default a fresh one of `backend`, stopped with the company. */
  readonly on?: Backend;
  readonly rows?: readonly Row[];
  /** Keys of `roster:` besides source and columns. */
  readonly roster?: Readonly<Record<string, unknown>>;
  /** Keys of the platform's block. */
  readonly platform?: Readonly<Record<string, unknown>>;
  /** Top-level keys. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Requests a second of sandbox and configuration; the default is fast, and still a limit. */
  readonly rate?: number;
  readonly clock?: string;
  /** How long 429s are waited for; by default as the product does. */
  readonly limits?: Patience;
  /** What processes of their own are started by: a command that runs the one behind it. */
  readonly startedBy?: () => readonly string[];
  /** Environment of processes of their own. */
  readonly env?: Readonly<Record<string, string>>;
  /** Keep what is logged, for `logged()`. Default true; where memory is measured it must not grow by it. */
  readonly keepLog?: boolean;
};

export type Company<S extends AnySandbox = Sandbox> = {
  readonly folder: string;
  readonly configFile: string;
  readonly backend: Backend;
  readonly sandbox: S;
  readonly clock: Clock;
  /** Everything logged by commands in this process, and by child processes. */
  readonly logged: () => string;
  /** Writes the export; by default as new as the clock says. */
  readonly export: (rows: readonly Row[] | string, options?: { readonly ageMs?: number }) => Promise<void>;
  readonly configure: (changes: ConfigChanges) => Promise<void>;
  /** A command in this process; store and queues stay open between commands. */
  readonly rollcall: (...args: readonly string[]) => Promise<Ended>;
  readonly sync: (...args: readonly string[]) => Promise<RunEnded>;
  readonly plan: () => Promise<RunEnded>;
  /** A command in a process of its own; what this process has open is closed first. */
  readonly spawn: (...args: readonly string[]) => Promise<Child>;
  /** The service in a process of its own, beside what this process has open: for servers that several may use. */
  readonly start: () => Promise<Child>;
  readonly opened: () => Promise<Opened>;
  readonly close: () => Promise<void>;
  readonly [Symbol.asyncDispose]: () => Promise<void>;
};

export type ConfigChanges = Pick<CompanyOptions, 'roster' | 'platform' | 'config'>;

/** A running `rollcall`. */
export type Child = {
  /** Sends a signal and waits for nothing: for SIGSTOP and SIGCONT. */
  readonly signal: (signal: NodeJS.Signals) => void;
  readonly kill: (signal?: NodeJS.Signals) => Promise<void>;
  readonly ended: Promise<Ended>;
};

/** Tests need not wait for a platform to recover: it does as soon as it is told to. */
const batchBackoffMs = 200;

/** Name of the one platform of a test company. */
export const platformName = 'academy';

function createClock(start: string | undefined): Clock {
  let atMs = start === undefined ? null : Date.parse(start);
  return {
    now: () => atMs ?? Date.now(),
    set: (iso) => {
      atMs = Date.parse(iso);
    },
    advance: (ms) => {
      atMs = (atMs ?? Date.now()) + ms;
    },
  };
}

/** A company with an export, a configuration and one platform. Everything is gone with it (`await using`). */
export async function openCompany<S extends AnySandbox>(
  options: CompanyOptions,
  platform: TestPlatform<S>,
): Promise<Company<S>> {
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-company-'));
  const configFile = join(folder, 'rollcall.yaml');
  const backend = options.on ?? (await openBackend(options.backend));
  const clock = createClock(options.clock);
  const logChunks: string[] = [];
  const keepLog = (chunk: string): void => {
    if (options.keepLog !== false) logChunks.push(chunk);
  };
  const { sandbox } = platform;
  const rate = options.rate ?? defaultRate;
  let changes: ConfigChanges = options;
  let opened: Promise<Opened> | undefined;
  const children = new Set<ChildProcess>();

  const cli = (out: PassThrough, err: PassThrough): Cli => ({
    out,
    err,
    isTerminal: false,
    env: {},
    redisUrl: backend.redisUrl,
    databaseUrl: backend.databaseUrl,
    log: createLog({ level: 'debug', destination: { write: keepLog } }),
    signal: new AbortController().signal,
    now: clock.now,
    batchBackoffMs,
    retryBaseMs,
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    ask: async () => false,
  });

  async function configure(next: ConfigChanges): Promise<void> {
    changes = {
      roster: { ...changes.roster, ...next.roster },
      platform: { ...changes.platform, ...next.platform },
      config: { ...changes.config, ...next.config },
    };
    const { location, ...fields } = columns;
    const document = {
      customer: 'harbour',
      dataDir: './data',
      roster: {
        source: './roster.csv',
        columns: fields,
        attributes: [location],
        state: [
          { is: 'terminated', when: 'person.status == "Terminated"' },
          { is: 'leave', when: 'person.status == "On leave"' },
          { is: 'active', when: 'person.status == "Active"' },
        ],
        ...changes.roster,
      },
      platforms: {
        [platformName]: { mode: 'full', rate: `${rate}/s`, ...platform.block, ...changes.platform },
      },
      ...changes.config,
    };
    // JSON is YAML.
    await writeFile(configFile, JSON.stringify(document, null, 2));
    await close();
  }

  async function close(): Promise<void> {
    const open = opened;
    opened = undefined;
    await (await open?.catch(() => undefined))?.close();
  }

  async function rollcall(...args: readonly string[]): Promise<Ended> {
    const [name = '', ...rest] = args;
    const [out, outText] = collected();
    const [err, errText] = collected();
    const world = cli(out, err);
    let exit: number;
    try {
      const load = commands[name];
      if (load === undefined) throw new Error(`no command ${name}`);
      const command = await load();
      const parsed = parseArguments(name, command, [...rest, '-c', configFile]);
      exit = await command.run(world, parsed, () => {
        opened ??= loadOne(world, parsed)
          .then((config) => openAll(world, [config], name, { withQueue: true }))
          .catch((error: unknown) => {
            opened = undefined;
            throw error;
          });
        return opened;
      });
    } catch (error) {
      if (!(error instanceof RollcallError)) throw error;
      err.write(`${error.code}: ${error.message}\n`);
      exit = error.exitCode;
    }
    return asEnded(exit, outText(), errText());
  }

  async function one(name: string, args: readonly string[]): Promise<RunEnded> {
    const ended = await rollcall(name, '--json', ...args);
    return firstRun(ended);
  }

  function spawned(args: readonly string[]): Child {
    const line = [...(options.startedBy?.() ?? []), process.execPath, mainFile, ...args, '-c', configFile];
    const child = spawn(line[0] ?? process.execPath, line.slice(1), {
      env: {
        ...processEnv(),
        ...options.env,
        ...(backend.redisUrl === undefined ? {} : { REDIS_URL: backend.redisUrl }),
        ...(backend.databaseUrl === undefined ? {} : { DATABASE_URL: backend.databaseUrl }),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    children.add(child);
    let out = '';
    let err = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString();
      keepLog(chunk.toString());
    });
    const ended = new Promise<Ended>((done) => {
      child.once('close', (code) => {
        children.delete(child);
        done(asEnded(code ?? -1, out, err));
      });
    });
    return {
      ended,
      signal: (signal) => void child.kill(signal),
      kill: async (signal = 'SIGKILL') => {
        child.kill(signal);
        await ended;
      },
    };
  }

  const company: Company<S> = {
    folder,
    configFile,
    backend,
    sandbox,
    clock,
    logged: () => logChunks.join(''),
    export: async (rows, { ageMs = 0 } = {}) => {
      const file = join(folder, 'roster.csv');
      await writeFile(file, typeof rows === 'string' ? rows : toCsv(rows));
      const at = new Date(clock.now() - ageMs);
      await utimes(file, at, at);
    },
    configure,
    rollcall,
    sync: (...args) => one('sync', args),
    plan: () => one('plan', ['--changes']),
    spawn: async (...args) => {
      await close();
      return spawned(args);
    },
    start: async () => spawned(['start']),
    opened: async () => {
      if (opened === undefined) await rollcall('plan', '--json');
      if (opened === undefined) throw new Error('nothing is open');
      return opened;
    },
    close,
    [Symbol.asyncDispose]: async () => {
      for (const child of children) child.kill('SIGKILL');
      await close();
      if (backend.name === 'embedded') await endServer(join(folder, 'data'));
      if (options.on === undefined) await backend.stop();
      await sandbox.close();
      await rm(folder, { recursive: true, force: true });
    },
  };

  sandbox.setRate(rate);
  if (backend.name === 'embedded') await makeDataDir(join(folder, 'data'));
  await configure({});
  await company.export(options.rows ?? people(defaultSize));
  return company;
}

/** How long back-offs are is tested with the http client. Processes of their own have the product's. */
const retryBaseMs = 20;
/** Fast enough for tests; the sandbox holds to it all the same. */
export const defaultRate = 400;
/** People of a test company: three pages of accounts, and a limit of 22 on deactivations. */
export const defaultSize = 450;

/** A company whose platform is Sparkwise. */
export async function openSparkwiseCompany(
  options: CompanyOptions & { readonly sandbox?: SparkwiseOptions },
): Promise<Company & { readonly state: SparkwiseState }> {
  const { sandbox, state } = await startSparkwise(options.sandbox ?? {});
  const block = { provider: 'sparkwise', baseUrl: sandbox.url, apiKey: sparkwiseApiKey };
  return Object.assign(await openCompany(options, { sandbox, block }), { state });
}

/** A stream and what was written to it. It is read as it comes: a command with much to say waits for its reader. */
function collected(): [PassThrough, () => string] {
  const stream = new PassThrough();
  let text = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    text += chunk;
  });
  return [stream, () => text + (stream.read() ?? '')];
}

function asEnded(exit: number, out: string, err: string): Ended {
  let json: unknown;
  try {
    json = JSON.parse(out);
  } catch {
    json = undefined;
  }
  return { exit, out, err, json };
}

/** The one run that a command reported. */
export function firstRun(ended: Ended): RunEnded {
  const { json } = ended;
  const [report] = (json as { runs?: readonly RunReport[] } | undefined)?.runs ?? [];
  if (report === undefined) throw new Error(`exit ${ended.exit}, no run: ${ended.out}${ended.err}`);
  return { ...report, exit: ended.exit };
}
