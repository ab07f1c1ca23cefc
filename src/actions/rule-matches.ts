import { type Customer, desireOf } from '../jobs/customer.ts';
import type { Person } from '../person.ts';

/** Counts whom the rules of all platforms match. */
export type RuleMatches = {
  readonly see: (person: Person) => void;
  /** What to say of rules that match nobody on the roster, such as one with "warehouse" for Warehouse. */
  readonly warnings: () => readonly string[];
};

/** A counter of rule matches; `today` is an ISO date. A rule that fails for somebody is left to the plan, which names them. */
export function createRuleMatches(customer: Customer, today: string): RuleMatches {
  const counters = [...customer.platforms.values()].map((platform) => ({
    platform,
    desire: desireOf(customer, platform, today),
    accounts: 0,
    targets: platform.config.enrollments.map(() => 0),
    failed: false,
  }));
  return {
    see: (person) => {
      for (const counter of counters) {
        if (counter.failed) continue;
        try {
          const desired = counter.desire.of(person);
          if (desired.wantsAccount) counter.accounts++;
          for (const [at, wanted] of desired.targets.entries())
            if (wanted) counter.targets[at] = (counter.targets[at] ?? 0) + 1;
        } catch {
          counter.failed = true;
        }
      }
    },
    warnings: () =>
      counters.flatMap(({ platform, accounts, targets, failed }) => {
        if (failed) return [];
        const key = `platforms.${platform.name}`;
        const nobody = 'matches nobody on the roster; comparing minds upper and lower case';
        if (accounts === 0) return [`${key}.accounts (${platform.config.accounts}) ${nobody}`];
        return platform.config.enrollments.flatMap(({ target, when }, at) =>
          targets[at] === 0 ? [`${key}.enrollments[${at}].when (${when}), of ${target}, ${nobody}`] : [],
        );
      }),
  };
}
