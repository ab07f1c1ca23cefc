import { referenceToPerson } from '../account.ts';
import { RollcallError } from '../errors.ts';
import { normaliseEmail, normaliseText } from '../normalise.ts';
import type { Person, PersonField } from '../person.ts';
import { asRulePerson, type Predicate, type RuleCompiler, type RulePerson, type TextRule } from './rules.ts';

/** What a person should be on one platform, worked out from their row by the rules. */
export type Desired = {
  readonly id: string;
  readonly email: string | null;
  readonly previousId: string | null;
  readonly terminated: boolean;
  readonly wantsAccount: boolean;
  /** Values in the order of the platform's fields; '' when empty. */
  readonly values: readonly string[];
  /** In the order of the platform's enrollment rules. */
  readonly targets: readonly boolean[];
  readonly protectedFrom: 'nothing' | 'deactivate' | 'unenroll' | 'both';
  readonly ignored: boolean;
  /** First and last name, to tell people apart where the platform gives no names back. */
  readonly name?: string;
};

/**
 * People whom the configuration names, to be known also when they are not on the roster: a missing person may be
 * protected or ignored too. `from` is what the protected are protected from.
 */
export type Exempt = {
  readonly ignored: ReadonlySet<string>;
  readonly protected: ReadonlySet<string>;
  readonly from: ReadonlySet<string>;
};

/** The people named by a configuration's `protect` and `ignore`. */
export function exemptOf(rules: Pick<DesireRules, 'protect' | 'ignore'>): Exempt {
  return {
    ignored: new Set(rules.ignore.people),
    protected: new Set(rules.protect.people),
    from: new Set(rules.protect.from),
  };
}

/** A field of an account, as far as the diff is concerned. */
export type DiffField = {
  readonly name: string;
  readonly from: PersonField | 'fullName' | null;
  readonly readBack: boolean;
  readonly required: boolean;
  readonly maxLength: number | null;
  /** Its value is somebody's account there: wanted by the employee id of whose it is (`referenceToPerson`). */
  readonly reference?: true;
};

/** The rules of one platform and of its customer. Expressions are CEL. */
export type DesireRules = {
  readonly accounts: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly enrollments: readonly { readonly when: string }[];
  readonly protect: {
    readonly people: readonly string[];
    readonly when?: string | undefined;
    readonly from: readonly string[];
  };
  readonly ignore: { readonly people: readonly string[]; readonly when?: string | undefined };
};

/** What a person should be, and how many of their values were longer than the platform takes. */
export type Desire = { readonly of: (person: Person) => Desired; readonly cut: () => number };

/** First and last name, by a space. */
function fullName(person: Person): string {
  if (person.firstName === null || person.firstName === '') return person.lastName ?? '';
  if (person.lastName === null || person.lastName === '') return person.firstName;
  return `${person.firstName} ${person.lastName}`;
}

/** The beginning of a text, in canonical form, at most so many UTF-16 code units and never half a character of two. */
function cutTo(text: string, maxLength: number): string {
  const last = text.charCodeAt(maxLength - 1);
  const end = last >= 0xd800 && last <= 0xdbff ? maxLength - 1 : maxLength;
  return normaliseText(text.slice(0, end));
}

function defaultValue(person: Person, { from, reference }: DiffField): string {
  if (from === null) return '';
  if (from === 'manager' && reference === true) return person.managedBy?.id ?? '';
  if (from === 'fullName') return fullName(person);
  return person[from] ?? '';
}

/** Compiles everything that turns a person into what a platform should have of them. Throws RULE_INVALID. */
export function compileDesire(
  compiler: RuleCompiler,
  rules: DesireRules,
  fields: readonly DiffField[],
  today: string,
  keyOf: (key: string) => string = (key) => key,
): Desire {
  const accounts = compiler.predicate(rules.accounts, keyOf('accounts'));
  const targets = rules.enrollments.map((rule, at) =>
    compiler.predicate(rule.when, keyOf(`enrollments[${at}].when`)),
  );
  const texts = new Map<string, TextRule>();
  for (const [name, source] of Object.entries(rules.fields))
    texts.set(name, compiler.text(source, keyOf(`fields.${name}`)));
  const ruleOf = (source: string | undefined, key: string): Predicate | null =>
    source === undefined ? null : compiler.predicate(source, key);
  const protectWhen = ruleOf(rules.protect.when, 'protect.when');
  const ignoreWhen = ruleOf(rules.ignore.when, 'ignore.when');
  const exempt = exemptOf(rules);
  const removals = ['deactivate', 'unenroll'] as const;
  const [one, other] = removals.filter((kind) => exempt.from.has(kind));
  const protection = other !== undefined ? 'both' : (one ?? 'nothing');
  let cut = 0;

  /** Who has left, by a row of which not all can be read: a rule that needs what cannot be read spares them. */
  function leaver(person: Person, seen: RulePerson): Desired {
    const spares = (rule: Predicate | null): boolean => {
      try {
        return rule?.(seen, today) === true;
      } catch (error) {
        if (error instanceof RollcallError && error.code === 'RULE_INVALID') return true;
        throw error;
      }
    };
    return {
      id: person.id,
      email: person.email,
      previousId: person.previousId,
      terminated: true,
      wantsAccount: false,
      values: fields.map(() => ''),
      targets: targets.map(() => false),
      protectedFrom: exempt.protected.has(person.id) || spares(protectWhen) ? protection : 'nothing',
      ignored: exempt.ignored.has(person.id) || spares(ignoreWhen),
      name: fullName(person),
    };
  }

  return {
    of: (person) => {
      const seen = asRulePerson(person);
      if (person.unread !== undefined) return leaver(person, seen);
      const ignored = exempt.ignored.has(person.id) || ignoreWhen?.(seen, today) === true;
      const terminated = person.state === 'terminated';
      const wantsAccount = !ignored && !terminated && accounts(seen, today);
      const values = fields.map((field) => {
        const rule = texts.get(field.name);
        // A rule may join values into something that is not in canonical form, as the platform's answer will be.
        const canonical = field.name === 'email' ? normaliseEmail : normaliseText;
        const value = rule === undefined ? defaultValue(person, field) : canonical(rule(seen, today));
        if (field.reference === true) return value === '' ? '' : referenceToPerson(value);
        if (field.maxLength === null || value.length <= field.maxLength) return value;
        if (wantsAccount) cut++;
        return cutTo(value, field.maxLength);
      });
      const isProtected = exempt.protected.has(person.id) || protectWhen?.(seen, today) === true;
      return {
        id: person.id,
        email: person.email,
        previousId: person.previousId,
        terminated,
        wantsAccount,
        values,
        targets: targets.map((when) => wantsAccount && when(seen, today)),
        protectedFrom: isProtected ? protection : 'nothing',
        ignored,
        name: fullName(person),
      };
    },
    cut: () => cut,
  };
}
