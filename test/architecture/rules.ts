import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';

/** A broken import rule. */
export type Violation = { readonly file: string; readonly line: number; readonly message: string };

/** Which rooms of `src` a room may import from, besides itself. The files at the top are a room each. */
export const mayImport: Readonly<Record<string, readonly string[]>> = {
  'main.js': ['command-line.ts'],
  'main.ts': ['main.js'],
  'command-line.ts': ['cli', 'web', 'config', 'output', 'errors.ts', 'log.ts'],
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
    'output',
    'shown.ts',
    'csv.ts',
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
    'shown.ts',
    'csv.ts',
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
    'row-hashes.ts',
  ],
  alerts: [
    'jobs',
    'store',
    'providers',
    'config',
    'person.ts',
    'change.ts',
    'errors.ts',
    'log.ts',
    'retry-after.ts',
  ],
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
    'row-hashes.ts',
  ],
  roster: [
    'config',
    'person.ts',
    'errors.ts',
    'id-index.ts',
    'network-failure.ts',
    'normalise.ts',
    'pattern.ts',
    'retry-after.ts',
    'row-hashes.ts',
  ],
  diff: [
    'person.ts',
    'change.ts',
    'account.ts',
    'errors.ts',
    'normalise.ts',
    'pattern.ts',
    'row-hashes.ts',
    'shown.ts',
  ],
  providers: [
    'config',
    'person.ts',
    'change.ts',
    'account.ts',
    'errors.ts',
    'id-index.ts',
    'network-failure.ts',
    'normalise.ts',
    'retry-after.ts',
  ],
  store: ['config', 'person.ts', 'change.ts', 'account.ts', 'errors.ts'],
  config: ['person.ts', 'errors.ts', 'pattern.ts'],
  'config.ts': ['config', 'errors.ts', 'person.ts'],
  output: ['shown.ts'],
  'log.ts': [],
  'errors.ts': [],
  'person.ts': [],
  'change.ts': ['account.ts'],
  'account.ts': [],
  'id-index.ts': [],
  'normalise.ts': [],
  'network-failure.ts': [],
  'pattern.ts': [],
  'retry-after.ts': [],
  'row-hashes.ts': [],
  'shown.ts': [],
  'csv.ts': [],
};

/**
 * What happens, in the order in which it happens: a folder or file of `jobs` imports only what stands before it. Whatever is
 * not on the list has no place yet.
 */
export const jobsOrder: readonly string[] = [
  'reasons.ts',
  'failure.ts',
  'gate.ts',
  'progress.ts',
  'run-owners.ts',
  'schedule',
  'pace',
  'customer.ts',
  'queue',
  'deps.ts',
  'lease',
  'read',
  'decide',
  'apply',
  'launch',
  'undo',
  'run',
  'service',
];

/** Packages that only one room, or a folder of one, may import; `type` in front: only as types. */
const owners: Readonly<Record<string, readonly string[]>> = {
  bullmq: ['jobs', 'type actions'],
  ioredis: ['jobs'],
  'node-cron': ['jobs'],
  ky: ['providers', 'alerts', 'roster/sources'],
  'csv-parse': ['roster'],
  'stream-json': ['roster'],
  saxes: ['roster'],
  yauzl: ['roster'],
  'ssh2-sftp-client': ['roster/sources'],
  aws4fetch: ['roster/sources'],
  openpgp: ['roster/content'],
  kysely: ['store'],
  pg: ['store'],
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

/** All that the conditions of alerts, which are pure, take besides types: words of the house, and what reasons do. */
const conditionsLoad: readonly string[] = ['change.ts', 'jobs/reasons.ts'];

/** What `diff` may take from the platform: it computes, and touches nothing. */
const pureModules = new Set(['node:crypto']);

/** Where TypeScript lives, and the entry, which is not; no two files of any of it import each other, however many stand between them. */
const sources = ['src', 'test', 'bench', 'sandbox', 'config'];

const specifiers =
  /(?:^|\n)\s*(?:import|export)\s[^;]*?from\s+'([^']+)'|\bimport\s*\(\s*'([^']+)'\s*\)|(?:^|\n)\s*import\s+'([^']+)'/g;

/** One import: of what, on which line, and whether only types are taken, so that nothing is loaded. */
type Import = { readonly specifier: string; readonly line: number; readonly isType: boolean };

/** The room of a path below `src`: its first folder, or the file itself at the top. */
function roomOf(path: string): string {
  return path.split('/')[0] ?? path;
}

