import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { hasSshd, startSftp } from '../../sandbox/deliveries/sftp.ts';
import { conditionsOf } from '../../src/alerts/conditions/index.ts';
import { createFactsReader } from '../../src/alerts/watch/read-facts.ts';
import { rosterSource } from '../../src/config/roster-source.ts';
import { changed, people, toCsv } from '../support/company.ts';
import { type Keyring, openKeyring, whyNoGnupg } from '../support/gnupg.ts';
import { openSparkwiseCompany } from '../support/harness.ts';
import { readFrom, tempFolder } from '../roster/reading.ts';

vi.setConfig({ testTimeout: 120_000 });

if (whyNoGnupg !== null)
  process.stderr.write(
    `skipped: an encrypted roster by the command line: ${whyNoGnupg}. Messages made beforehand are read elsewhere.\n`,
  );

describe.skipIf(whyNoGnupg !== null)('a roster encrypted by GnuPG', () => {
  let ring: Keyring;
  beforeAll(async () => {
    ring = await openKeyring();
    const made = new Date(Date.now() - 86_400_000).toISOString();
    await ring.make('rollcall', { algorithm: 'ecc', passphrase: 'unlock me', made });
    await ring.make('hr', {
      algorithm: 'ecc',
      made,
      expires: new Date(Date.now() + 20 * 86_400_000).toISOString().slice(0, 10),
    });
    await ring.make('next', {
      algorithm: 'ecc',
      made,
      expires: new Date(Date.now() + 100 * 86_400_000).toISOString().slice(0, 10),
    });
    await ring.make('stranger', { algorithm: 'ecc', made });
  }, 60_000);
  afterAll(async () => {
    await ring?.[Symbol.asyncDispose]();
  });

  test('goes through as it was signed; of one that is not, nothing is acted upon', async () => {
    const everyone = people(40);
    const leavers = changed(
      everyone,
      Object.fromEntries(everyone.slice(0, 2).map((row) => [row.id, { status: 'Terminated' }])),
    );
    await using company = await openSparkwiseCompany({
      backend: 'embedded',
      rows: everyone,
      roster: {
        source: './roster.csv.pgp',
        decrypt: {
          privateKey: `\${file:rollcall.asc}`,
          passphrase: `\${file:passphrase}`,
          signedBy: `\${file:hr.asc}`,
        },
      },
    });
    const put = (name: string, content: string | Buffer): void =>
      writeFileSync(join(company.folder, name), content);
    put('rollcall.asc', await ring.secretKey('rollcall'));
    put('passphrase', 'unlock me\n');
    put('hr.asc', await ring.publicKey('hr'));

    put(
      'roster.csv.pgp',
      await ring.write(gzipSync(toCsv(everyone)), { to: ['rollcall'], signedBy: ['hr'] }),
    );
    const check = await company.rollcall('check', '--quick');
    expect(check.exit, check.out).toBe(0);
    expect(check.out).toMatch(/encrypted with OpenPGP \(aes256\), signed by [0-9A-F]{40} on 20/);
    expect(check.out).toMatch(/keys: privateKey [0-9A-F]{40} has no end, signedBy [0-9A-F]{40} ends 20/);
    expect(check.out).toMatch(
      /warning: roster\.decrypt\.signedBy: the key [0-9A-F]{40} ends on 20\S+, and from then on the roster is not read/,
    );
    expect(await company.rollcall('sync', '--yes', '--json')).toMatchObject({
      exit: 0,
      json: { runs: [{ applied: { create: 40 } }] },
    });

    // On-call hears of it, too, until the next key is there beside it: of several the last counts.
    const told = async () => {
      const { store, customer } = await company.opened();
      const read = createFactsReader(store);
      const at = async (days: number) => {
        const nowMs = Date.now() + days * 86_400_000;
        const { facts, nextMs } = await read(customer, nowMs, nowMs);
        return { conditions: conditionsOf(facts), nextMs };
      };
      return { now: await at(0), later: await at(21) };
    };
    const ending = {
      kind: 'ROSTER_KEY_ENDS',
      platform: null,
      subject: 'signedBy',
      summary: expect.stringMatching(
        /^The OpenPGP key of whoever signs the roster \([0-9A-F]{40}\) ends on 20/,
      ),
    };
    expect(await told()).toMatchObject({ now: { conditions: [ending] }, later: { conditions: [ending] } });
    put('hr.asc', `${await ring.publicKey('hr')}\n${await ring.publicKey('next')}`);
    await company.configure({});
    const { now } = await told();
    expect(now.conditions).toEqual([]);
    // It is looked at again when the next one is near its end.
    expect((now.nextMs ?? 0) - Date.now()).toBeGreaterThan(60 * 86_400_000);
    put('hr.asc', await ring.publicKey('hr'));
    await company.configure({});

    const text = toCsv(leavers);
    const good = await ring.write(text, { to: ['rollcall'], signedBy: ['hr'] });
    const tampered = Buffer.from(good);
    tampered[good.length - 100] = (good[good.length - 100] ?? 0) ^ 1;
    const refused: readonly (readonly [what: string, content: string | Buffer, code: string])[] = [
      ['unsigned', await ring.write(text, { to: ['rollcall'] }), 'ROSTER_SIGNATURE'],
      [
        'signed by somebody else',
        await ring.write(text, { to: ['rollcall'], signedBy: ['stranger'] }),
        'ROSTER_SIGNATURE',
      ],
      [
        'encrypted to somebody else',
        await ring.write(text, { to: ['stranger'], signedBy: ['hr'] }),
        'ROSTER_DECRYPT',
      ],
      ['not encrypted', text, 'ROSTER_DECRYPT'],
      ['changed on its way', tampered, 'ROSTER_DECRYPT'],
      ...[2, 5, 7].map(
        (eighth) =>
          [
            `cut after ${eighth} eighths`,
            good.subarray(0, (good.length * eighth) / 8),
            'ROSTER_DECRYPT',
          ] as const,
      ),
    ];
    for (const [what, content, code] of refused) {
      company.sandbox.clearLog();
      put('roster.csv.pgp', content);
      const ended = await company.rollcall('sync', '--yes', '--json');
      expect(ended, what).toMatchObject({
        exit: 1,
        json: { runs: [{ status: 'failed', reasons: [{ code }] }] },
      });
      expect(ended.out + ended.err, what).not.toMatch(/@example\.com|Okafor|unlock me/);
      expect(
        company.sandbox.log.filter(({ kind }) => kind === 'write'),
        what,
      ).toEqual([]);
    }

    put('roster.csv.pgp', good);
    expect(await company.rollcall('sync', '--yes', '--json')).toMatchObject({
      exit: 0,
      json: { runs: [{ applied: { deactivate: 2 } }] },
    });
    expect(company.logged()).not.toMatch(/@example\.com|Okafor|unlock me/);
  });

  test.skipIf(!hasSshd)('over SFTP: what stands on the disk is what was sent', async () => {
    const server = await startSftp();
    try {
      const message = await ring.write(toCsv(people(40)), {
        to: ['rollcall'],
        signedBy: ['hr'],
        armour: true,
      });
      server.put('roster.csv.asc', message.toString('latin1'), Date.now());
      const source = rosterSource.parse({
        type: 'sftp',
        host: '127.0.0.1',
        settle: '1ms',
        port: server.port,
        user: server.user,
        hostKey: server.hostKey,
        privateKey: server.keys.known,
        path: join(server.folder, 'roster.csv.asc'),
      });
      await using folder = await tempFolder();
      const seen = new Set<string>();
      const { people: read, proof } = await readFrom(
        'unused',
        {
          source,
          columns: { id: 'WorkerID', email: 'WorkEmail', status: 'WorkerStatus' },
          decrypt: {
            privateKey: await ring.secretKey('rollcall'),
            passphrase: 'unlock me',
            signedBy: await ring.publicKey('hr'),
          },
        },
        {
          delivery: { inbox: folder.path, retryBaseMs: 1, settleMs: 1 },
          onPerson: () => {
            // In the middle of the reading.
            for (const name of readdirSync(folder.path))
              seen.add(readFileSync(join(folder.path, name), 'latin1'));
          },
        },
      );
      expect(read).toHaveLength(40);
      expect(proof.complete).toBe(true);
      expect([...seen]).toEqual([message.toString('latin1')]);
      expect(await readdir(folder.path)).toEqual([]);
    } finally {
      await server.close();
    }
  });
});
