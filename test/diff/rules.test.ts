import { describe, expect, it } from 'vitest';
import { compileDesire, type DesireRules, type DiffField, exemptOf } from '../../src/diff/desired.ts';
import { asRulePerson, compileStateRules, createRuleCompiler } from '../../src/diff/rules.ts';
import { RollcallError } from '../../src/errors.ts';
import type { Person } from '../../src/person.ts';

const today = '2026-03-02';
const compiler = createRuleCompiler(['Location', 'Job Title']);
const zoe: Person = {
  id: '10442',
  email: 'zoe@example.com',
  firstName: 'Zoë',
  lastName: 'Okafor',
  department: 'Sales',
  status: 'Active',
  startDate: '2026-03-02',
  endDate: null,
  previousId: null,
  manager: null,
  attributes: { Location: 'Europe', 'Job Title': 'Lead' },
  state: 'active',
  line: 2,
};

function problemOf(act: () => unknown): RollcallError {
  try {
    act();
  } catch (error) {
    if (error instanceof RollcallError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('a rule', () => {
  it.each([
    ['person.state in ["active", "leave"]', true],
    ['person.department == "Sales" && person.attributes.Location == "Europe"', true],
    ['person.attributes["Job Title"] == "Lead"', true],
    ['person.endDate == ""', true],
    ['person.startDate < today', false],
  ])('%s is %s', (source, expected) => {
    expect(compiler.predicate(source, 'accounts')(asRulePerson(zoe), today)).toBe(expected);
  });

  it.each([
    // Forty letters under JavaScript's own expressions: minutes. The rule is asked for a thousand people.
    ['person.department.matches("^(a+)+$")'],
    ['person.department.matches(person.attributes.Location)'],
  ])('%s takes no longer for a text that is made for it', (source) => {
    const rule = compiler.predicate(source, 'accounts');
    const seen = asRulePerson({
      ...zoe,
      department: `${'a'.repeat(40)}!`,
      attributes: { Location: '^(a|a)*$', 'Job Title': '' },
    });
    const startMs = performance.now();
    for (let person = 0; person < 1_000; person++) expect(rule(seen, today)).toBe(false);
    expect(performance.now() - startMs).toBeLessThan(2_000);
  });

  it.each([
    ['"a(b"', 'missing closing )'],
    ['"(?=a)"', 'there are no look-aheads'],
    [`"${'a'.repeat(1_001)}"`, 'may have 1000 characters'],
  ])('a wrong pattern is refused when the rule is compiled: %#', (source, problem) => {
    const error = problemOf(() => compiler.predicate(`person.department.matches(${source})`, 'accounts'));
    expect(error.code).toBe('RULE_INVALID');
    expect(error.message).toContain(problem);
  });

  it('a wrong pattern out of a cell is a rule without an answer; wrong types are said with the word that was written', () => {
    const rule = compiler.predicate('person.department.matches(person.attributes.Location)', 'accounts');
    const seen = asRulePerson({ ...zoe, attributes: { Location: '(', 'Job Title': '' } });
    expect(problemOf(() => rule(seen, today)).message).toContain('gives no answer for person 10442');
    const error = problemOf(() => compiler.predicate('person.department.matches(1)', 'accounts'));
    expect(error.message).toContain("'string.matches(int)'");
  });

  it.each([
    ['person.depratment == "Sales"', 'at column 8', 'No such key: depratment'],
    ['person.attributes.Locaton == ""', 'at column 19', 'No such key: Locaton'],
    ['persn.id == ""', 'at column 1', 'Unknown variable: persn'],
    ['person.id ==', 'at column 13', 'Unexpected token'],
    ['person.id == 1', 'at column 1', 'no such overload'],
    ['', 'at column 1', 'Unexpected token'],
    ['person.id', 'is wrong', 'it gives string and has to give true or false'],
  ])('%s is refused with its place', (source, place, problem) => {
    const error = problemOf(() => compiler.predicate(source, 'platforms.academy.accounts'));
    expect(error.code).toBe('RULE_INVALID');
    expect(error.place).toEqual({ key: 'platforms.academy.accounts' });
    expect(error.message).toContain(place);
    expect(error.message).toContain(problem);
  });

  it('names the fields there are when one is unknown', () => {
    const error = problemOf(() => compiler.predicate('person.attributes.Nope == ""', 'accounts'));
    expect(error.hint).toContain('person.attributes.Location');
    expect(error.hint).toContain('person.department');
  });

  it('has to give a text where one is wanted', () => {
    expect(compiler.text('person.firstName + "!"', 'fields.x')(asRulePerson(zoe), today)).toBe('Zoë!');
    expect(problemOf(() => compiler.text('true', 'fields.x')).message).toContain('has to give a text');
  });

  it('that cannot be answered for a person is an error and not a no, and does not quote the person', () => {
    const rule = compiler.predicate('int(person.lastName) > 3', 'accounts');
    const error = problemOf(() => rule(asRulePerson(zoe), today));
    expect([error.code, error.place]).toEqual(['RULE_INVALID', { key: 'accounts' }]);
    expect(error.message).toContain('person 10442');
    expect(`${error.message} ${error.hint}`).not.toContain('Okafor');
    expect(error.cause).toBeUndefined();
    const neither = compiler.predicate('dyn(person.lastName)', 'accounts');
    expect(problemOf(() => neither(asRulePerson(zoe), today)).message).toContain('gives no answer');
  });
});

describe('states', () => {
  const stateOf = (rules: Parameters<typeof compileStateRules>[1], row: Partial<Person> = {}) =>
    compileStateRules(compiler, rules, true, today)({ ...zoe, ...row });

  it.each([
    ['Active', 'active'],
    ['ACTIVE', 'active'],
    ['On Leave', 'leave'],
    ['Leave', 'leave'],
    ['Inactive', 'terminated'],
    ['Terminated', 'terminated'],
    ['Aktiv', null],
    ['', null],
    [null, null],
    ['constructor', null],
    ['__proto__', null],
  ])('by default %s is %s', (status, state) => {
    expect(stateOf(undefined, { status })).toBe(state);
  });

  it('are all active without a status column', () => {
    expect(compileStateRules(compiler, undefined, false, today)({ ...zoe, status: null })).toBe('active');
  });

  it('come from the first rule that matches; none rejects the row', () => {
    const leave = { is: 'leave', when: 'person.attributes.Location == "Europe"' } as const;
    const active = { is: 'active', when: 'person.status == "Active"' } as const;
    expect(stateOf([leave, active])).toBe('leave');
    expect(stateOf([active, leave])).toBe('active');
    expect(stateOf([active], { status: 'Gone' })).toBeNull();
  });

  it('reject a row that a rule cannot be answered for, whatever a later rule says', () => {
    const odd = { is: 'terminated', when: 'int(person.status) > 3' } as const;
    expect(stateOf([odd, { is: 'active', when: 'true' }])).toBeNull();
  });

  it('name the rule that is wrong', () => {
    const rules = [{ is: 'active', when: 'true' } as const, { is: 'leave', when: 'person.x == ""' } as const];
    expect(problemOf(() => stateOf(rules)).place).toEqual({ key: 'roster.state[1].when' });
  });
});

describe('what a person should be', () => {
  const field = (name: string, over: Partial<DiffField> = {}): DiffField => ({
    name,
    from: null,
    readBack: true,
    required: false,
    maxLength: null,
    ...over,
  });
  const rules: DesireRules = {
    accounts: 'person.state in ["active", "leave"]',
    fields: {},
    enrollments: [{ when: 'person.department == "Sales"' }, { when: 'person.state == "leave"' }],
    protect: { people: ['E0001'], when: 'person.department == "Board"', from: ['deactivate', 'unenroll'] },
    ignore: { people: ['E0666'] },
  };
  const of = (person: Partial<Person>, over: Partial<DesireRules> = {}, fields: readonly DiffField[] = []) =>
    compileDesire(compiler, { ...rules, ...over }, fields, today).of({ ...zoe, ...person });

  it.each([
    ['active', true],
    ['leave', true],
    ['preHire', false],
    ['terminated', false],
  ] as const)('%s people have an account by default: %s', (state, wantsAccount) => {
    expect(of({ state })).toMatchObject({ wantsAccount, terminated: state === 'terminated' });
  });

  it('is no account for a leaver, whatever the rule says, and no target without an account', () => {
    expect(of({ state: 'terminated' }, { accounts: 'true' })).toMatchObject({ wantsAccount: false });
    expect(of({ state: 'active' }).targets).toEqual([true, false]);
    expect(of({ state: 'preHire' }).targets).toEqual([false, false]);
  });

  it('is nothing for ignored people', () => {
    expect(of({ id: 'E0666' })).toMatchObject({
      ignored: true,
      wantsAccount: false,
      targets: [false, false],
    });
    expect(of({}, { ignore: { people: [], when: 'person.department == "Sales"' } }).ignored).toBe(true);
  });

  it.each([
    [['deactivate', 'unenroll'], 'both'],
    [['deactivate'], 'deactivate'],
    [['unenroll'], 'unenroll'],
    [[], 'nothing'],
  ])('is protected from %j as %s', (from, protectedFrom) => {
    const protect = { ...rules.protect, from };
    expect(of({ id: 'E0001' }, { protect }).protectedFrom).toBe(protectedFrom);
    expect(of({ department: 'Board' }, { protect }).protectedFrom).toBe(protectedFrom);
    expect(of({}, { protect }).protectedFrom).toBe('nothing');
  });

  it('has its fields from columns, from the full name, or from a rule, in canonical form', () => {
    const fields = [
      field('firstName', { from: 'firstName' }),
      field('displayName', { from: 'fullName' }),
      field('endDate', { from: 'endDate' }),
      field('title'),
      field('email', { from: 'email' }),
      field('phone'),
    ];
    const own = {
      title: 'person.attributes["Job Title"] + "  " + person.endDate',
      email: '"X" + person.email',
    };
    expect(of({}, { fields: own }, fields).values).toEqual([
      'Zoë',
      'Zoë Okafor',
      '',
      'Lead',
      'xzoe@example.com',
      '',
    ]);
    expect(of({ lastName: null }, {}, fields).values[1]).toBe('Zoë');
  });

  it('is cut to what the platform takes, never through a character of two, and counted', () => {
    const fields = [field('firstName', { from: 'firstName', maxLength: 4 })];
    const desire = compileDesire(compiler, rules, fields, today);
    const cut = (firstName: string) => desire.of({ ...zoe, firstName }).values[0];
    expect(cut('Anna')).toBe('Anna');
    expect(desire.cut()).toBe(0);
    expect(cut('Annabel')).toBe('Anna');
    expect(cut('Ann 😀')).toBe('Ann');
    expect(cut('abc😀d')).toBe('abc');
    expect(cut('ab😀d')).toBe('ab😀');
    expect(desire.cut()).toBe(4);
    desire.of({ ...zoe, firstName: 'Annabel', state: 'terminated' });
    expect(desire.cut()).toBe(4);
  });

  it('knows whom the configuration names also without a row', () => {
    expect(exemptOf(rules)).toEqual({
      ignored: new Set(['E0666']),
      protected: new Set(['E0001']),
      from: new Set(['deactivate', 'unenroll']),
    });
  });
});
