import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openInboxFile, sweepInbox } from '../../../src/roster/sources/inbox.ts';
import { tempFolder } from '../reading.ts';

const module = fileURLToPath(new URL('../../../src/roster/sources/inbox.ts', import.meta.url));

test('what a killed process left behind is swept by the next, and nothing of one that lives', async () => {
  await using folder = await tempFolder();
  const inbox = join(folder.path, 'inbox');
  const program = `import { openInboxFile } from ${JSON.stringify(module)};
    await openInboxFile(${JSON.stringify(inbox)}); console.log('there'); setInterval(() => {}, 1e6);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  await using ours = await openInboxFile(inbox);
  expect(await readdir(inbox)).toHaveLength(2);
  await sweepInbox(inbox);
  expect(await readdir(inbox)).toHaveLength(2);
  child.kill('SIGKILL');
  await once(child, 'exit');
  await sweepInbox(inbox);
  expect((await readdir(inbox)).map((name) => join(inbox, name))).toEqual([ours.file]);
});

test('a file of a process that had our number before is swept; one that is not ours stays', async () => {
  await using folder = await tempFolder();
  const inbox = join(folder.path, 'inbox');
  await mkdir(inbox);
  const ours = await openInboxFile(inbox);
  const name = ours.file.slice(inbox.length + 1);
  const [machine = '', pid = ''] = name.split('-');
  await writeFile(join(inbox, `${machine}-${pid}-000000000000-000000000000`), 'before');
  await writeFile(join(inbox, 'notes.txt'), 'somebody put it here');
  await writeFile(join(inbox, `ffffffff-1-000000000000-000000000000`), 'of another machine');
  await sweepInbox(inbox);
  expect((await readdir(inbox)).sort()).toEqual(
    [name, 'notes.txt', 'ffffffff-1-000000000000-000000000000'].sort(),
  );
  await ours[Symbol.asyncDispose]();
});

test('a delivery is kept in a file that only its user may read, and replaces what came before', async () => {
  await using folder = await tempFolder();
  const inbox = join(folder.path, 'inbox');
  await using kept = await openInboxFile(inbox);
  await kept.saveTo(chunks('a longer content'));
  const { bytes } = await kept.saveTo(chunks('short'));
  expect(bytes).toBe(5);
  const { mode, size } = await stat(kept.file);
  expect({ mode: mode & 0o777, size }).toEqual({ mode: 0o600, size: 5 });
  await utimes(kept.file, 0, 0);
});

async function* chunks(text: string): AsyncGenerator<Uint8Array> {
  for (const letter of text) yield Buffer.from(letter);
}
