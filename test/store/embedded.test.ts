import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmodSync, existsSync } from 'node:fs';
import {
  chmod,
  chown,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openEmbedded } from '../../src/store/database.ts';
import { findBinaries } from '../../src/store/embedded/binaries.ts';
import { openServer, type ServerOptions } from '../../src/store/embedded/server.ts';
import { endServer, makeDataDir } from '../support/template.ts';
import { until } from '../support/until.ts';

const run = promisify(execFile);
const isRoot = process.getuid?.() === 0;
const source = fileURLToPath(new URL('../../src/store/database.ts', import.meta.url));
const nobody = 65_534;
/** Users that every Linux has, and that are not root: daemon, bin and sys. */
const [owner, second, stranger] = [1, 2, 3];

let folder: string;
let dataDir: string;
const children = new Set<ChildProcess>();

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rollcall-embedded-'));
  dataDir = join(folder, 'data');
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
  await endServer(dataDir);
  await rm(folder, { recursive: true, force: true });
});

const lockFile = (): string => join(dataDir, 'postgres', 'data', 'postmaster.pid');

async function postmaster(): Promise<number> {
  return Number((await readFile(lockFile(), 'utf8')).split('\n')[0]);
}

/** A process that opens the database, says so, and holds it until it is told to go. */
async function holder(
  user: { uid?: number; gid?: number } = {},
): Promise<{ said: string; child: ChildProcess; ended: Promise<unknown> }> {
  const script = `
    import { openEmbedded } from ${JSON.stringify(source)};
    try {
      const database = await openEmbedded(${JSON.stringify(dataDir)}, 'holder');
      console.log('open ' + database.id);
      process.stdin.on('end', async () => { await database.close(); console.log('closed'); });
      process.stdin.resume();
    } catch (error) { console.log((error.code ?? 'defect') + ' ' + error.message + ' ' + (error.hint ?? '')); }`;
  const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { PATH: process.env['PATH'] },
    cwd: '/',
    ...user,
  });
  children.add(child);
  const ended = new Promise((done) => child.once('exit', done));
  const said = await new Promise<string>((done) =>
    child.stdout?.once('data', (chunk) => done(String(chunk))),
  );
  return { said: said.trim(), child, ended };
}

async function use(options: ServerOptions = {}): Promise<void> {
  const server = await openServer(dataDir, 'test', options);
  const client = new pg.Client(server.config);
  await client.connect();
  await client.query('create table if not exists seen (at timestamptz default now())');
  await client.query('insert into seen default values');
  await client.end();
  await server.close();
}

describe('one directory, many processes', () => {
  test('the first starts the server, the last one out stops it', async () => {
    await makeDataDir(dataDir);
    const one = await holder();
    const first = await postmaster();
    const two = await holder();
    expect(two.said).toBe(one.said);
    expect(one.said).toMatch(/^open [-0-9a-f]{36}$/);
    const three = await openEmbedded(dataDir, 'test');
    expect((await three.others())?.toSorted()).toEqual(['holder', 'holder']);
    one.child.stdin?.end();
    await one.ended;
    expect(await postmaster()).toBe(first);
    await three.close();
    expect(await postmaster()).toBe(first);
    two.child.stdin?.end();
    await two.ended;
    expect(existsSync(lockFile())).toBe(false);
  });

  test('several that come to an empty directory at once share what one of them makes', async () => {
    const all = await Promise.all(Array.from({ length: 4 }, () => openEmbedded(dataDir, 'test')));
    expect(new Set(all.map(({ id }) => id)).size).toBe(1);
    await Promise.all(all.map((database) => database.close()));
    expect(existsSync(lockFile())).toBe(false);
    // `lib` has the links of the server's libraries, which install scripts do not make here.
    expect((await readdir(join(dataDir, 'postgres'))).toSorted()).toEqual([
      'data',
      'lib',
      'run',
      'server.log',
    ]);
  });

  test('coming and going race, and everybody is served', async () => {
    await makeDataDir(dataDir);
    let served = 0;
    const worker = async (): Promise<void> => {
      for (let turn = 0; turn < 6; turn++) {
        const server = await openServer(dataDir, 'test');
        const client = new pg.Client(server.config);
        await client.connect();
        await client.query('select 1');
        await client.end();
        await server.close();
        served++;
      }
    };
    await Promise.all(Array.from({ length: 4 }, worker));
    expect(served).toBe(24);
    expect(existsSync(lockFile())).toBe(false);
  });

  test('a process that is killed leaves the server to the next one', async () => {
    await makeDataDir(dataDir);
    const killed = await holder();
    const first = await postmaster();
    killed.child.kill('SIGKILL');
    await killed.ended;
    const next = await openEmbedded(dataDir, 'test');
    expect(await postmaster()).toBe(first);
    await until('the dead one is forgotten', async () => (await next.others())?.length === 0);
    await next.close();
    expect(existsSync(lockFile())).toBe(false);
  });

  test('a server that is killed is started again under those who use it', async () => {
    await makeDataDir(dataDir);
    const database = await openEmbedded(dataDir, 'test');
    const first = await postmaster();
    process.kill(first, 'SIGKILL');
    await until('another one runs', () => postmaster().then((pid) => pid !== first && pid > 0));
    await until('it answers', () =>
      database.db
        .selectFrom('runs')
        .select('id')
        .execute()
        .then(
          () => true,
          () => false,
        ),
    );
    await database.close();
    expect(existsSync(lockFile())).toBe(false);
  });
});

