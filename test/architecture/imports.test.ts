import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkImports, jobsOrder, mayImport } from './rules.ts';

async function violationsOf(files: Record<string, string>): Promise<string[]> {
  const root = await mkdtemp(join(tmpdir(), 'rollcall-imports-'));
  try {
    for (const [file, text] of Object.entries(files)) {
      await mkdir(dirname(join(root, file)), { recursive: true });
      await writeFile(join(root, file), text);
    }
    return (await checkImports(root)).violations.map(
      ({ file, line, message }) => `${file}:${line} ${message}`,
    );
  } finally {
    await rm(root, { recursive: true });
  }
}

describe('import rules', () => {
  it('hold in this project', async () => {
    const { files, violations } = await checkImports(resolve(import.meta.dirname, '../..'));
    expect(files).toBeGreaterThan(50);
    expect(violations).toEqual([]);
  });

  it.each([
    [
      'a sibling of diff',
      'src/diff/a.ts',
      "import { x } from '../store/store.ts';\n",
      'diff may not import store',
    ],
    [
      'I/O in diff',
      'src/diff/a.ts',
      "import { x } from 'node:fs';\n",
      'diff is pure and may not import node:fs',
    ],
    ['a package in diff', 'src/diff/a.ts', "import x from 'pino';\n", 'diff is pure and may not import pino'],
    [
      'bullmq outside jobs',
      'src/store/a.ts',
      "import { Queue } from 'bullmq';\n",
      'bullmq is imported only in jobs and type actions, not in store',
    ],
    [
      'more of bullmq than its types in actions',
      'src/actions/a.ts',
      "import { Queue } from 'bullmq';\n",
      'bullmq is imported only in jobs and type actions, not in actions',
    ],
    [
      'ky outside providers, alerts and roster/sources',
      'src/roster/a.ts',
      "import ky from 'ky';\n",
      'ky is imported only in providers and alerts and roster/sources, not in roster',
    ],
    [
      'a provider in a provider',
      'src/providers/a/x.ts',
      "import { y } from '../b/y.ts';\n",
      'provider a may not import provider b',
    ],
    [
      'jobs in a provider',
      'src/providers/a/x.ts',
      "import type { y } from '../../jobs/y.ts';\n",
      'providers may not import jobs',
    ],
    [
      'I/O in the conditions of alerts',
      'src/alerts/conditions/a.ts',
      "import { readFile } from 'node:fs/promises';\n",
      'alerts/conditions is pure and may not import node:fs/promises',
    ],
    [
      'more than types of a run in the conditions of alerts',
      'src/alerts/conditions/a.ts',
      "import { y } from '../../jobs/run/finish.ts';\n",
      'alerts/conditions is pure and may not import jobs/run/finish.ts',
    ],
    [
      'a later folder of jobs in an earlier one',
      'src/jobs/read/a.ts',
      "import type { y } from '../decide/y.ts';\n",
      'jobs/read may not import jobs/decide, which comes later',
    ],
    [
      'a folder of jobs below the files that all of it stands on',
      'src/jobs/reasons.ts',
      "import { y } from './read/y.ts';\n",
      'jobs/reasons.ts may not import jobs/read, which comes later',
    ],
    [
      'a folder of jobs that is not in the order',
      'src/jobs/run/a.ts',
      "import { y } from '../misc/y.ts';\n",
      'jobs/misc has no place in the order of jobs',
    ],
    [
      'the sandbox in the product',
      'src/jobs/a.ts',
      "import { y } from '../../sandbox/server.ts';\n",
      'imports ../../sandbox/server.ts, outside src',
    ],
    [
      'a dynamic import',
      'src/roster/a.ts',
      "const y = await import('../jobs/y.ts');\n",
      'roster may not import jobs',
    ],
    [
      'an export from',
      'src/config/a.ts',
      "export { y } from '../providers/y.ts';\n",
      'config may not import providers',
    ],
    [
      'an import over several lines',
      'src/store/a.ts',
      "import {\n  one,\n  two,\n} from '../alerts/y.ts';\n",
      'store may not import alerts',
    ],
  ])('catch %s', async (_name, file, text, message) => {
    expect(await violationsOf({ [file]: text })).toEqual([`${file}:1 ${message}`]);
  });

  it.each([
    ['ky where rosters are fetched', 'src/roster/sources/a.ts', "import ky from 'ky';\n"],
    ['types of bullmq in actions', 'src/actions/a.ts', "import type { Job } from 'bullmq';\n"],
    ['an earlier folder of jobs', 'src/jobs/decide/a.ts', "import { y } from '../read/y.ts';\n"],
  ])('let %s pass', async (_name, file, text) => {
    expect(await violationsOf({ [file]: text })).toEqual([]);
  });

  it('catch a circle of two files, wherever it is', async () => {
    const found = await violationsOf({
      'src/diff/a.ts': "import type { B } from './b.ts';\n",
      'src/diff/b.ts': "import { x } from 'node:crypto';\nimport { A } from './a.ts';\n",
      'bench/a.ts': "import { b } from './b.ts';\n",
      'bench/b.ts': "const a = await import('./a.ts');\n",
    });
    expect(found).toEqual([
      'src/diff/b.ts:2 closes a circle: src/diff/a.ts → src/diff/b.ts → src/diff/a.ts',
      'bench/b.ts:1 closes a circle: bench/a.ts → bench/b.ts → bench/a.ts',
    ]);
  });

  it('catch a circle through a third file', async () => {
    const found = await violationsOf({
      'src/store/a.ts': "import { b } from './b.ts';\n",
      'src/store/b.ts': "import { c } from './c.ts';\n",
      'src/store/c.ts': "import { b } from './b.ts';\n",
    });
    expect(found).toEqual([
      'src/store/c.ts:1 closes a circle: src/store/b.ts → src/store/c.ts → src/store/b.ts',
    ]);
  });
});

describe('docs/architecture.md', async () => {
  const page = await readFile(resolve(import.meta.dirname, '../../docs/architecture.md'), 'utf8');
  const named = (text: string): string[] =>
    [...text.matchAll(/`([^`]+)`/g)].flatMap(([, name]) => name ?? []);
  const folders = (names: readonly string[]): string[] =>
    names.filter((name) => !name.endsWith('.ts')).sort();

  it.each(Object.entries(mayImport).filter(([room]) => !room.endsWith('.ts') || room === 'main.js'))(
    'says what %s may import',
    (room, allowed) => {
      const [, , , cell] =
        page
          .split('\n')
          .find((line) => line.startsWith(`| \`src/${room}\``))
          ?.split('|') ?? [];
      expect(named(cell ?? 'no row').sort()).toEqual(folders(allowed));
    },
  );

  it('has the folders of jobs in their order', () => {
    const sentence = /In `jobs` the folders[\s\S]*?\./.exec(page)?.[0] ?? '';
    const order = jobsOrder.filter((name) => !name.endsWith('.ts'));
    expect(named(sentence).slice(1)).toEqual(order);
  });
});
