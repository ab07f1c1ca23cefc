import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { reviewCodes } from '../../src/diff/change.ts';
import { errorCodes } from '../../src/errors.ts';

const root = new URL('../../', import.meta.url);
const page = readFileSync(new URL('docs/errors.md', root), 'utf8');
const runbook = readFileSync(new URL('docs/runbook.md', root), 'utf8');
const sources = readdirSync(new URL('src/', root), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => ({ file, text: readFileSync(new URL(`src/${file}`, root), 'utf8') }));

/** The codes in the first column of the tables of one section. */
function codesOf(heading: string): string[] {
  const section =
    new RegExp(`^## ${heading}\\n([\\s\\S]*?)(?=^## |$(?![\\s\\S]))`, 'm').exec(page)?.[1] ?? '';
  return section
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .flatMap((line) =>
      [...(line.split('|')[1] ?? '').matchAll(/`([A-Z_]+)`/g)].map((match) => match[1] ?? ''),
    );
}

/** The words of a union type of texts. */
function union(file: string, name: string): string[] {
  const text = readFileSync(new URL(file, root), 'utf8');
  const body = new RegExp(`type ${name} =([^;]*);`).exec(text)?.[1] ?? '';
  return [...body.matchAll(/'([A-Z_]+)'/g)].map((match) => match[1] ?? '');
}

describe('docs/errors.md', () => {
  it('has every error, with its exit status, and no other', () => {
    expect(codesOf('Errors').toSorted()).toEqual(Object.keys(errorCodes).toSorted());
    for (const [code, { exit }] of Object.entries(errorCodes))
      expect(page).toMatch(new RegExp(`^\\| \`${code}\` \\| ${exit} \\| .{10,} \\| .{10,} \\|$`, 'm'));
  });

  it('has every code of a rejected row, and no other', () => {
    expect(codesOf('Rejected rows').toSorted()).toEqual(
      union('src/roster/types.ts', 'RejectCode').toSorted(),
    );
  });

  it('has every code of a review, and no other', () => {
    expect(codesOf('Reviews').toSorted()).toEqual(Object.keys(reviewCodes).toSorted());
  });

  it('has every reason for which a roster is incomplete', () => {
    expect(codesOf('Reasons')).toEqual(
      expect.arrayContaining(union('src/roster/types.ts', 'IncompleteCode')),
    );
  });

  it('has every code that the source gives to a reason, a note or an outcome', () => {
    const unknown: string[] = [];
    for (const { file, text } of sources) {
      const given =
        /\bcode: '([A-Z]+_[A-Z_]+|[A-Z]{6,})'|\b(?:refuse|exists|failure)\(\s*'([A-Z]+_[A-Z_]+)'/g;
      for (const match of text.matchAll(given)) {
        const code = match[1] ?? match[2] ?? '';
        if (!page.includes(`\`${code}\``) && !runbook.includes(`## ${code}\n`))
          unknown.push(`${code} (${file})`);
      }
    }
    expect(unknown).toEqual([]);
  });

  it('has no code that the source does not know', () => {
    const all = sources.map(({ text }) => text).join('\n');
    const heldByKind = /^HELD_(CREATE|UPDATE|REACTIVATE|DEACTIVATE|ENROLL|UNENROLL)$/;
    const codes = ['Errors', 'Reasons', 'Notes', 'Rejected rows', 'Reviews', 'Outcomes'].flatMap(codesOf);
    expect(codes.length).toBeGreaterThan(80);
    expect(codes.filter((code) => !heldByKind.test(code) && !new RegExp(`\\b${code}\\b`).test(all))).toEqual(
      [],
    );
    expect(all).toContain(['`HELD_', '{hold.kind.toUpperCase()}`'].join('$'));
  });
});
