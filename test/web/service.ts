import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { Sandbox } from '../../sandbox/server.ts';
import { sparkwiseApiKey, startSparkwise } from '../../sandbox/sparkwise/index.ts';
import type { Cli, Opened } from '../../src/cli/context.ts';
import { openAll } from '../../src/cli/open.ts';
import { loadConfig } from '../../src/config.ts';
import { createLog } from '../../src/log.ts';
import { providerRegistry } from '../../src/providers/registry.ts';
import type { Run } from '../../src/store/run-lookups.ts';
import { type ControlServer, createControlServer } from '../../src/web/server.ts';
import { controlSettingsOf } from '../../src/web/tokens.ts';
import { columns, person, type Row, toCsv } from '../support/company.ts';
import { processEnv } from '../support/memory-disk.ts';
import { makeDataDir } from '../support/template.ts';

const mainFile = fileURLToPath(new URL('../../src/main.js', import.meta.url));

/** Tokens of the test service: two customers, and one token that both have. */
export const tokens = {
  operator: 'alpha-operator-token-of-the-test-000000001',
  viewer: 'alpha-viewer-token-of-the-test-00000000002',
  other: 'beta-operator-token-of-the-test-0000000003',
  both: 'reseller-token-of-the-test-000000000000004',
} as const;

/** When the schedule of the first customer is due. */
export const nextRunMs = Date.parse('2031-05-01T02:00:00Z');

/** What must never be seen outside the store and the reviewer's screen. */
export const canaries = ['Canarina', 'Gelbvogel', 'canary.bird', sparkwiseApiKey, ...Object.values(tokens)];

/** People whose names and emails nobody may see. */
export function canaryPeople(count: number, status = 'Active'): Row[] {
  return Array.from({ length: count }, (_, n) =>
    person(n, {
      firstName: `Canarina${n}`,
      lastName: `Gelbvogel${n}`,
      email: `canary.bird.${n}@example.com`,
      status,
    }),
  );
}

export type TestService = {
  readonly server: ControlServer;
  readonly url: string;
  readonly opened: Opened;
  readonly sandbox: Sandbox;
  /** The configuration of the first customer. */
  readonly file: string;
  readonly logged: () => string;
  readonly get: (path: string, token?: string, headers?: Record<string, string>) => Promise<Response>;
  readonly post: (
    path: string,
    body: unknown,
    token?: string,
    headers?: Record<string, string>,
  ) => Promise<Response>;
  readonly export: (rows: readonly Row[]) => Promise<void>;
  /** A run of the first customer's platform (the academy), to its end. */
  readonly sync: (platform?: string) => Promise<Run>;
  /** The command line in a process of its own. */
  readonly rollcall: (
    args: readonly string[],
    file?: string,
  ) => Promise<{ readonly exit: number; readonly out: string; readonly err: string }>;
  /** Writes another configuration of the first customer. */
  readonly configure: (name: string, control: object) => Promise<string>;
  readonly close: () => Promise<void>;
};

/**
 * A service of two customers on one embedded store, with its control API on a free port. `twoPlatforms`: the first customer
 * has a second platform, the library.
 */
