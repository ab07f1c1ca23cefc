import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { people } from '../support/company.ts';
import { openSparkwiseCompany } from '../support/harness.ts';
import { processEnv } from '../support/memory-disk.ts';

const mainFile = fileURLToPath(new URL('../../src/main.js', import.meta.url));

/** Notes what is loaded, and writes it down at the end. */
const spy = `data:text/javascript,${encodeURIComponent(`
  import { registerHooks } from 'node:module';
  import { writeFileSync } from 'node:fs';
  const urls = [];
  registerHooks({ load: (url, context, next) => (urls.push(url), next(url, context)) });
  process.on('exit', () => writeFileSync(process.env.LOADED_FILE, urls.join('\\n')));
`)}`;

/** The modules that a command line loads in a process of its own, by address. */
async function loaded(folder: string, ...args: readonly string[]): Promise<readonly string[]> {
  const file = join(folder, 'loaded');
  await new Promise<void>((done, fail) => {
    execFile(
      process.execPath,
      ['--import', spy, mainFile, ...args],
      { env: { ...processEnv(), LOADED_FILE: file } },
      (error, _out, err) => (error === null ? done() : fail(new Error(err))),
    );
  });
  return (await readFile(file, 'utf8')).split('\n');
}

const packagesOf = (urls: readonly string[]): ReadonlySet<string> =>
  new Set(urls.flatMap((url) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? []));

/** What the queue, the pages, requests, and deliveries and alerts of a kind are made of; BullMQ alone brings 300 modules. */
const heavy = [
  'bullmq',
  'ioredis',
  'fastify',
  '@bull-board/api',
  'prom-client',
  'nodemailer',
  'ssh2-sftp-client',
  // Brings Node's fetch.
  'ky',
  'stream-json',
  'saxes',
  'yauzl',
];

// A command is as fast as what it loads is little. Counted, not timed: a clock says more of the machine.
test('a command loads what it needs: those that ask the store, nothing of queue and pages; help, next to nothing', async () => {
  await using company = await openSparkwiseCompany({ backend: 'embedded', rows: people(3) });
  const help = await loaded(company.folder, '--help');
  expect(help.length).toBeLessThan(90);
  // Types are stripped by a compiler of its own, which a start that finds all of it in the cache never loads.
  expect(help[0]).toMatch(/main\.js$/);
  expect(help.filter((url) => url === 'node:http')).toEqual([]);
  for (const args of [['status'], ['runs'], ['explain', people(1)[0]?.id ?? ''], ['schedule']]) {
    const urls = await loaded(company.folder, ...args, '-c', company.configFile);
    const packages = packagesOf(urls);
    expect(packages).toContain('pg');
    expect(
      heavy.filter((name) => packages.has(name)),
      args[0],
    ).toEqual([]);
    if (args[0] !== 'explain') expect(packages, args[0]).not.toContain('csv-parse');
    expect(urls.length, args[0]).toBeLessThan(args[0] === 'explain' ? 840 : 770);
  }
});
