import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { reviewCodes } from '../../src/diff/change.ts';
import { errorCodes } from '../../src/errors.ts';
import { reasonCodes } from '../../src/jobs/reasons.ts';

const root = new URL('../../', import.meta.url);
const page = readFileSync(new URL('docs/errors.md', root), 'utf8');
const runbook = readFileSync(new URL('docs/runbook.md', root), 'utf8');
const sources = readdirSync(new URL('src/', root), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => ({ file, text: readFileSync(new URL(`src/${file}`, root), 'utf8') }));

/** The codes in the first column of the tables of one section. */
const codesOf = (heading: string): string[] => codesIn(page.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0]);

/** The codes of the one table that comes next after a text at the beginning of a line. */
const codesAfter = (start: string): string[] =>
  codesIn(
    page
      .split(`\n${start}`)[1]
      ?.split(/\n\| --- .*\n/)[1]
      ?.split('\n\n')[0],
  );

function codesIn(section = ''): string[] {
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

  it.each([
    ['**Held**', ['holds']],
    ['**Withheld**', ['withholds']],
    ['**Failed**', ['fails']],
    ['## Notes', ['plans', 'applies', 'tells']],
  ])('has each reason of a run where it says what it does: %s', (part, effects) => {
    const codes = Object.entries(reasonCodes).flatMap(([code, { does }]) =>
      effects.includes(does) ? [code] : [],
    );
    expect(codesAfter(part).toSorted()).toEqual(codes.toSorted());
  });

  it('has each reason for which a roster is incomplete among those that withhold', () => {
    for (const code of union('src/roster/types.ts', 'IncompleteCode'))
      expect(reasonCodes).toHaveProperty(code, { does: 'withholds', side: 'roster' });
  });

  it('is all that decides what a reason does: nothing looks at how its code begins or ends', () => {
    const parts = new Set(
      Object.keys(reasonCodes)
        .flatMap((code) => code.split('_'))
        .filter((part) => part.length > 3),
    );
    const byPart =
      /\/\^?\(?((?:[A-Z]{3,}_?\|?\^?)+)[^/\n]*\/[a-z]*[.;,)]|(?:starts|ends)With\('([A-Z_]+)'\)/g;
    const found = sources.flatMap(({ file, text }) =>
      [...text.matchAll(byPart)].flatMap(([, pattern, affix]) =>
        (pattern ?? affix ?? '').split(/[_|]/).some((part) => parts.has(part))
          ? [`${file}: ${pattern ?? affix}`]
          : [],
      ),
    );
    expect(found).toEqual([]);
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

  it('has every code of an outcome that a provider can give, wherever in an expression it stands', () => {
    const words = new Set(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'AND', 'OR', 'GMT', 'UTC']);
    const unknown = sources.flatMap(({ file, text }) =>
      !/^providers\/[^/]+\//.test(file)
        ? []
        : [...text.matchAll(/'([A-Z]{2,}(?:_[A-Z]+)*)'/g)].flatMap(([, code = '']) =>
            words.has(code) || page.includes(`\`${code}\``) ? [] : [`${code} (${file})`],
          ),
    );
    expect(unknown, 'docs/errors.md, Outcomes: a row for each').toEqual([]);
  });

  it('has no code that the source does not know', () => {
    const all = sources.map(({ text }) => text).join('\n');
    const codes = ['Errors', 'Reasons', 'Notes', 'Rejected rows', 'Reviews', 'Outcomes'].flatMap(codesOf);
    expect(codes.length).toBeGreaterThan(80);
    expect(codes.filter((code) => !new RegExp(`\\b${code}\\b`).test(all))).toEqual([]);
  });
});
