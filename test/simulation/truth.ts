import {
  type Company,
  type Employee,
  personalFields,
  type PersonalField,
  type TargetName,
  targetNames,
  targets,
} from './company.ts';
import { type Dialect, isListed, survives } from './dialect.ts';

/** An account as the platform has it. */
export type Seen = {
  readonly id: string;
  readonly active: boolean;
  readonly fields: Readonly<Record<PersonalField, string>>;
  readonly targets: ReadonlySet<TargetName>;
};

/** The platform on one morning, by the employee id of each account. */
export type Morning = { readonly accounts: ReadonlyMap<string, Seen>; readonly strangers: readonly string[] };

/** A night, as far as the rules look at it. */
export type Facts = {
  readonly night: number;
  /** Nothing was damaged, delivered oddly or failing tonight. */
  readonly isClean: boolean;
  /** Clean nights in a row up to tonight. */
  readonly cleanRun: number;
  /** More happened tonight than an ordinary night brings. */
  readonly isBusy: boolean;
  readonly status: string;
  readonly reasons: readonly string[];
  /** People whose changes somebody has rejected: what they lack is not the product's doing. */
  readonly rejected: ReadonlySet<string>;
};

/** Nights after which a leaver has to be gone: the run of the same night, and one more for an approval; absence takes 3 exports. */
const goneAfter = { listed: 2, dropped: 6 } as const;
/** Clean nights after which the platform has to say what HR says. */
export const inStepAfter = 8;
/** Clean nights after which an alarm has no excuse. */
const quietAfter = 6;

/** What must never be, held against what is. Each broken rule in words; none on a good morning. */
export function judge(
  company: Company,
  dialect: Dialect,
  before: Morning,
  after: Morning,
  facts: Facts,
  shouldHave: ReadonlyMap<string, ReadonlySet<TargetName>>,
): readonly string[] {
  const broken: string[] = [];
  for (const stranger of after.strangers) broken.push(`an account for nobody: ${stranger}`);
  for (const [id, seen] of after.accounts) {
    const employee = company.employees.get(id);
    if (employee === undefined) {
      broken.push(`an account for ${id}, who does not exist`);
      continue;
    }
    for (const field of personalFields) {
      const isTheirs = [...company.everTrue(id, field)].some(
        (value) => survives(value, dialect.encoding) === seen.fields[field].normalize('NFC'),
      );
      if (!isTheirs)
        broken.push(`${id}: ${field} is ${JSON.stringify(seen.fields[field])}, which was never true of them`);
    }
    if (employee.leftOn !== null) continue;
    const was = before.accounts.get(id);
    if (was?.active === true && !seen.active) broken.push(`${id} is employed and was deactivated`);
    for (const target of was?.targets ?? [])
      if (
        !seen.targets.has(target) &&
        seen.active &&
        targets[target](employee) &&
        shouldHave.get(id)?.has(target) === true
      )
        broken.push(`${id} was unenrolled from ${target}, where they belong`);
  }
  for (const employee of company.employees.values()) broken.push(...late(employee, dialect, after, facts));
  if (facts.cleanRun > quietAfter && !facts.isBusy && !['applied', 'unchanged'].includes(facts.status))
    broken.push(`an alarm on an ordinary night: ${facts.status} ${facts.reasons.join(', ')}`);
  return broken;
}

/** What should have happened by now and has not. */
function late(employee: Employee, dialect: Dialect, after: Morning, facts: Facts): readonly string[] {
  const seen = after.accounts.get(employee.id);
  if (facts.rejected.has(employee.id)) return [];
  if (employee.leftOn !== null) {
    const nights = Math.min(facts.night - employee.leftOn, facts.cleanRun);
    const limit = goneAfter[isListed(employee, facts.night, dialect) ? 'listed' : 'dropped'];
    return seen?.active === true && nights > limit
      ? [`${employee.id} left on night ${employee.leftOn} and still has access`]
      : [];
  }
  if (facts.cleanRun < inStepAfter) return [];
  if (seen === undefined || !seen.active) return [`${employee.id} is employed and has no access`];
  const broken: string[] = [];
  for (const field of personalFields) {
    const truth = survives(employee[field].normalize('NFC'), dialect.encoding);
    if (truth !== seen.fields[field].normalize('NFC'))
      broken.push(
        `${employee.id}: ${field} is still ${JSON.stringify(seen.fields[field])}, not ${JSON.stringify(truth)}`,
      );
  }
  for (const target of targetNames)
    if (targets[target](employee) !== seen.targets.has(target))
      broken.push(`${employee.id} ${seen.targets.has(target) ? 'is still' : 'is not'} in ${target}`);
  return broken;
}
