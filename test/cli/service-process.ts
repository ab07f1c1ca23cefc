import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { webhookReceiver } from '../../sandbox/receivers/index.ts';
import { type Sandbox, startSandbox } from '../../sandbox/server.ts';
import { sparkwiseApiKey } from '../../sandbox/sparkwise/index.ts';
import { columns, people, toCsv } from '../support/company.ts';
import { processEnv } from '../support/memory-disk.ts';
import { endServer, makeDataDir } from '../support/template.ts';
import { until } from '../support/until.ts';

const mainFile = fileURLToPath(new URL('../../src/main.js', import.meta.url));
const webhookSecret = 'a secret of thirty-two characters';
/** The token of whoever runs the service. */
export const operatorToken = 'the-operator-of-the-whole-service-0001';

/** A process of `rollcall`. */
export type Process = {
  readonly out: () => string;
  readonly err: () => string;
  readonly ended: Promise<number | null>;
  readonly kill: (signal: NodeJS.Signals) => void;
};

export type ProcessOptions = {
  readonly env?: Readonly<Record<string, string>>;
  /** An open file that standard error goes to. */
  readonly stderr?: number;
  /** Options of Node's. */
  readonly node?: readonly string[];
};

/** A folder of customers, and processes on it. */
export type Folder = {
  readonly path: string;
  /** What the operator's channel was sent: `begin CUSTOMER_LEFT_OUT`. */
  readonly heard: () => readonly string[];
  /** The messages themselves. */
  readonly told: () => readonly Readonly<Record<string, unknown>>[];
  readonly write: (name: string, content: object | string) => Promise<void>;
  readonly remove: (name: string) => Promise<void>;
  /** `operator.yaml` with a channel and a token, and what else is given. */
  readonly writeOperator: (more?: object) => Promise<void>;
  readonly rollcall: (...args: readonly string[]) => Process;
  /** The same in an environment with more in it, or with its log somewhere else. */
  readonly rollcallIn: (instead: ProcessOptions, ...args: readonly string[]) => Process;
  /** The same to its end. */
  readonly run: (
    ...args: readonly string[]
  ) => Promise<{ readonly exit: number | null; readonly out: string; readonly err: string }>;
  readonly close: () => Promise<void>;
};

export async function openFolder(size = 20): Promise<Folder> {
  const path = await mkdtemp(join(tmpdir(), 'rollcall-customers-'));
  await writeFile(join(path, 'roster.csv'), toCsv(people(size)));
  await makeDataDir(join(path, 'data'));
  const receiver = webhookReceiver(webhookSecret);
  const server: Sandbox = await startSandbox(receiver);
  const children = new Set<ChildProcess>();

  function rollcallIn({ env = {}, stderr, node = [] }: ProcessOptions, ...args: readonly string[]): Process {
    const child = spawn(process.execPath, [...node, mainFile, ...args], {
      cwd: path,
      env: { ...processEnv(), ...env },
      stdio: ['ignore', 'pipe', stderr ?? 'pipe'],
    });
    children.add(child);
    const text = { out: '', err: '' };
    child.stdout?.on('data', (chunk: Buffer) => {
      text.out += chunk.toString();
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      text.err += chunk.toString();
    });
    const ended = new Promise<number | null>((done) => {
      child.once('close', (code) => {
        children.delete(child);
        done(code);
      });
    });
    return { out: () => text.out, err: () => text.err, ended, kill: (signal) => void child.kill(signal) };
  }

  const rollcall = (...args: readonly string[]): Process => rollcallIn({}, ...args);
  return {
    path,
    heard: () =>
      (receiver.state as unknown as readonly { event: string; kind: string }[]).map(
        ({ event, kind }) => `${event} ${kind}`,
      ),
    write: async (name, content) => {
      await writeFile(join(path, name), typeof content === 'string' ? content : JSON.stringify(content));
      await chmod(join(path, name), 0o600);
    },
    remove: (name) => rm(join(path, name)),
    writeOperator: (more = {}) =>
      writeFile(
        join(path, 'operator.yaml'),
        JSON.stringify({
          control: {
            listen: '127.0.0.1:0',
            tokens: [{ name: 'operator', role: 'operator', token: operatorToken }],
          },
          alerts: {
            channels: [{ type: 'webhook', url: `${server.url}/alerts`, secret: webhookSecret }],
          },
          ...more,
        }),
      ),
    rollcall,
    rollcallIn,
    told: () => receiver.state,
    run: async (...args) => {
      const child = rollcall(...args);
      const exit = await child.ended;
      return { exit, out: child.out(), err: child.err() };
    },
    close: async () => {
      for (const child of children) child.kill('SIGKILL');
      await endServer(join(path, 'data'));
      await server.close();
      await rm(path, { recursive: true, force: true });
    },
  };
}

/** A customer with one platform. */
export function customerOf(
  baseUrl: string,
  more: { platform?: object; [key: string]: unknown } = {},
): object {
  const { location: _location, ...fields } = columns;
  const { platform, ...top } = more;
  return {
    dataDir: './data',
    roster: {
      source: './roster.csv',
      columns: fields,
      state: [
        { is: 'terminated', when: 'person.status == "Terminated"' },
        { is: 'active', when: 'person.status == "Active"' },
      ],
    },
    platforms: {
      academy: {
        provider: 'sparkwise',
        mode: 'full',
        baseUrl,
        apiKey: sparkwiseApiKey,
        rate: '50/s',
        ...platform,
      },
    },
    ...top,
  };
}

/** A service that has started, and how to ask its control API. */
export function startService(folder: Folder, ...args: readonly string[]) {
  return startServiceIn(folder, {}, ...args);
}

/** The same in a process of another kind. */
export async function startServiceIn(folder: Folder, options: ProcessOptions, ...args: readonly string[]) {
  const service = folder.rollcallIn(options, 'start', ...args);
  await until('the service to start', () => service.err().includes('service started'));
  const url = /"url":"(http:[^"]+)"/.exec(service.err())?.[1] ?? '';
  const get = async (path: string, token?: string, type = 'application/json') => {
    const headers = { accept: type, ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) };
    const answer = await fetch(`${url}${path}`, { headers, redirect: 'manual' });
    return { status: answer.status, text: await answer.text() };
  };
  return { ...service, get };
}
