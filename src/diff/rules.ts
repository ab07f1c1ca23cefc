import { type ASTNode, Environment } from '@marcbachmann/cel-js';
import { RollcallError } from '../errors.ts';
import { pattern } from '../pattern.ts';
import { type Person, type PersonState, personFields } from '../person.ts';
import { type RuleReads, readsOf } from './rule-columns.ts';

/** What a condition sees of a person: every field a string, '' when empty, so that a rule never meets a null. */
export type RulePerson = Readonly<Record<string, unknown>>;

/**
 * A rule that answers yes or no. `today` is an ISO date. Throws RULE_INVALID where it gives no answer for a person: taken
 * for a no, it would remove them.
 */
export type Predicate = (person: RulePerson, today: string) => boolean;
/** A rule that gives a text. */
export type TextRule = (person: RulePerson, today: string) => string;

const fields = [...personFields.filter((field) => field !== 'manager'), 'state'];

/** What rules see of somebody's manager. */
export const managerFields = ['id', 'email', 'firstName', 'lastName'] as const;
const noManager = { id: '', email: '', firstName: '', lastName: '' } as const;

/**
 * `matches` under a name of ours: the evaluator's own is JavaScript's, whose time has no bound, and cannot be replaced. The
 * name stands where it can be read should an error quote it.
 */
const matches = 'matches_';

/** Has every `matches` of a rule done by `pattern`; a pattern that is wrong is found here if it stands in the rule. */
function boundMatches(node: unknown): void {
  if (Array.isArray(node)) {
    for (const part of node) boundMatches(part);
    return;
  }
  if (!isNode(node)) return;
  if (node.op === 'rcall' && node.args[0] === 'matches') {
    node.args[0] = matches;
    const [given] = node.args[2];
    if (given?.op === 'value' && typeof given.args === 'string') pattern(given.args);
  }
  boundMatches(node.args);
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value;
}

/** Compiles CEL rules against the person of one configuration, whose extra columns are `attributes`. */
export type RuleCompiler = {
  readonly predicate: (source: string, key: string) => Predicate;
  readonly text: (source: string, key: string) => TextRule;
  /** What of a person a rule reads. Throws RULE_INVALID as the others do. */
  readonly reads: (source: string, key: string) => RuleReads;
};

/**
 * A compiler of CEL rules (https://cel.dev). Types are checked at once: an unknown field, a syntax error or a rule of
 * the wrong type throws RULE_INVALID with the key and the position.
 */
