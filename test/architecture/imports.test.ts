import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkImports } from './rules.ts';

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
      'bullmq is imported only in jobs and actions, not in store',
    ],
    [
      'ky outside providers and alerts',
      'src/jobs/a.ts',
      "import ky from 'ky';\n",
      'ky is imported only in providers and alerts, not in jobs',
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
});
