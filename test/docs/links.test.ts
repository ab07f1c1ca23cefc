import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parseArguments } from '../../src/cli/arguments.ts';
import { commands } from '../../src/cli/commands.ts';
import { loadConfig } from '../../src/config.ts';
import { providerRegistry } from '../../src/providers/registry.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const pages = globSync('**/*.md', {
  cwd: root,
  exclude: (name) => ['node_modules', 'data', 'coverage'].includes(name),
}).sort();
const textOf = (page: string): string => readFileSync(join(root, page), 'utf8');
const withoutCode = (text: string): string =>
  text.replace(/^( *)```[\s\S]*?^ *```/gm, '').replace(/`[^`\n]*`/g, '');

/** The anchors of a page: explicit ones, and those that GitHub makes of headings. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set([...text.matchAll(/<a id="([^"]+)">/g)].map((match) => match[1] ?? ''));
  for (const match of text.replace(/^```[\s\S]*?^```/gm, '').matchAll(/^#{1,6} (.+)$/gm)) {
    const title = (match[1] ?? '').toLowerCase().replace(/[^\p{L}\p{N}\p{M} _-]/gu, '');
    anchors.add(title.trim().replace(/ /g, '-'));
  }
  return anchors;
}

/** Links of the form [text](target). */
function linksOf(page: string): string[] {
  return [...withoutCode(textOf(page)).matchAll(/\[[^\]]*\]\(([^)\s]+)\)/g)].map((match) => match[1] ?? '');
}

function brokenLinks(page: string): string[] {
  return linksOf(page).filter((link) => {
    if (/^(https?|mailto):/.test(link)) return false;
    const [path = '', anchor] = link.split('#');
    const file = path === '' ? join(root, page) : join(root, dirname(page), decodeURI(path));
    if (!existsSync(file)) return true;
    return anchor !== undefined && !anchorsOf(readFileSync(file, 'utf8')).has(anchor);
  });
}

type Typed = { readonly page: string; readonly line: string };

/** Every `rollcall …` in a shell block. */
const typed: readonly Typed[] = pages.flatMap((page) =>
  [...textOf(page).matchAll(/^ *```sh\n([\s\S]*?)^ *```/gm)].flatMap((block) =>
    (block[1] ?? '').split('\n').flatMap((line) => {
      const command = /^\s*(?:sudo |docker compose exec worker |npm run -s )?rollcall (?:-- )?(.+)$/.exec(
        line,
      )?.[1];
      return command === undefined ? [] : [{ page, line: command.replace(/\s+#.*$/, '').trim() }];
    }),
  ),
);

describe('the documentation', () => {
  it('is found', () => {
    expect(pages).toEqual(expect.arrayContaining(['README.md', 'docs/errors.md', 'docs/runbook.md']));
    expect(typed.length).toBeGreaterThan(40);
  });

  it.each(pages)('%s has no broken link', (page) => {
    expect(brokenLinks(page)).toEqual([]);
  });

  it('would notice a broken link', () => {
    const folder = mkdtempSync(join(root, 'test', 'docs', 'links-'));
    try {
      const page = join(folder, 'page.md');
      writeFileSync(page, '# One\n[a](gone.md) [b](#two) [c](#one) [d](../../../README.md#try-it)\n');
      expect(brokenLinks(relative(root, page))).toEqual(['gone.md', '#two']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it.each(typed)('$page types a command that exists: rollcall $line', async ({ line }) => {
    const words = [...line.matchAll(/"[^"]*"|'[^']*'|\S+/g)].map(([word]) =>
      word.replace(/^["']|["']$/g, ''),
    );
    const [name = '', ...args] = words;
    const load = commands[name];
    expect(load, `there is no command ${name}`).toBeDefined();
    const command = await load?.();
    if (command !== undefined) parseArguments(name, command, args);
  });

  it('lists in the README every command there is, and no other', () => {
    const section = /## Commands\n([\s\S]*?)\n## /.exec(textOf('README.md'))?.[1] ?? '';
    const rows = section.split('\n').filter((line) => line.startsWith('| `'));
    const listed = rows.flatMap((row) =>
      [...(row.split('|')[1] ?? '').matchAll(/`([a-z]+)[^`]*`/g)].map((match) => match[1] ?? ''),
    );
    expect(listed.toSorted()).toEqual(Object.keys(commands).toSorted());
  });

  it('has a configuration in the README that is right', async () => {
    const source = /## A configuration[\s\S]*?```yaml\n([\s\S]*?)```/.exec(textOf('README.md'))?.[1] ?? '';
    const folder = mkdtempSync(join(tmpdir(), 'rollcall-readme-'));
    try {
      const secretFile = join(folder, 'keepnet-secret');
      writeFileSync(secretFile, 'canary');
      const file = join(folder, 'rollcall.yaml');
      writeFileSync(file, source.replace('secrets/keepnet', secretFile));
      const names = [...source.matchAll(/\$\{([A-Z_]+)\}/g)].map((match) => match[1] ?? '');
      const env = Object.fromEntries(names.map((name) => [name, 'x'.repeat(32)]));
      const config = await loadConfig(file, { registry: providerRegistry, env });
      expect(Object.keys(config.platforms)).toEqual(['academy', 'awareness']);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