function importsOf(text: string): readonly Import[] {
  return [...text.matchAll(specifiers)].map((match) => ({
    specifier: match[1] ?? match[2] ?? match[3] ?? '',
    line: text.slice(0, match.index).split('\n').length + (match[0].startsWith('\n') ? 1 : 0),
    isType: /^\s*(?:import|export)\s+type\s/.test(match[0]),
  }));
}

/**
 * Checks every import below `<root>/src`, that `src` and `config` stand without `sandbox`, `test` and `bench`, and that
 * there are no circles, in none of them. `files`: how many of `src` were read.
 */
export async function checkImports(
  root: string,
): Promise<{ readonly files: number; readonly violations: readonly Violation[] }> {
  const violations: Violation[] = [];
  const graph = new Map<string, readonly (Import & { readonly target: string })[]>();
  let files = 0;
  for (const folder of sources) {
    const entries = await readdir(join(root, folder), { recursive: true }).catch(() => []);
    for (const entry of entries.filter((one) => one.endsWith('.ts') || one === 'main.js').sort()) {
      const file = `${folder}/${entry}`;
      const imports = importsOf(await readFile(join(root, file), 'utf8'));
      const targetOf = (specifier: string): string =>
        relative(root, resolve(dirname(join(root, file)), specifier));
      graph.set(
        file,
        imports
          .filter(({ specifier }) => specifier.startsWith('.'))
          .map((one) => ({ ...one, target: targetOf(one.specifier) })),
      );
      if (folder !== 'src') continue;
      files++;
      for (const one of imports) {
        const message = check(entry, one, join(root, 'src'));
        if (message !== undefined) violations.push({ file, line: one.line, message });
      }
    }
  }
  return { files, violations: [...violations, ...circles(graph)] };
}

/** Each circle once, told at the import that closes it. */
function circles(
  graph: ReadonlyMap<string, readonly (Import & { readonly target: string })[]>,
): readonly Violation[] {
  const found: Violation[] = [];
  const done = new Set<string>();
  const visit = (file: string, way: readonly string[]): void => {
    for (const { target, line } of graph.get(file) ?? []) {
      const at = way.indexOf(target);
      if (at >= 0)
        found.push({ file, line, message: `closes a circle: ${[...way.slice(at), target].join(' → ')}` });
      else if (!done.has(target)) visit(target, [...way, target]);
    }
    done.add(file);
  };
  for (const file of graph.keys()) if (!done.has(file)) visit(file, [file]);
  return found;
}

function check(file: string, { specifier, isType }: Import, source: string): string | undefined {
  const room = roomOf(file);
  if (specifier.startsWith('.')) {
    const target = relative(source, resolve(dirname(join(source, file)), specifier));
    if (target.startsWith('..')) return `imports ${specifier}, outside src`;
    const other = roomOf(target);
    const isPure = isType || target.startsWith('alerts/conditions/') || conditionsLoad.includes(target);
    if (file.startsWith('alerts/conditions/') && !isPure)
      return `alerts/conditions is pure and may not import ${target}`;
    if (other === room)
      return room === 'providers'
        ? checkProviders(file, target)
        : room === 'jobs'
          ? checkJobs(file, target)
          : undefined;
    return mayImport[room]?.includes(other) === true ? undefined : `${room} may not import ${other}`;
  }
  if (room === 'diff' && specifier.startsWith('node:') && !pureModules.has(specifier))
    return `diff is pure and may not import ${specifier}`;
  if (file.startsWith('alerts/conditions/') && !isType)
    return `alerts/conditions is pure and may not import ${specifier}`;
  const name = specifier.startsWith('@')
    ? specifier.split('/').slice(0, 2).join('/')
    : (specifier.split('/')[0] ?? specifier);
  if (specifier.startsWith('node:')) return undefined;
  const rooms = owners[name];
  const isWithin = (owner: string): boolean => file === owner || file.startsWith(`${owner}/`);
  if (rooms?.some(isWithin) === false && !(isType && rooms.some((owner) => isWithin(owner.slice(5)))))
    return `${name} is imported only in ${rooms.join(' and ')}, not in ${room}`;
  if (room === 'diff' && rooms === undefined) return `diff is pure and may not import ${name}`;
  return undefined;
}

/** In `jobs`, only what happens earlier is imported. */
function checkJobs(file: string, target: string): string | undefined {
  const from = file.split('/')[1] ?? '';
  const to = target.split('/')[1] ?? '';
  if (from === to) return undefined;
  for (const name of [from, to])
    if (!jobsOrder.includes(name)) return `jobs/${name} has no place in the order of jobs`;
  return jobsOrder.indexOf(to) < jobsOrder.indexOf(from)
    ? undefined
    : `jobs/${from} may not import jobs/${to}, which comes later`;
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
