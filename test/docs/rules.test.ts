import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { asRulePerson, createRuleCompiler } from '../../src/diff/rules.ts';

const page = readFileSync(new URL('../../docs/rules.md', import.meta.url), 'utf8');
const examples = [...page.matchAll(/```cel\n([\s\S]*?)```/g)].map((match) =>
  (match[1] ?? '').trim().split('\n'),
);
const [conditions = [], texts = [], guarded = []] = examples;
const compiler = createRuleCompiler(['Location', 'Job Title']);
const full = asRulePerson({
  id: '0042',
  email: 'zoe@example.com',
  firstName: 'Zoë',
  lastName: 'Okafor',
  department: 'Sales',
  status: 'Active',
  startDate: '2026-03-02',
  endDate: '2026-12-31',
  previousId: 'W-7',
  manager: null,
  attributes: { Location: 'Dublin', 'Job Title': 'Sales manager' },
  state: 'active',
});
const empty = asRulePerson({
  id: 'M-1',
  email: null,
  firstName: null,
  lastName: null,
  department: null,
  status: null,
  startDate: null,
  endDate: null,
  previousId: null,
  manager: null,
  attributes: { Location: '', 'Job Title': '' },
  state: 'leave',
});

describe('docs/rules.md', () => {
  it('has examples of each kind', () => {
    expect(conditions.length).toBeGreaterThan(5);
    expect(texts.length).toBeGreaterThan(2);
    expect(guarded).toHaveLength(1);
  });

  it.each([...conditions, ...guarded])('says true or false of anybody: %s', (source) => {
    const rule = compiler.predicate(source, 'example');
    for (const person of [full, empty]) expect(typeof rule(person, '2026-11-22')).toBe('boolean');
  });

  it.each(texts)('gives a text for anybody: %s', (source) => {
    const rule = compiler.text(source, 'example');
    for (const person of [full, empty]) expect(typeof rule(person, '2026-11-22')).toBe('string');
  });

  it.each([
    'int(person.id) > 40',
    'timestamp(person.endDate + "T00:00:00Z") > timestamp("2026-01-01T00:00:00Z")',
  ])('is right that this has no answer for everybody: %s', (source) => {
    const rule = compiler.predicate(source, 'example');
    expect(() => rule(empty, '2026-11-22')).toThrow('gives no answer');
  });

  it('is right about regular expressions: flags in front, no look-aheads', () => {
    expect(compiler.predicate('person.department.matches("(?i)^sALES$")', 'a')(full, '2026-11-22')).toBe(
      true,
    );
    expect(() => compiler.predicate('person.department.matches("(?=S)")', 'a')).toThrow('no look-aheads');
  });
});