export async function startService(
  rows: readonly Row[],
  options: { readonly twoPlatforms?: boolean; readonly mode?: string } = {},
): Promise<TestService> {
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-web-'));
  const [{ sandbox }, { sandbox: second }, { sandbox: library }] = await Promise.all([
    startSparkwise(),
    startSparkwise(),
    startSparkwise(),
  ]);
  const { location, ...fields } = columns;
  async function configure(name: string, control: object, baseUrl = sandbox.url): Promise<string> {
    const file = join(folder, `${name}.yaml`);
    const document = {
      customer: name.split('-')[0],
      dataDir: './data',
      roster: {
        source: './roster.csv',
        columns: fields,
        attributes: [location],
        state: [
          { is: 'terminated', when: 'person.status == "Terminated"' },
          { is: 'active', when: 'person.status == "Active"' },
        ],
      },
      platforms: {
        [name.startsWith('alpha') ? 'academy' : 'college']: {
          provider: 'sparkwise',
          mode: options.mode ?? 'full',
          baseUrl,
          apiKey: sparkwiseApiKey,
          rate: '400/s',
          schedule: '0 2 * * *',
        },
        ...(options.twoPlatforms === true && name.startsWith('alpha')
          ? {
              library: {
                mode: 'full',
                provider: 'sparkwise',
                baseUrl: library.url,
                apiKey: sparkwiseApiKey,
                rate: '400/s',
              },
            }
          : {}),
      },
      control,
    };
    await writeFile(file, JSON.stringify(document));
    return file;
  }
  const file = await configure('alpha', {
    tokens: [
      { name: 'viewer-a', role: 'viewer', token: tokens.viewer },
      { name: 'operator-a', role: 'operator', token: tokens.operator },
      { name: 'reseller', role: 'operator', token: tokens.both },
    ],
  });
  const otherFile = await configure(
    'beta',
    {
      tokens: [
        { name: 'operator-b', role: 'operator', token: tokens.other },
        { name: 'reseller', role: 'viewer', token: tokens.both },
      ],
    },
    second.url,
  );
  await makeDataDir(join(folder, 'data'));
  const exported = (people: readonly Row[]) => writeFile(join(folder, 'roster.csv'), toCsv(people));
  await exported(rows);
  sandbox.setRate(400);
  library.setRate(400);

  const chunks: string[] = [];
  const cli: Cli = {
    out: new PassThrough(),
    err: new PassThrough(),
    isTerminal: false,
    env: {},
    redisUrl: undefined,
    databaseUrl: undefined,
    log: createLog({ level: 'debug', destination: { write: (line: string) => chunks.push(line) } }),
    signal: new AbortController().signal,
    now: Date.now,
    ask: async () => false,
  };
  const known = { registry: providerRegistry, env: {} };
  const configs = [await loadConfig(file, known), await loadConfig(otherFile, known)];
  const opened = await openAll(cli, configs, 'start');
  await opened.engine.start();
  const server = await createControlServer({
    ...opened,
    ...controlSettingsOf(configs.map(({ customer, control }) => ({ customer, control }))),
    listen: '127.0.0.1:0',
    log: cli.log,
    nextRunMs: (customer) => (customer === 'alpha' ? nextRunMs : null),
  });
  const auth = (token: string | undefined): Record<string, string> =>
    token === undefined ? {} : { authorization: `Bearer ${token}` };

  return {
    server,
    url: server.url,
    opened,
    sandbox,
    file,
    logged: () => chunks.join(''),
    configure,
    get: (path, token, headers = {}) =>
      fetch(`${server.url}${path}`, { headers: { ...auth(token), ...headers }, redirect: 'manual' }),
    post: (path, body, token, headers = {}) =>
      fetch(`${server.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...auth(token), ...headers },
        body: JSON.stringify(body),
        redirect: 'manual',
      }),
    export: exported,
    sync: async (platform = 'academy') => {
      const job = await opened.engine.request({
        customer: 'alpha',
        platform,
        trigger: 'command',
        actor: 'test',
      });
      const result = await opened.engine.result(job, { signal: AbortSignal.timeout(20_000) });
      if (!('run' in result)) throw new Error(`no run: ${JSON.stringify(result)}`);
      return result.run;
    },
    rollcall: async (args, config = file) => {
      const child = spawn(process.execPath, [mainFile, ...args, '-c', config], {
        env: processEnv(),
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let out = '';
      let err = '';
      child.stdout.on('data', (chunk: Buffer) => {
        out += chunk.toString();
      });
      child.stderr.on('data', (chunk: Buffer) => {
        err += chunk.toString();
      });
      const exit = await new Promise<number>((done) => child.once('close', (code) => done(code ?? -1)));
      return { exit, out, err };
    },
    close: async () => {
      await server.close();
      await opened.close();
      await Promise.all([sandbox.close(), second.close(), library.close()]);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
