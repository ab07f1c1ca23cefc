import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { reportUser, startReports } from '../../sandbox/deliveries/https.ts';
import { exampleKeys, startS3 } from '../../sandbox/deliveries/s3.ts';
import { hasSshd, startSftp } from '../../sandbox/deliveries/sftp.ts';
import { parseArguments } from '../../src/cli/arguments.ts';
import { init } from '../../src/cli/commands/init.ts';
import type { Cli } from '../../src/cli/context.ts';
import { loadConfig } from '../../src/config.ts';
import { RollcallError } from '../../src/errors.ts';
import { createLog } from '../../src/log.ts';
import { providerRegistry } from '../../src/providers/registry.ts';
import { people, person, toCsv } from '../support/company.ts';
import { type Keyring, openKeyring, whyNoGnupg } from '../support/gnupg.ts';

// A first configuration of a roster that is fetched, or encrypted, or for somebody at a terminal.

vi.setConfig({ testTimeout: 60_000 });

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'rollcall-init-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Person = { readonly texts: readonly string[]; readonly yes?: boolean };

/** Runs it with that environment; `person` sits at a terminal and answers. */
async function run(args: readonly string[], env: Record<string, string> = {}, person?: Person) {
  const out = new PassThrough({ encoding: 'utf8' });
  const asked: string[] = [];
  const answers = [...(person?.texts ?? [])];
  const cli: Cli = {
    out,
    err: new PassThrough(),
    isTerminal: person !== undefined,
    env,
    redisUrl: undefined,
    databaseUrl: undefined,
    log: createLog({ level: 'silent', destination: { write: () => undefined } }),
    signal: new AbortController().signal,
    now: Date.now,
    retryBaseMs: 5,
    ask: async (question) => {
      asked.push(question);
      return person?.yes === true;
    },
    ...(person === undefined
      ? {}
      : {
          askText: async (question: string) => {
            asked.push(question);
            return answers.shift() ?? '';
          },
        }),
  };
  const file = join(folder, 'rollcall.yaml');
  const parsed = parseArguments('init', init, [...args, '--out', file]);
  const exit = await init
    .run(cli, parsed, () => Promise.reject(new Error('nothing is opened')))
    .catch((error: unknown) => {
      if (!(error instanceof RollcallError)) throw error;
      return `${error.code}: ${error.message} ${error.hint ?? ''}`;
    });
  // Nothing is left behind but what was asked for.
  expect(readdirSync(folder).filter((name) => name.startsWith('.rollcall-init'))).toEqual([]);
  return { exit, said: String(out.read() ?? ''), asked, file, text: () => readFileSync(file, 'utf8') };
}

const csv = toCsv(people(60));
const scim = ['--platform', 'scim', '--force'];
const load = (file: string, env: Record<string, string>) =>
  loadConfig(file, { registry: providerRegistry, env: { SCIM_TOKEN: 'a-token-of-some-length', ...env } });

describe('a roster that is fetched', () => {
  test('https, with a password; what is not set is named, and nothing of a secret is in the file', async () => {
    const reports = await startReports();
    try {
      reports.put(csv);
      const { user, password } = reportUser as { readonly user: string; readonly password: string };
      const address = `${reports.url}/report.csv`.replace('//', `//${encodeURIComponent(user)}@`);
      const unset = await run([address, ...scim]);
      expect(unset.exit).toMatch(/^CONFIG_SECRET_MISSING: .*HR_PASSWORD/);
      const done = await run([address, ...scim], { HR_PASSWORD: password });
      expect(done.exit).toBe(0);
      expect(done.said).toContain('export HR_PASSWORD=…');
      expect(done.text()).toContain(`password: "\${HR_PASSWORD}"`);
      expect(done.text()).not.toContain(password);
      const { roster } = await load(done.file, { HR_PASSWORD: password });
      expect(roster.source).toMatchObject({ type: 'https', auth: { user, password } });
      expect(roster.columns).toMatchObject({ id: 'WorkerID', email: 'WorkEmail', status: 'WorkerStatus' });
      const wrong = await run([address, ...scim], { HR_PASSWORD: 'wrong' });
      expect(wrong.exit).toMatch(/^ROSTER_UNREACHABLE: /);
      const told = await run([`${reports.url}/report.csv`.replace('//', '//jo:secret@'), ...scim]);
      expect(told.exit).toMatch(/^USAGE: the address has a password in it/);
      expect(told.exit).not.toContain('secret');
    } finally {
      await reports.close();
    }
  });

  test('s3', async () => {
    const { put, close, bucket, region, url } = await startS3();
    try {
      put('out/roster-2026-03-02.csv', csv, Date.now() - 3_600_000);
      const address = `s3://${bucket}/out/roster-*.csv?region=${region}&endpoint=${encodeURIComponent(url)}`;
      const env = {
        AWS_ACCESS_KEY_ID: exampleKeys.accessKeyId,
        AWS_SECRET_ACCESS_KEY: exampleKeys.secretAccessKey,
      };
      const done = await run([address, ...scim], env);
      expect(done.exit).toBe(0);
      const { roster } = await load(done.file, env);
      expect(roster.source).toMatchObject({ type: 's3', bucket, path: 'out/roster-*.csv', ...exampleKeys });
      expect(done.text()).not.toContain(exampleKeys.secretAccessKey);
    } finally {
      await close();
    }
  });

  test.skipIf(!hasSshd)(
    'sftp: without the host key the server’s is said, and with it the roster is looked at',
    async () => {
      const { put, close, port, user, hostKey, keys, folder: there } = await startSftp();
      try {
        await put('roster-1.csv', csv, Date.now() - 3_600_000);
        writeFileSync(join(folder, 'id_known'), keys.known, { mode: 0o600 });
        const address = `sftp://${user}@127.0.0.1:${port}${there}/roster-*.csv`;
        const key = ['--ssh-key', join(folder, 'id_known')];
        const unknown = await run([address, ...key, ...scim]);
        expect(unknown.exit).toMatch(/^ROSTER_UNREACHABLE: /);
        expect(unknown.exit).toContain(hostKey);
        const done = await run([address, ...key, '--host-key', hostKey, ...scim]);
        expect(done.exit).toBe(0);
        expect(done.text()).toContain(`privateKey: "\${file:./id_known}"`);
        const { roster } = await load(done.file, {});
        expect(roster.source).toMatchObject({ type: 'sftp', host: '127.0.0.1', port, user, hostKey });
      } finally {
        await close();
      }
    },
  );
});

