import type { Writable } from 'node:stream';
import type { CustomerConfig } from '../config.ts';
import type { Customer } from '../jobs/customer.ts';
import type { Pacer } from '../jobs/pace/pacer.ts';
import type { Queues } from '../jobs/queue/queues.ts';
import type { Engine } from '../jobs/service/engine.ts';
import type { Log } from '../log.ts';
import type { Patience } from '../providers/rate-limit.ts';
import type { Store } from '../store/store.ts';

/** The world as a command sees it: everything that a test may want to give it. */
export type Cli = {
  readonly out: Writable;
  readonly err: Writable;
  /** A person is watching standard output. */
  readonly isTerminal: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The operating system's user. Absent where there is none to name. */
  readonly user?: string | undefined;
  readonly redisUrl: string | undefined;
  readonly databaseUrl: string | undefined;
  readonly log: Log;
  /** Bytes of the log that could not be written. Absent where nobody counts them. */
  readonly lostLogBytes?: () => number;
  readonly signal: AbortSignal;
  readonly now: () => number;
  /** First back-off of a failed read, in ms. Default: the providers' own. */
  readonly retryBaseMs?: number;
  /** First back-off of a failed batch, in ms. Default: the queue's own. */
  readonly batchBackoffMs?: number;
  /** How long 429s are waited for. Default: `patience`. */
  readonly limits?: Patience;
  /** Calls the listener whenever the process is told to look at its configuration again (SIGHUP). Default: never. */
  readonly onHangup?: (listener: () => void) => void;
  /** How often a service looks whether its files have changed, in ms. Default: a minute. */
  readonly lookEveryMs?: number;
  /** Asks a yes-or-no question at the terminal. */
  readonly ask: (question: string) => Promise<boolean>;
  /** Asks for a text at the terminal. Absent where nobody is there. */
  readonly askText?: (question: string) => Promise<string>;
};

/** Everything a command works with, opened; `close` gives it all back. */
export type Opened = {
  readonly customers: readonly Customer[];
  /** The customer of a command that works on one. */
  readonly customer: Customer;
  /** Who asks, for the journal: the operating system's user; `command` where there is none to name. */
  readonly actor: string;
  readonly store: Store;
  readonly queues: Queues;
  readonly engine: Engine;
  readonly close: () => Promise<void>;
};

/** What a service needs besides, to take up configurations while it runs. */
export type OpenedService = Opened & {
  /** Builds a customer on the same pacer. Throws what is wrong with its rules. */
  readonly build: (config: CustomerConfig) => Customer;
  readonly pacer: Pick<Pacer, 'stalled'>;
  /** Where the embedded database is, where there is one. */
  readonly dataDir: string;
};

/** A command's end: what the process exits with. */
export type ExitStatus = 0 | 1 | 2 | 3 | 4;

/** Opens what a command works on: configuration, store, queues and engine, closed when the command has ended. */
export type Open = () => Promise<Opened>;

/** One command: takes everything from its arguments, and writes only to `cli.out` and `cli.err`. */
export type Command = {
  /** The line of `rollcall help`. */
  readonly usage: string;
  readonly summary: string;
  readonly options: Readonly<Record<string, CommandOption>>;
  /** Whether it only shows something: then it has failed when its result cannot be written. */
  readonly does: 'show' | 'act';
  readonly run: (cli: Cli, args: ParsedArguments, open: Open) => Promise<ExitStatus>;
};

/** The commands there are, each loaded when it is asked for. */
export type CommandTable = Readonly<Record<string, () => Promise<Command>>>;

export type CommandOption = {
  readonly type: 'string' | 'boolean';
  readonly multiple?: boolean;
  readonly short?: string;
  readonly help: string;
};

export type ParsedArguments = {
  readonly positionals: readonly string[];
  readonly text: (name: string) => string | undefined;
  readonly texts: (name: string) => readonly string[];
  readonly flag: (name: string) => boolean;
};