describe('what an earlier process left', () => {
  test('a lock file whose number is another process by now', async () => {
    await makeDataDir(dataDir);
    await use();
    // As after a kill in a container that was made anew: processes count from 1 again.
    const cluster = join(dataDir, 'postgres', 'data');
    await writeFile(lockFile(), `${process.pid}\n${cluster}\n1\n5432\n../run\n\n\nready\n`, { mode: 0o600 });
    if (isRoot) await chown(lockFile(), (await stat(cluster)).uid, (await stat(cluster)).gid);
    await use();
  });

  test('an empty lock file, of a crash', async () => {
    await makeDataDir(dataDir);
    await writeFile(lockFile(), '', { mode: 0o600 });
    await use();
  });

  test('a copy of the files, made by root with the rights of others', async () => {
    await makeDataDir(dataDir);
    chmodSync(join(dataDir, 'postgres', 'data'), 0o755);
    await use();
  });

  test('a draft of a cluster that nobody finished', async () => {
    await mkdir(join(dataDir, 'postgres', 'draft-999999999-dead', 'data'), { recursive: true });
    await use();
    expect(existsSync(join(dataDir, 'postgres', 'draft-999999999-dead'))).toBe(false);
  });

  test('a database of PGlite is left as it is, and named', async () => {
    await mkdir(join(dataDir, 'pgdata'), { recursive: true });
    await writeFile(join(dataDir, 'pgdata', 'PG_VERSION'), '17\n');
    await expect(openServer(dataDir, 'test')).rejects.toMatchObject({
      code: 'DATA_DIR_FOREIGN',
      place: { file: join(dataDir, 'pgdata') },
    });
    expect(await readdir(dataDir)).toEqual(['pgdata']);
  });

  test('a database of another PostgreSQL is not touched', async () => {
    await makeDataDir(dataDir);
    await writeFile(join(dataDir, 'postgres', 'data', 'PG_VERSION'), '17\n');
    await expect(openServer(dataDir, 'test')).rejects.toMatchObject({
      code: 'DATA_DIR_FOREIGN',
      hint: expect.stringContaining('rollcall backup'),
    });
  });
});

describe('where it is', () => {
  test('below a path that is longer than a socket may have', async () => {
    dataDir = join(folder, 'x'.repeat(90), 'data');
    await makeDataDir(dataDir);
    // A folder of temporary files of its own: other tests make theirs in the common one meanwhile.
    const links = join(folder, 'links');
    await mkdir(links);
    vi.stubEnv('TMPDIR', links);
    try {
      const server = await openServer(dataDir, 'test');
      expect(await readdir(links)).toHaveLength(1);
      await server.close();
      expect(await readdir(links)).toEqual([]);
    } finally {
      vi.unstubAllEnvs();
    }
  });

  test('reached over loopback with a password, as on Windows', async () => {
    await use({ reach: 'loopback' });
    const server = await openServer(dataDir, 'test', { reach: 'loopback' });
    expect(server.config).toMatchObject({
      host: '127.0.0.1',
      password: expect.stringMatching(/^[0-9a-f]{48}$/),
    });
    const stranger = new pg.Client({ ...server.config, password: 'guessed' });
    await expect(stranger.connect()).rejects.toMatchObject({ code: '28P01' });
    await server.close();
    expect(existsSync(lockFile())).toBe(false);
  });

  test('installed without install scripts, which make the links of the libraries', async () => {
    const installed = await findBinaries();
    const native = join(folder, 'native');
    await cp(installed.native, native, {
      recursive: true,
      filter: (path) => !installed.links.has(path.slice(dirname(path).length + 1)) || !path.includes('/lib/'),
    });
    if (isRoot) await chmod(folder, 0o755);
    const at = (program: string): string => join(native, 'bin', program);
    const binaries = {
      initdb: at('initdb'),
      postgres: at('postgres'),
      pgCtl: at('pg_ctl'),
      native,
      links: new Map(
        [...installed.links].map(([name, target]) => [name, target.replace(installed.native, native)]),
      ),
    };
    // Seen to be needed: without the links the program does not start.
    await expect(run(binaries.postgres, ['--version'], { env: {} })).rejects.toThrow(/libicu|shared librar/);
    await use({ findBinaries: async () => binaries });
    expect((await readdir(join(dataDir, 'postgres', 'lib'))).length).toBe(installed.links.size);
  });

  test('a machine that there are no programs for', async () => {
    await expect(findBinaries('sunos-sparc')).rejects.toMatchObject({
      code: 'EMBEDDED_UNSUPPORTED',
      hint: expect.stringContaining('DATABASE_URL'),
    });
  });
});

