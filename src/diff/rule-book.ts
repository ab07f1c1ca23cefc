import type { Change } from './change.ts';

/** The rules of a platform as they are configured, by what they are of: `accounts`, `state`, `fields.NAME`, `target ID`. */
export type RuleBook = Readonly<Record<string, string>>;

/** The key of a target's rules, by what the configuration calls it. */
export const targetRule = (name: string): string => `target ${name}`;

/** What the configuration says that a change follows from, the nearest first. */
function behind(
  { kind, reason, target, changed }: Change,
  nameOf: (target: string) => string,
): readonly string[] {
  if (kind === 'update') return changed.map((field) => `fields.${field}`);
  if (kind === 'create' || kind === 'reactivate') return ['accounts', 'state'];
  switch (reason) {
    case 'TERMINATED':
      return ['state'];
    case 'ACCOUNT_RULE_FALSE':
      return ['accounts', 'state'];
    case 'TARGET_RULE_TRUE':
    case 'TARGET_RULE_FALSE':
      return target === null ? [] : [targetRule(nameOf(target))];
    default:
      return [];
  }
}

/** The rule behind a change that is not what it was; null where all are, or where nothing is known of before. */
export function ruleMove(
  change: Change,
  before: RuleBook,
  now: RuleBook,
  nameOf: (target: string) => string,
): { readonly from: string | null; readonly to: string } | null {
  if (Object.keys(before).length === 0) return null;
  for (const key of behind(change, nameOf)) {
    const to = now[key];
    if (to === undefined || before[key] === to) continue;
    const from = before[key] ?? null;
    // A target that is called otherwise now has no other rule.
    if (from === null && Object.values(before).includes(to)) continue;
    return { from, to };
  }
  return null;
}
