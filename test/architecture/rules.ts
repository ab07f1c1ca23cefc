import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';

/** A broken import rule. */
export type Violation = { readonly file: string; readonly line: number; readonly message: string };

/** Which rooms of `src` a room may import from, besides itself. The files at the top are a room each. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  'main.ts': ['cli', 'web', 'config', 'errors.ts', 'log.ts'],
  cli: [
    'web',
    'actions',
    'jobs',
    'roster',
    'diff',
    'providers',
    'store',
    'alerts',
    'config',
    'config.ts',
    'person.ts',
    'change.ts',
    'account.ts',
    'errors.ts',
    'log.ts',
    'normalise.ts',
  ],
  web: [
    'actions',
    'jobs',
    'store',
    'alerts',
    'config',
    'change.ts',
    'person.ts',
    'account.ts',
    'errors.ts',
    'log.ts',
  ],
  actions: [
    'jobs',
    'roster',
    'diff',
    'providers',
    'store',
    'config',
    'person.ts',
    'change.ts',
    'account.ts',
    'errors.ts',
    'log.ts',
    'normalise.ts',
  ],
  alerts: ['jobs', 'store', 'providers', 'config', 'person.ts', 'change.ts', 'errors.ts', 'log.ts'],
  jobs: [
    'roster',
    'diff',
    'providers',
    'store',
    'config',
    'person.ts',
    'change.ts',
    'account.ts',
    'errors.ts',
    'log.ts',
    'normalise.ts',
  ],
  roster: ['config', 'person.ts', 'errors.ts', 'normalise.ts'],
  diff: ['person.ts', 'change.ts', 'account.ts', 'errors.ts', 'normalise.ts'],
  providers: ['config', 'person.ts', 'change.ts', 'account.ts', 'errors.ts', 'normalise.ts'],
  store: ['config', 'person.ts', 'change.ts', 'account.ts', 'errors.ts'],
  config: ['person.ts', 'errors.ts'],
  'config.ts': ['config', 'errors.ts', 'person.ts'],
  'log.ts': [],
  'errors.ts': [],
  'person.ts': [],
  'change.ts': [],
  'account.ts': [],
  'normalise.ts': [],
};

/** Packages that only one room, or a few, may import. */
const owners: Readonly<Record<string, readonly string[]>> = {
  bullmq: ['jobs', 'actions'],
  ioredis: ['jobs'],
  'node-cron': ['jobs'],
  ky: ['providers', 'alerts'],
  'csv-parse': ['roster'],
  kysely: ['store'],
  pg: ['store'],
  '@electric-sql/pglite': ['store'],
  nodemailer: ['alerts'],
  fastify: ['web'],
  '@fastify/cookie': ['web'],
  '@fastify/formbody': ['web'],
  '@bull-board/api': ['web'],
  '@bull-board/fastify': ['web'],
  'prom-client': ['web'],
  yaml: ['config', 'config.ts'],
  '@marcbachmann/cel-js': ['diff', 'providers'],
};

/** What `diff` may take from the platform: it computes, and touches nothing. */
const pureModules = new Set(['node:crypto']);

const specifiers =
  /(?:^|\n)\s*(?:import|export)\s[^;]*?from\s+'([^']+)'|\bimport\s*\(\s*'([^']+)'\s*\)|(?:^|\n)\s*import\s+'([^']+)'/g;

/** The room of a path below `src`: its first folder, or the file itself at the top. */
function roomOf(path: string): string {
  return path.split('/')[0] ?? path;
}

/** Checks every import below `<root>/src` and that `src` and `config` stand without `sandbox`, `test` and `bench`. */
export async function checkImports(
  root: string,
): Promise<{ readonly files: number; readonly violations: readonly Violation[] }> {
  const violations: Violation[] = [];
  const source = join(root, 'src');
  const entries = await readdir(source, { recursive: true });
  const files = entries.filter((entry) => entry.endsWith('.ts')).sort();
  for (const file of files) {
    const text = await readFile(join(source, file), 'utf8');
    const room = roomOf(file);
    for (const match of text.matchAll(specifiers)) {
      const specifier = match[1] ?? match[2] ?? match[3] ?? '';
      const line = text.slice(0, match.index).split('\n').length + (match[0].startsWith('\n') ? 1 : 0);
      const problem = check(room, file, specifier, source);
      if (problem !== undefined) violations.push({ file: `src/${file}`, line, message: problem });
    }
  }
  return { files: files.length, violations };
}

function check(room: string, file: string, specifier: string, source: string): string | undefined {
  if (specifier.startsWith('.')) {
    const target = relative(source, resolve(dirname(join(source, file)), specifier));
    if (target.startsWith('..')) return `imports ${specifier}, outside src`;
    const other = roomOf(target);
    if (other === room) return room === 'providers' ? checkProviders(file, target) : undefined;
    return mayImport[room]?.includes(other) === true ? undefined : `${room} may not import ${other}`;
  }
  if (specifier.startsWith('node:')) {
    return room === 'diff' && !pureModules.has(specifier)
      ? `diff is pure and may not import ${specifier}`
      : undefined;
  }
  const name = specifier.startsWith('@')
    ? specifier.split('/').slice(0, 2).join('/')
    : (specifier.split('/')[0] ?? specifier);
  const rooms = owners[name];
  if (rooms !== undefined && !rooms.includes(room))
    return `${name} is imported only in ${rooms.join(' and ')}, not in ${room}`;
  if (room === 'diff' && rooms === undefined) return `diff is pure and may not import ${name}`;
  return undefined;
}

/** A provider's folder knows no other provider; OutThink's accounts are SCIM, so it may use that one. */
function checkProviders(file: string, target: string): string | undefined {
  const from = file.split('/')[1] ?? '';
  const to = target.split('/')[1] ?? '';
  const isFolder = (name: string): boolean => !name.endsWith('.ts');
  if (!isFolder(from) || !isFolder(to) || from === to) return undefined;
  if (from === 'outthink' && to === 'scim') return undefined;
  return `provider ${from} may not import provider ${to}`;
}
