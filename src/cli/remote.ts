import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { hostname } from 'node:os';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import type { CustomerConfig } from '../config/schema.ts';
import { type ErrorCode, errorCodes, RollcallError } from '../errors.ts';
import type { LockHolder } from '../store/data-dir.ts';
import { commonOptions } from './arguments.ts';
import type { Cli, Command, CommandOption, ExitStatus } from './context.ts';

/** A command line that goes to a running service. */
export type RemoteCommand = {
  readonly name: string;
  readonly command: Command;
  /** As typed, without the command's name. */
  readonly args: readonly string[];
  readonly config: CustomerConfig;
  /** The service that holds the data directory. */
  readonly holder: LockHolder;
};

type Line = {
  readonly out?: string;
  readonly err?: string;
  readonly exit?: number;
  readonly ask?: string;
  readonly question?: string;
};

type Service = { readonly url: string; readonly token: string; readonly customer: string };

/**
 * Runs a command in the service that holds the embedded database, and prints here what it prints there. Questions are
 * asked here.
 *
 * @throws RollcallError DATA_DIR_LOCKED when the configuration has no token for it; SERVICE_UNREACHABLE when the service
 * does not answer, or stops in between; otherwise what the service refused the command with
 */
export async function runRemote(cli: Cli, remote: RemoteCommand): Promise<ExitStatus> {
  const service = serviceOf(remote);
  const response = await post(cli, service, '/api/command', {
    name: remote.name,
    args: forwardedArguments(remote.command, remote.args),
    customer: remote.config.customer,
    terminal: cli.isTerminal,
  });
  try {
    for await (const typed of createInterface({ input: response, crlfDelay: Number.POSITIVE_INFINITY })) {
      const line = JSON.parse(typed) as Line;
      if (line.out !== undefined) cli.out.write(line.out);
      if (line.err !== undefined) cli.err.write(line.err);
      if (line.exit !== undefined) return line.exit as ExitStatus;
      if (line.ask !== undefined) {
        const yes = await cli.ask(line.ask);
        (await post(cli, service, `/api/command/${line.question}/answer`, { yes })).resume();
      }
    }
  } catch (error) {
    cli.signal.throwIfAborted();
    if (error instanceof RollcallError) throw error;
    throw unreachable(service.url, 'ended the connection before the command was done', error);
  } finally {
    // Whoever stops listening stops the command.
    response.destroy();
  }
  cli.signal.throwIfAborted();
  throw unreachable(service.url, 'ended the connection before the command was done');
}

function serviceOf({ config, holder }: RemoteCommand): Service {
  if (holder.control === null) throw new RollcallError('SERVICE_UNREACHABLE', 'the service has no address.');
  if (holder.host !== hostname()) {
    throw new RollcallError(
      'SERVICE_UNREACHABLE',
      `a service on ${holder.host} uses the data directory since ${holder.since}.`,
      { place: { file: config.dataDir }, hint: `Run the command on ${holder.host}.` },
    );
  }
  const { tokens } = config.control;
  const chosen = tokens.find(({ role }) => role === 'operator') ?? tokens[0];
  if (chosen === undefined) {
    throw new RollcallError(
      'DATA_DIR_LOCKED',
      `process ${holder.pid} (${holder.command}) has used the data directory since ${holder.since}; it takes commands at ${holder.control}, and the configuration has no token for it.`,
      {
        place: { file: config.dataDir },
        hint: 'Add a token to control.tokens and start the service again, or stop the service.',
      },
    );
  }
  return { url: holder.control, token: chosen.token, customer: config.customer };
}

/** The arguments without those that say which configuration is meant: the service has read its own. */
export function forwardedArguments(command: Command, args: readonly string[]): readonly string[] {
  const known: Record<string, CommandOption> = { ...commonOptions, ...command.options };
  const { tokens } = parseArgs({
    args: [...args],
    allowPositionals: true,
    strict: false,
    tokens: true,
    options: Object.fromEntries(
      Object.entries(known).map(([name, { type, short }]) => [
        name,
        { type, ...(short === undefined ? {} : { short }) },
      ]),
    ),
  });
  const options: string[] = [];
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind === 'option' && token.name !== 'config')
      options.push(token.value === undefined ? `--${token.name}` : `--${token.name}=${token.value}`);
  }
  return positionals.length === 0 ? options : [...options, '--', ...positionals];
}

/** Sends JSON and gives the answer once it has begun. No time limit: a run may say nothing for a long while. */
async function post(cli: Cli, service: Service, path: string, body: object): Promise<IncomingMessage> {
  const json = JSON.stringify(body);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    const request: ClientRequest = httpRequest(new URL(path, service.url), {
      method: 'POST',
      headers: {
        authorization: `Bearer ${service.token}`,
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(json),
      },
      signal: cli.signal,
      agent: false,
    });
    request.on('response', resolve);
    request.on('error', reject);
    request.end(json);
  }).catch((error: unknown) => {
    cli.signal.throwIfAborted();
    throw unreachable(service.url, 'does not answer', error);
  });
  if (response.statusCode === 200) return response;
  throw refusalOf(service, response.statusCode ?? 0, await text(response).catch(() => ''));
}

function unreachable(url: string, what: string, cause?: unknown): RollcallError {
  return new RollcallError('SERVICE_UNREACHABLE', `the service at ${url} ${what}.`, {
    hint: 'See its log; rollcall status says whether it is back.',
    cause,
  });
}

function refusalOf({ url, customer }: Service, status: number, body: string): RollcallError {
  const { code, message, hint } = errorIn(body);
  if (status === 401) {
    return new RollcallError('CONFIG_INVALID', `the service at ${url} does not know the token.`, {
      place: { key: 'control.tokens' },
      hint: 'It read its tokens when it was started: start it again after changing them.',
    });
  }
  if (code === 'CUSTOMER_UNKNOWN') {
    return new RollcallError('USAGE', `the service at ${url} does not run the customer ${customer}.`, {
      hint: 'It holds the data directory: start it with this configuration file too.',
    });
  }
  if (message === undefined) return unreachable(url, `answered ${status} and nothing that it should`);
  const known = code !== undefined && Object.hasOwn(errorCodes, code) ? (code as ErrorCode) : 'USAGE';
  const busy = status === 503 || status === 429;
  return new RollcallError(busy ? 'SERVICE_UNREACHABLE' : known, message, hint === undefined ? {} : { hint });
}

function errorIn(body: string): {
  readonly code?: string;
  readonly message?: string;
  readonly hint?: string;
} {
  try {
    const { error } = JSON.parse(body) as { error?: Record<string, unknown> };
    const words = (name: string): object =>
      typeof error?.[name] === 'string' ? { [name]: error[name] } : {};
    return { ...words('code'), ...words('message'), ...words('hint') };
  } catch {
    return {};
  }
}