describe('a data directory that cannot be used is one clear line', () => {
  const refused = async (reason: RegExp): Promise<void> => {
    await expect(openServer(dataDir, 'test')).rejects.toMatchObject({
      code: 'DATA_DIR_UNUSABLE',
      message: expect.stringMatching(reason),
    });
  };

  test('a file', async () => {
    await writeFile(dataDir, '');
    await refused(/is a file and not a folder/);
  });

  test('in a file', async () => {
    await writeFile(join(folder, 'file'), '');
    dataDir = join(folder, 'file', 'data');
    await refused(/is a file and not a folder/);
  });

  test('a link to nothing', async () => {
    await symlink(join(folder, 'nowhere'), dataDir);
    await refused(/a link to what is not there/);
  });

  test.skipIf(!existsSync('/proc/self'))('a folder that takes none, as /proc', async () => {
    dataDir = '/proc/rollcall/data';
    await refused(/cannot be made where it should be/);
  });

  test('a circle of links', async () => {
    await symlink(dataDir, dataDir);
    await refused(/lead in a circle/);
  });
});

describe.skipIf(!isRoot)('started by root', () => {
  test('it runs as nobody, also in a folder that nobody may enter', async () => {
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    await makeDataDir(dataDir);
    const server = await openServer(dataDir, 'test');
    expect((await stat(`/proc/${await postmaster()}`)).uid).toBe(nobody);
    await server.close();
  });

  test('its programs lie in a folder that nobody may enter, too: a checkout below /root', async () => {
    await makeDataDir(dataDir);
    const found = await findBinaries();
    const native = join(folder, 'native');
    await cp(found.native, native, { recursive: true });
    const moved = (path: string): string => path.replace(found.native, native);
    const server = await openServer(dataDir, 'test', {
      findBinaries: async () => ({
        native,
        initdb: moved(found.initdb),
        postgres: moved(found.postgres),
        pgCtl: moved(found.pgCtl),
        links: new Map([...found.links].map(([name, target]) => [name, moved(target)])),
      }),
    });
    expect((await stat(`/proc/${await postmaster()}`)).uid).toBe(nobody);
    const status = await readFile(`/proc/${await postmaster()}/status`, 'utf8');
    // To pass through folders, and nothing else of what root may: dac_read_search alone.
    expect(status).toMatch(/^CapPrm:\s*0{15}4$/m);
    expect(status).toMatch(/^CapEff:\s*0{15}4$/m);
    await server.close();
  });

  test('it runs as the owner of the directory, and leaves nothing of root there', async () => {
    await chmod(folder, 0o755);
    await mkdir(dataDir);
    await chown(dataDir, owner, owner);
    await use();
    const owners = new Set<number>();
    for (const name of await readdir(join(dataDir, 'postgres', 'data'), { recursive: true }))
      owners.add((await stat(join(dataDir, 'postgres', 'data', name))).uid);
    expect([...owners]).toEqual([owner]);
    const theirs = await holder({ uid: owner, gid: owner });
    expect(theirs.said).toMatch(/^open /);
    theirs.child.stdin?.end();
    await theirs.ended;
  });

  test('a second user who may write there uses the server; who may not is told so', async () => {
    await chmod(folder, 0o755);
    await mkdir(dataDir);
    await chown(dataDir, owner, owner);
    await chmod(dataDir, 0o770);
    const theirs = await holder({ uid: owner, gid: owner });
    expect(theirs.said).toMatch(/^open /);
    const other = await holder({ uid: second, gid: owner });
    expect(other.said).toBe(theirs.said);
    const third = await holder({ uid: stranger, gid: stranger });
    expect(third.said).toMatch(/^DATA_DIR_UNUSABLE .*this user may not use it/);
    // The last one out is not the one whom the server belongs to.
    theirs.child.stdin?.end();
    await theirs.ended;
    other.child.stdin?.end();
    await other.ended;
    await until('the server has ended', () => !existsSync(lockFile()));
    const alone = await holder({ uid: second, gid: owner });
    expect(alone.said).toMatch(/^DATA_DIR_UNUSABLE .*belongs to the user 1,/);
  });

  test('a number without a name, as containers have: root may, the number itself is told so', async () => {
    await chmod(folder, 0o755);
    await mkdir(dataDir);
    await chown(dataDir, 4_321, 4_321);
    const nameless = await holder({ uid: 4_321, gid: 4_321 });
    expect(nameless.said).toMatch(/^DATA_DIR_UNUSABLE .*no entry in \/etc\/passwd/);
    await use();
    const theirs = await holder({ uid: 4_321, gid: 4_321 });
    expect(theirs.said).toMatch(/^open /);
  });

  test('a disk without room', async () => {
    await mkdir(dataDir);
    await run('mount', ['-t', 'tmpfs', '-o', 'size=8m,mode=0700', 'tmpfs', dataDir]);
    try {
      await expect(openServer(dataDir, 'test')).rejects.toMatchObject({
        code: 'DATA_DIR_UNUSABLE',
        message: expect.stringContaining('the disk is full'),
      });
    } finally {
      await run('umount', [dataDir]);
    }
  });
});