describe.skipIf(whyNoGnupg !== null)('a roster that is encrypted', () => {
  let ring: Keyring;
  beforeAll(async () => {
    ring = await openKeyring();
    await ring.make('rollcall', { algorithm: 'ecc', passphrase: 'unlock me' });
    await ring.make('hr', { algorithm: 'ecc' });
  }, 60_000);
  afterAll(async () => {
    await ring?.[Symbol.asyncDispose]();
  });

  test('is looked at with its keys, which stand in the file by their names', async () => {
    const at = (name: string): string => join(folder, name);
    writeFileSync(at('roster.csv.pgp'), await ring.write(csv, { to: ['rollcall'], signedBy: ['hr'] }));
    writeFileSync(at('our.asc'), await ring.secretKey('rollcall'));
    writeFileSync(at('hr.asc'), await ring.publicKey('hr'));
    const without = await run([at('roster.csv.pgp'), ...scim]);
    expect(without.exit).toMatch(/^ROSTER_FORMAT: the roster is encrypted \(OpenPGP\)/);
    const keys = ['--pgp-key', at('our.asc'), '--locked', '--signed-by', at('hr.asc')];
    const env = { PGP_PASSPHRASE: 'unlock me' };
    const done = await run([at('roster.csv.pgp'), ...keys, ...scim], env);
    expect(done.exit).toBe(0);
    expect(done.text()).toContain(
      `decrypt: { privateKey: "\${file:./our.asc}", passphrase: "\${PGP_PASSPHRASE}", signedBy: "\${file:./hr.asc}" }`,
    );
    expect((await load(done.file, env)).roster.columns).toMatchObject({ id: 'WorkerID' });
    // Of people, nothing; of keys, neither.
    expect(done.text()).not.toMatch(/Okafor|example\.com|BEGIN PGP|unlock me/);
  });
});

describe('at a terminal', () => {
  test('it asks for the platform, what a status means, and whether to write over a file', async () => {
    const odd = toCsv([
      ...people(50),
      ...people(10, 60).map(({ id }, at) => person(60 + at, { id, status: 'Seconded' })),
    ]);
    writeFileSync(join(folder, 'odd.csv'), odd);
    const roster = join(folder, 'odd.csv');
    const done = await run([roster, '--force'], {}, { texts: ['academy=sparkwise, library=scim', 'Leave'] });
    expect(done.exit).toBe(0);
    expect(done.asked).toEqual([
      expect.stringMatching(/^Which platform \(.*sparkwise.*\)\?$/),
      expect.stringMatching(/^What does the status "Seconded" mean \(10 rows\)/),
    ]);
    expect(done.text()).toMatch(/^ {2}academy:$/m);
    expect(done.text()).toMatch(/^ {2}library:$/m);
    expect(done.text()).toMatch(/^ {4}- \{ is: leave, when: 'person\.status == "Seconded"' \}/m);

    const before = done.text();
    const kept = await run([roster, '--platform', 'scim'], {}, { texts: [], yes: false });
    expect(kept.asked).toEqual([expect.stringMatching(/rollcall\.yaml is there\. Write over it\?$/)]);
    expect(kept.exit).toMatch(/^USAGE: .* is not written over/);
    expect(kept.text()).toBe(before);
    // What is left open is a comment.
    const open = await run([roster, '--platform', 'scim'], {}, { texts: [''], yes: true });
    expect(open.exit).toBe(0);
    expect(open.text()).toMatch(
      /# - \{ is: active \| leave \| preHire \| terminated, when: 'person\.status == "Seconded"'/,
    );
    // Who asks for no questions gets none.
    expect(await run([roster, ...scim, '--yes'], {}, { texts: [] })).toMatchObject({ exit: 0, asked: [] });
  });
});
