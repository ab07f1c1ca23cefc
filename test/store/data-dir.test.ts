import { spawn } from 'node:child_process';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { lockDataDir, lockHolder } from '../../src/store/data-dir.ts';
import { tempFolder } from '../roster/reading.ts';

const source = fileURLToPath(new URL('../../src/store/data-dir.ts', import.meta.url));
const lockFile = 'rollcall.lock';

/** A process that takes the directory, says so, and waits to be ended. */
function holder(folder: string) {
  const script = `import { lockDataDir } from ${JSON.stringify(source)};
    try { await lockDataDir(${JSON.stringify(folder)}, 'start'); console.log('taken'); setInterval(() => undefined, 1000); }
    catch (error) { console.log(error.code); }`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const said = new Promise<string>((resolve) =>
    child.stdout.once('data', (data) => resolve(String(data).trim())),
  );
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return { child, said, ended };
}

const stale = (changes: object): string =>
  JSON.stringify({
    pid: process.pid,
    host: hostname(),
    began: '1',
    since: '2026-01-01T00:00:00.000Z',
    command: 'sync',
    control: null,
    ...changes,
  });

test('a second process is refused, and told who holds it; killed, it makes way', {
  timeout: 30_000,
}, async () => {
  await using folder = await tempFolder();
  const { child, said, ended } = holder(folder.path);
  expect(await said).toBe('taken');
  await expect(lockDataDir(folder.path, 'sync')).rejects.toMatchObject({
    code: 'DATA_DIR_LOCKED',
    message: expect.stringMatching(new RegExp(`process ${child.pid} on .* \\(start\\)`)),
  });
  child.kill('SIGKILL');
  await ended;
  const lock = await lockDataDir(folder.path, 'sync');
  expect(await lockHolder(folder.path)).toMatchObject({ pid: process.pid, command: 'sync' });
  await lock.release();
  expect(await lockHolder(folder.path)).toBeNull();
  expect(await readdir(folder.path)).toEqual([]);
});

test('the same process is refused too', async () => {
  await using folder = await tempFolder();
  const lock = await lockDataDir(folder.path, 'start');
  await expect(lockDataDir(folder.path, 'sync')).rejects.toMatchObject({ code: 'DATA_DIR_LOCKED' });
  await lock.release();
});

test('a process id that another process has by now is no holder', async () => {
  await using folder = await tempFolder();
  await writeFile(join(folder.path, lockFile), stale({ began: '1' }));
  const lock = await lockDataDir(folder.path, 'sync');
  await lock.release();
});

test('a lock of another machine is respected, and the message says how to be rid of it', async () => {
  await using folder = await tempFolder();
  await writeFile(join(folder.path, lockFile), stale({ host: 'elsewhere', pid: 1 }));
  await expect(lockDataDir(folder.path, 'sync')).rejects.toMatchObject({
    code: 'DATA_DIR_LOCKED',
    hint: expect.stringContaining(lockFile),
  });
});

test('half a lock, left by a full disk, is taken away', async () => {
  await using folder = await tempFolder();
  await writeFile(join(folder.path, lockFile), '{"pid":');
  await (await lockDataDir(folder.path, 'sync')).release();
});

test('a lock that somebody else took over is not released by us', async () => {
  await using folder = await tempFolder();
  const lock = await lockDataDir(folder.path, 'sync');
  await writeFile(join(folder.path, lockFile), stale({ host: 'elsewhere' }));
  await lock.release();
  expect(await lockHolder(folder.path)).toMatchObject({ host: 'elsewhere' });
});

test('a service tells where its control API is', async () => {
  await using folder = await tempFolder();
  const lock = await lockDataDir(folder.path, 'start');
  await lock.announce('127.0.0.1:7654');
  expect(await lockHolder(folder.path)).toMatchObject({ control: '127.0.0.1:7654' });
  await expect(lockDataDir(folder.path, 'sync')).rejects.toMatchObject({
    hint: expect.stringContaining('127.0.0.1:7654'),
  });
  await lock.release();
  expect(await readdir(folder.path)).toEqual([]);
});

test('of many that come at once over a dead lock, exactly one gets it', { timeout: 60_000 }, async () => {
  await using folder = await tempFolder();
  await writeFile(join(folder.path, lockFile), stale({ pid: 2 ** 22 - 1 }));
  const rivals = Array.from({ length: 6 }, () => holder(folder.path));
  const said = await Promise.all(rivals.map((rival) => rival.said));
  expect(said.sort()).toEqual([...Array.from({ length: 5 }, () => 'DATA_DIR_LOCKED'), 'taken']);
  expect(JSON.parse(await readFile(join(folder.path, lockFile), 'utf8'))).toMatchObject({ command: 'start' });
  for (const { child } of rivals) child.kill('SIGKILL');
  await Promise.all(rivals.map(({ ended }) => ended));
});
