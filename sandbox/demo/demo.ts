/**
 * The demo: a made-up company of 2,000 people, five training platforms as local servers, and Rollcall between them.
 *
 *   npm run demo [-- FOLDER]
 *
 * It plays in FOLDER (default data/demo), checks every step, and ends with status 1 when one did not go as told.
 */
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { isInUse } from '../../src/store/embedded/server.ts';
import { dayInHr, firstRun, fivePlatforms, halfAnExport, massLeave, type Play } from './chapters.ts';
import { Company, companyName } from './company.ts';
import { onePlatform, secretsOf, startPlatforms } from './platforms.ts';
import { createStage, NotAsTold } from './stage.ts';

/** Requests a second that the local servers take; the real platforms take 5 or 10. */
const rate = 400;
const people = 2_000;
const seed = 7;
/** A folder with this file is the demo's own and may be emptied. */
const marker = '.rollcall-demo';

async function emptyFolder(folder: string): Promise<void> {
  const found = await readdir(folder).catch((): string[] => []);
  if (found.length > 0 && !found.includes(marker))
    throw new NotAsTold(`${folder} is not empty and not the demo's: name another folder.`);
  if (await isInUse(join(folder, 'data'))) throw new NotAsTold(`${folder} is in use by another process.`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, 'hr'), { recursive: true });
  await mkdir(join(folder, 'secrets'), { mode: 0o700 });
  await writeFile(join(folder, marker), '');
}

function farewell(folder: string, play: Play): string {
  const config = `-c ${join(folder, 'rollcall.yaml')}`;
  return `That was all. The local servers are gone; the configuration, the HR exports and Rollcall's database are kept in ${folder}.
Look around there:

  npm run -s rollcall -- runs ${config}
  npm run -s rollcall -- explain ${play.rehired ?? ''} ${config}

Next: README.md for a real configuration, docs/operations.md for a real installation, docs/architecture.md for how it works.`;
}

async function main(): Promise<void> {
  const started = performance.now();
  const home = process.cwd();
  const folder = resolve(process.argv[2] ?? 'data/demo');
  const fromHome = relative(home, folder);
  const shown = fromHome.startsWith('..') ? folder : fromHome;
  await emptyFolder(folder);
  const platforms = await startPlatforms(rate);
  try {
    const stage = createStage({
      out: process.stdout,
      err: process.stderr,
      isTerminal: process.stdout.isTTY === true,
    });
    process.chdir(folder);
    for (const [name, secret] of Object.entries(secretsOf(platforms)))
      await writeFile(join('secrets', name), `${secret}\n`, { mode: 0o600 });
    await writeFile('rollcall.yaml', onePlatform(platforms, rate));
    const company = new Company(seed);
    company.hire(people);
    const play: Play = { stage, platforms, company, rate, exports: 0, rehired: undefined };

    stage.tell(
      `${companyName}, which does not exist, has ${people.toLocaleString('en')} people in an HR export and trains them on Sparkwise, here\n` +
        `a strict local server. "rollcall" stands for "npm run -s rollcall --". Everything happens in ${shown}.`,
    );
    await firstRun(play);
    await dayInHr(play);
    await halfAnExport(play);
    await massLeave(play);
    await fivePlatforms(play);
    stage.tell(farewell(shown, play));
    stage.tell(`(${((performance.now() - started) / 1_000).toFixed(0)} s)`);
  } finally {
    await platforms.close();
  }
}

try {
  await main();
} catch (error) {
  process.exitCode = 1;
  process.stderr.write(
    error instanceof NotAsTold
      ? `\nThe demo did not go as told: ${error.message}\n`
      : `\nThe demo broke: ${error instanceof Error ? error.stack : String(error)}\n`,
  );
}
