import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { alertKinds } from '../../src/alerts/kinds.ts';

const runbook = readFileSync(new URL('../../docs/runbook.md', import.meta.url), 'utf8');
const codes = [...Object.keys(alertKinds), 'TEST'];

/** The section of one code, from its anchor to the next heading. */
function sectionOf(code: string): string {
  return (
    new RegExp(`<a id="${code}"></a>\\n+## ${code}\\n([\\s\\S]*?)(?=\\n<a id=|\\n## |$)`).exec(
      runbook,
    )?.[1] ?? ''
  );
}

/** The command line's verbs. */
const verbs = [
  ...['check', 'plan', 'sync', 'start', 'status', 'schedule', 'resync', 'pause', 'resume', 'cancel', 'runs'],
  ...['show', 'explain', 'approve', 'reject', 'review', 'link', 'unlink', 'undo', 'results', 'targets'],
  ...['accounts', 'alerts', 'tokens', 'reload'],
];

describe('the runbook', () => {
  it.each(codes)('says of %s what it means, what to look at, and what to do with exact commands', (code) => {
    const [, means = '', look = '', act = ''] = sectionOf(code).split(/\*\*(?:Means|Look|Do)\.\*\*/);
    expect(means.trim().length).toBeGreaterThan(40);
    expect(look).toMatch(/```sh\n[\s\S]+```/);
    expect(act).toMatch(/```sh\n[\s\S]+```/);
  });

  it('has no section of a code that does not exist', () => {
    const anchors = [...runbook.matchAll(/<a id="([^"]+)"><\/a>/g)].map((match) => match[1]);
    expect(anchors.toSorted()).toEqual(codes.toSorted());
  });

  it('lists every code under its severity', () => {
    for (const [code, { severity }] of Object.entries(alertKinds)) {
      const row = runbook.split('\n').find((line) => line.startsWith(`| ${severity}`));
      expect(row).toContain(`[${code}](#${code})`);
    }
  });

  it('uses commands that exist', () => {
    const used = [...runbook.matchAll(/(?:^|`)rollcall ([a-z]+)/gm)].map((match) => match[1]);
    expect(used.length).toBeGreaterThan(30);
    expect(used.filter((verb) => verb === undefined || !verbs.includes(verb))).toEqual([]);
  });
});
