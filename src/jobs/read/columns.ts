import type { CustomerConfig } from '../../config/schema.ts';
import { type Dependence, union } from '../../diff/dependence.ts';
import type { LookColumn } from '../../diff/look.ts';
import type { RuleReads } from '../../diff/rule-columns.ts';
import { type PersonField, personFields } from '../../person.ts';
import type { ResolvedTarget } from '../../providers/contract.ts';
import { type Customer, managedFields, type Platform } from '../customer.ts';

/** Fields whose values say who somebody is: they are compared, and named nowhere. */
const personal: ReadonlySet<string> = new Set([
  'email',
  'firstName',
  'lastName',
  'startDate',
  'endDate',
  'previousId',
]);

type Roster = CustomerConfig['roster'];
type Of = { readonly customer: Pick<Customer, 'config' | 'compiler'>; readonly platform: Platform };

/** The columns behind each decision that one platform takes about a person; targets in the order of the rules. */
export type Columns = Omit<Dependence, 'targets'> & { readonly targets: readonly ReadonlySet<string>[] };

/** Which columns of the export each rule and field of a platform reads, from the rules' syntax: none of them is run. */
export function columnsOf({ customer, platform }: Of): Columns {
  const { config, compiler } = customer;
  const { roster } = config;
  const state = stateColumns(customer);
  const read = (source: string | undefined, key: string): ReadonlySet<string> =>
    source === undefined ? new Set() : named(roster, compiler.reads(source, key), state.any);
  const of = (field: PersonField): ReadonlySet<string> => columnOf(roster, field);
  const fields = new Map<string, ReadonlySet<string>>();
  for (const { name, from } of managedFields(platform, roster.columns)) {
    const rule = platform.config.fields[name];
    if (rule !== undefined) fields.set(name, read(rule, `fields.${name}`));
    else if (from === 'fullName') fields.set(name, union(of('firstName'), of('lastName')));
    else if (from !== null) fields.set(name, of(from));
  }
  const { prefer } = roster.duplicates === 'reject' ? { prefer: undefined } : roster.duplicates;
  return {
    fields,
    terminated: state.terminated,
    accounts: union(read(platform.config.accounts, 'accounts'), state.terminated),
    targets: platform.config.enrollments.map(({ when }, at) => read(when, `enrollments[${at}].when`)),
    gates: union(read(config.ignore.when, 'ignore.when'), read(prefer, 'roster.duplicates.prefer')),
    protect: read(config.protect.when, 'protect.when'),
    protectFrom: new Set(config.protect.from),
    address: of('email'),
    identity: union(of('email'), of('previousId')),
    enrollsOnly: platform.provider.capabilities.accounts === 'none',
  };
}

/** The same, with the targets that the rules name. Several rules may be of one target. */
export function dependenceOf(columns: Columns, targets: readonly ResolvedTarget[]): Dependence {
  const byId = new Map<string, ReadonlySet<string>>();
  for (const [at, { id }] of targets.entries())
    byId.set(id, union(byId.get(id) ?? new Set(), columns.targets[at] ?? new Set()));
  return { ...columns, targets: byId };
}

/** Every column that is mapped or that anything of the platform reads, in the order of the configuration. */
export function lookColumns(
  customer: Pick<Customer, 'config' | 'compiler'>,
  columns: Columns,
): readonly LookColumn[] {
  const { roster } = customer.config;
  const used = union(
    ...columns.fields.values(),
    ...columns.targets,
    columns.accounts,
    columns.terminated,
    columns.gates,
    columns.protect,
    stateColumns(customer).any,
  );
  const looks = new Map<string, LookColumn>();
  for (const field of personFields) {
    const name = roster.columns[field];
    if (name === undefined || field === 'id') continue;
    const before = looks.get(name);
    looks.set(name, {
      name,
      read: before?.read ?? ((person) => person[field]),
      personal: personal.has(field) || before?.personal === true,
    });
  }
  for (const name of roster.attributes)
    if (used.has(name) && !looks.has(name))
      looks.set(name, { name, read: (person) => person.attributes[name] ?? null, personal: false });
  return [...looks.values()];
}

function columnOf(roster: Roster, field: PersonField): ReadonlySet<string> {
  const name = field === 'id' ? undefined : roster.columns[field];
  return new Set(name === undefined ? [] : [name]);
}

/** What a rule reads, as names of columns; `state` stands for whatever decides on it. */
function named(roster: Roster, reads: RuleReads, state: ReadonlySet<string>): ReadonlySet<string> {
  const mapped = personFields.flatMap((field) => [...columnOf(roster, field)]);
  if (reads.all) return union(new Set([...mapped, ...roster.attributes]), state);
  const names = new Set<string>();
  for (const field of reads.fields) {
    if (field === 'state') for (const name of state) names.add(name);
    else if (field.startsWith('attributes.')) names.add(field.slice('attributes.'.length));
    else for (const name of columnOf(roster, field as PersonField)) names.add(name);
  }
  return names;
}

/**
 * The columns that decide on a person's state, and those that decide on their being terminated: the rules up to the last
 * one of that state, and the end date. What comes after cannot make anybody a leaver.
 */
function stateColumns({ config, compiler }: Pick<Customer, 'config' | 'compiler'>): {
  readonly any: ReadonlySet<string>;
  readonly terminated: ReadonlySet<string>;
} {
  const { roster } = config;
  const dates = union(columnOf(roster, 'startDate'), columnOf(roster, 'endDate'));
  const rules = roster.state;
  if (rules === undefined) {
    const status = columnOf(roster, 'status');
    return { any: union(status, dates), terminated: union(status, columnOf(roster, 'endDate')) };
  }
  const each = rules.map(({ when }, at) =>
    named(roster, compiler.reads(when, `roster.state[${at}].when`), new Set()),
  );
  const last = rules.findLastIndex(({ is }) => is === 'terminated');
  return {
    any: union(...each, dates),
    terminated: union(...each.slice(0, last + 1), columnOf(roster, 'endDate')),
  };
}
