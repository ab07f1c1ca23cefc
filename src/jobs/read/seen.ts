import type { PartConfig } from '../../config/schema.ts';
import { type RuleBook, targetRule } from '../../diff/rule-book.ts';
import { type SeenColumns, siteColumn } from '../../diff/seen-rows.ts';
import type { ResolvedTarget } from '../../providers/contract.ts';
import { type Customer, managedFields, type Platform } from '../customer.ts';

/** Fields of accounts that tell a person's name. */
const nameFields: ReadonlySet<string> = new Set(['firstName', 'lastName', 'displayName']);

/** What of a row reviewers see: names only where the account has none, for changes that carry no account. */
export function seenColumnsOf(
  { config, parts }: Pick<Customer, 'config' | 'parts'>,
  platform: Platform,
): SeenColumns {
  const fields = managedFields(platform, config.roster.columns);
  return {
    parts: parts.map(({ name, config: { attributes, shrinkBy } }) => ({
      name,
      site: siteColumn(attributes, shrinkBy),
    })),
    names: !fields.some(({ name }) => nameFields.has(name)),
  };
}

/** The rules that a plan for this platform goes by; those of targets by what the configuration calls them. */
export function rulesOf(customer: Pick<Customer, 'config'>, platform: Pick<Platform, 'config'>): RuleBook {
  const { accounts, fields, enrollments } = platform.config;
  const rules: Record<string, string> = { accounts };
  rules['state'] = [...new Set(customer.config.roster.parts.map(stateRules))].join('; ');
  for (const [name, rule] of Object.entries(fields)) rules[`fields.${name}`] = rule;
  for (const { target, when } of enrollments) {
    const key = targetRule(target);
    rules[key] = rules[key] === undefined ? when : `${rules[key]} || ${when}`;
  }
  return rules;
}

/** A part's rules of state; of those that are the same the words are, too. */
function stateRules({ state }: Pick<PartConfig, 'state'>): string {
  return state === undefined ? '' : state.map(({ is, when }) => `${is}: ${when}`).join('; ');
}

/** What the configuration calls a target of the platform's id. */
export function configuredTarget(
  platform: Pick<Platform, 'config'>,
  targets: readonly Pick<ResolvedTarget, 'id'>[],
): (id: string) => string {
  const names = new Map(targets.map(({ id }, at) => [id, platform.config.enrollments[at]?.target ?? id]));
  return (id) => names.get(id) ?? id;
}