export function createRuleCompiler(attributes: readonly string[], hasManager = false): RuleCompiler {
  const environment = new Environment()
    .registerVariable({
      name: 'person',
      schema: {
        ...Object.fromEntries(fields.map((field) => [field, 'string'])),
        attributes: Object.fromEntries(attributes.map((name) => [name, 'string'])),
        ...(hasManager ? { manager: Object.fromEntries(managerFields.map((name) => [name, 'string'])) } : {}),
      },
    })
    .registerVariable('today', 'string')
    .registerFunction(`string.${matches}(string): bool`, (text: string, source: string) =>
      pattern(source).test(text),
    );

  function compile(source: string, key: string, type: 'bool' | 'string' | undefined) {
    const fail = (problem: string, position: number | undefined): never => {
      const first = (problem.split('\n')[0] ?? problem).replace(matches, 'matches');
      const at = position === undefined ? '' : ` at column ${position + 1} of the rule`;
      // One sign too few is the mistake that everybody makes, and the parser knows nothing of assignments.
      const single = /[^=!<>]=[^=]/.test(source.replace(/"[^"]*"|'[^']*'/g, '""'))
        ? ' Write == to compare.'
        : '';
      const known = /No such key|Unknown variable/i.test(first)
        ? `Known are ${fields.map((field) => `person.${field}`).join(', ')}${attributes.map((name) => `, person.attributes.${name}`).join('')}${hasManager ? managerFields.map((name) => `, person.manager.${name}`).join('') : ''} and today; other columns have to be listed in roster.attributes${hasManager ? '' : ', and person.manager needs roster.columns.manager'}.`
        : 'See docs/rules.md for what a rule may say.';
      throw new RollcallError('RULE_INVALID', `the rule "${source}" is wrong${at}: ${first}.${single}`, {
        place: { key },
        hint: known,
      });
    };
    try {
      const rule = environment.parse(source);
      boundMatches(rule.ast);
      const checked = rule.check();
      if (!checked.valid)
        return fail(checked.error?.message ?? 'it does not check', checked.error?.range?.start);
      const found = String(checked.type);
      if (type !== undefined && found !== type && found !== 'dyn') {
        return fail(
          `it gives ${found} and has to give ${type === 'bool' ? 'true or false' : 'a text'}`,
          undefined,
        );
      }
      return rule;
    } catch (error) {
      if (error instanceof RollcallError) throw error;
      const range =
        error instanceof Error && 'range' in error
          ? (error.range as { start?: number } | undefined)
          : undefined;
      return fail(error instanceof Error ? error.message : String(error), range?.start);
    }
  }

  /** The rule's answer. Its error is not passed on: it may quote the person. */
  function answer<T>(
    source: string,
    key: string,
    evaluate: () => unknown,
    person: RulePerson,
    isIt: (value: unknown) => value is T,
  ): T {
    let code = 'it gives something else';
    try {
      const value = evaluate();
      if (isIt(value)) return value;
    } catch (error) {
      code = error instanceof Error && 'code' in error ? String(error.code) : 'it fails';
    }
    throw new RollcallError(
      'RULE_INVALID',
      `the rule "${source}" gives no answer for person ${String(person['id'])} (${code}).`,
      { place: { key }, hint: 'Make it hold for every value that the column has, the empty one too.' },
    );
  }

  return {
    reads: (source, key) => readsOf(compile(source, key, undefined).ast),
    predicate: (source, key) => {
      const rule = compile(source, key, 'bool');
      return (person, today) =>
        answer(
          source,
          key,
          () => rule({ person, today }),
          person,
          (value) => typeof value === 'boolean',
        );
    },
    text: (source, key) => {
      const rule = compile(source, key, 'string');
      return (person, today) =>
        answer(
          source,
          key,
          () => rule({ person, today }),
          person,
          (value) => typeof value === 'string',
        );
    },
  };
}

/** A person, or a row that has no state yet, as rules see it. */
export function asRulePerson(
  person: Omit<Person, 'state' | 'line'> & { readonly state?: PersonState },
): RulePerson {
  const seen = {
    id: person.id,
    email: person.email ?? '',
    firstName: person.firstName ?? '',
    lastName: person.lastName ?? '',
    department: person.department ?? '',
    status: person.status ?? '',
    startDate: person.startDate ?? '',
    endDate: person.endDate ?? '',
    previousId: person.previousId ?? '',
    state: person.state ?? '',
    manager: person.managedBy ?? noManager,
    attributes: person.attributes,
  };
  return person.unread === undefined ? seen : withoutUnread(seen, person.unread);
}

/** A rule that needs a field that is not there has no answer; one that does not need it has its own. */
function withoutUnread(
  seen: RulePerson & { readonly attributes: Person['attributes'] },
  unread: readonly string[],
): RulePerson {
  // Whose manager they have is not looked up for who has left by half a row.
  const gone = new Set([...unread, 'manager']);
  return {
    ...Object.fromEntries(Object.entries(seen).filter(([field]) => !gone.has(field))),
    attributes: Object.fromEntries(
      Object.entries(seen.attributes).filter(([name]) => !gone.has(`attributes.${name}`)),
    ),
  };
}

/** One `roster.state` rule of the configuration. */
export type StateRuleConfig = { readonly is: PersonState; readonly when: string };

/**
 * The states that apply when the configuration has no rules: the words that HR systems use most. Any other status
 * rejects its row, as with rules of one's own. Without a status column everybody on the roster is active.
 */
export const defaultStates: ReadonlyMap<string, PersonState> = new Map([
  ['active', 'active'],
  ['leave', 'leave'],
  ['on leave', 'leave'],
  ['inactive', 'terminated'],
  ['terminated', 'terminated'],
]);

/**
 * Compiles the ordered state rules: the first that matches counts. Null, which rejects the row, when none does, or when
 * one before it cannot be answered for this row.
 */
export function compileStateRules(
  compiler: RuleCompiler,
  rules: readonly StateRuleConfig[] | undefined,
  hasStatusColumn: boolean,
  today: string,
  key = 'roster.state',
): (row: Omit<Person, 'state'>) => PersonState | null {
  if (rules === undefined) {
    if (!hasStatusColumn) return () => 'active';
    return (row) => defaultStates.get(row.status?.toLowerCase() ?? '') ?? null;
  }
  const compiled = rules.map((rule, at) => ({
    is: rule.is,
    when: compiler.predicate(rule.when, `${key}[${at}].when`),
  }));
  return (row) => {
    const seen = asRulePerson(row);
    try {
      for (const rule of compiled) if (rule.when(seen, today)) return rule.is;
    } catch (error) {
      if (!(error instanceof RollcallError)) throw error;
    }
    return null;
  };
}
