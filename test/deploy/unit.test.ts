import { execFileSync, spawnSync } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const unit = fileURLToPath(new URL('../../deploy/rollcall.service', import.meta.url));
const wrapper = fileURLToPath(new URL('../../deploy/rollcall-env', import.meta.url));

function analyze(...args: readonly string[]): string | null {
  const { error, stdout } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
  return error === undefined ? stdout : null;
}
const version = analyze('--version');
if (version === null)
  process.stderr.write('skipped: the exposure of the unit: there is no systemd-analyze\n');

test.skipIf(version === null)('the unit exposes little: systemd-analyze security says less than 4', () => {
  const said = analyze('security', '--offline=true', unit) ?? '';
  const exposure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(said)?.[1]);
  expect(exposure, said.slice(-200)).toBeLessThan(4);
});

test('there is one unit, which the documents install and do not repeat', async () => {
  const page = await readFile(new URL('../../docs/deploy.md', import.meta.url), 'utf8');
  expect(page).toContain('deploy/rollcall.service /etc/systemd/system/rollcall.service');
  expect(page).not.toContain('[Unit]');
  const text = await readFile(unit, 'utf8');
  for (const line of [
    'WatchdogSec=',
    'LoadCredential=secrets:',
    'ExecReload=/bin/kill -HUP',
    'RestartPreventExitStatus=2',
  ])
    expect(text).toContain(line);
});

test('what the pages back up to is a folder that the installation makes for the service’s user', async () => {
  const page = (name: string) => readFile(new URL(`../../docs/${name}.md`, import.meta.url), 'utf8');
  const made = /install -d -o rollcall -g rollcall -m 0700 (\S+)/.exec(await page('deploy'))?.[1];
  const files = [...(await page('operations')).matchAll(/rollcall (?:backup|restore) (\/\S+)/g)].map(
    ([, file]) => file ?? '',
  );
  expect(files.length).toBeGreaterThanOrEqual(3);
  for (const file of files) expect(file.slice(0, file.lastIndexOf('/'))).toBe(made);
});

const isRoot = process.getuid?.() === 0;
if (!isRoot)
  process.stderr.write(
    'skipped: the command of the installed service: it becomes another user, so the test has to be root\n',
  );

describe.skipIf(!isRoot)('the command of the installed service', () => {
  let root: string;
  const names = { home: '', etc: '' };
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'rollcall-installed-'));
    await chmod(root, 0o755);
    names.etc = join(root, 'etc');
    names.home = join(root, 'opt');
    await mkdir(join(names.etc, 'secrets'), { recursive: true, mode: 0o755 });
    await mkdir(join(names.home, 'node_modules/.bin'), { recursive: true });
    await mkdir(join(names.home, 'src'));
    await chmod(join(names.etc, 'secrets'), 0o700);
    // What systemd takes as it is, and a shell would not.
    await writeFile(
      join(names.etc, 'env'),
      [
        '# a comment',
        'PLAIN=abc',
        'MONEY=a$HOME`id`&b c',
        'QUOTED="in quotes"',
        "SINGLE='it $is'",
        'EQUALS=a=b',
      ].join('\n'),
      { mode: 0o600 },
    );
    await writeFile(join(names.etc, 'secrets', 'academy'), 'the-key-of-the-academy\n', { mode: 0o600 });
    await symlink(process.execPath, join(names.home, 'node_modules/.bin/node'));
    await writeFile(
      join(names.home, 'src/main.js'),
      `import { readFileSync } from 'node:fs';
const { CREDENTIALS_DIRECTORY = '' } = process.env;
console.log(JSON.stringify({ args: process.argv.slice(2), cwd: process.cwd(), uid: process.getuid(), groups: process.getgroups(),
  secret: readFileSync(CREDENTIALS_DIRECTORY + '/secrets_academy', 'utf8'), where: CREDENTIALS_DIRECTORY, env: process.env }));
process.exit(3);`,
    );
    for (const name of ['rollcall', 'rollcall-env']) {
      await copyFile(wrapper, join(root, name));
      await chmod(join(root, name), 0o755);
    }
  });
  afterAll(() => rm(root, { recursive: true }));

  const run = (
    name: string,
    args: readonly string[],
    more: Readonly<Record<string, string>> = {},
    as?: number,
  ) =>
    spawnSync(join(root, name), args, {
      encoding: 'utf8',
      ...(as === undefined ? {} : { uid: as, gid: as }),
      env: {
        PATH: process.env['PATH'],
        ROLLCALL_HOME: names.home,
        ROLLCALL_ETC: names.etc,
        ROLLCALL_USER: 'nobody',
        ROLLCALL_RUN: root,
        ...more,
      },
    });

  test('has the environment as systemd reads it, the secrets, the folder, and another user; its status is the command’s', async () => {
    const { status, stdout, stderr } = run('rollcall', ['status', '--json', 'a b'], { SUDO_USER: 'jo' });
    expect([status, stderr]).toEqual([3, '']);
    const seen = JSON.parse(stdout) as { where: string; env: Record<string, string> };
    expect(seen).toMatchObject({
      args: ['status', '--json', 'a b'],
      cwd: names.etc,
      uid: Number(execFileSync('id', ['-u', 'nobody'], { encoding: 'utf8' })),
      secret: 'the-key-of-the-academy\n',
      env: {
        PLAIN: 'abc',
        MONEY: 'a$HOME`id`&b c',
        QUOTED: 'in quotes',
        SINGLE: 'it $is',
        EQUALS: 'a=b',
        USER: 'jo',
      },
    });
    // Nothing of it is left.
    await expect(stat(seen.where)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('gives redis-cli, psql and whatever else the same; inside it, rollcall is rollcall', () => {
    const line = `echo "$PLAIN $(pwd)"; ${join(root, 'rollcall')} runs`;
    const { status, stdout } = run('rollcall-env', ['sh', '-c', line]);
    const [first, second = ''] = stdout.split('\n');
    expect(first).toBe(`abc ${names.etc}`);
    expect(JSON.parse(second)).toMatchObject({ args: ['runs'], secret: 'the-key-of-the-academy\n' });
    expect(status).toBe(3);
  });

  test('says what it needs to somebody who is not root', () => {
    const { status, stderr } = run('rollcall', ['status'], {}, 65_534);
    expect([status, stderr]).toEqual([2, expect.stringContaining('sudo rollcall')]);
  });
});
