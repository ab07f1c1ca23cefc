import { type Dependence, union } from '../../diff/dependence.ts';
import type { LookColumn } from '../../diff/look.ts';
import type { RuleReads } from '../../diff/rule-columns.ts';
import { type PersonField, personFields } from '../../person.ts';
import type { ResolvedTarget } from '../../providers/contract.ts';
import { attributeCell } from '../../row-hashes.ts';
import { type Customer, managedFields, type Part, type Platform } from '../customer.ts';

/** Fields whose values say who somebody is: they are compared, and named nowhere. */
const personal: ReadonlySet<string> = new Set([
  'email',
  'firstName',
  'lastName',
  'startDate',
  'endDate',
  'previousId',
  'manager',
]);

/** A part's columns as they are called in reports: two parts may have columns of one name. */
type Named = {
  readonly columns: Readonly<Partial<Record<PersonField, string>>>;
  /** By the name that rules know. */
  readonly attributes: ReadonlyMap<string, string>;
};
type OfPart = { readonly customer: Pick<Customer, 'compiler'>; readonly part: Part };
type Of = OfPart & { readonly customer: Pick<Customer, 'config' | 'compiler'>; readonly platform: Platform };

/** What a column of a part is called; as it is where there are no parts. */
export function nameIn<T extends string | undefined>({ name }: Pick<Part, 'name'>, column: T): T | string {
  return column === undefined || name === '' ? column : `${name}: ${column}`;
}

function namesOf(part: Part): Named {
  const { columns, attributes } = part.config;
  return {
    columns: Object.fromEntries(
      Object.entries(columns).flatMap(([field, column]) =>
        column === undefined ? [] : [[field, nameIn(part, column)]],
      ),
    ),
    attributes: new Map(attributes.map((column) => [column, nameIn(part, column)])),
  };
}

/** The columns behind each decision that one platform takes about a person; targets in the order of the rules. */
export type Columns = Omit<Dependence, 'targets'> & { readonly targets: readonly ReadonlySet<string>[] };

/** Which columns of a part each rule and field of a platform reads, from the rules' syntax: none of them is run. */
export function columnsOf({ customer, platform, part }: Of): Columns {
  const { config, compiler } = customer;
  const roster = namesOf(part);
  const state = stateColumns({ customer, part });
  const read = (source: string | undefined, key: string): ReadonlySet<string> =>
    source === undefined ? new Set() : named(roster, compiler.reads(source, key), state.any);
  const of = (field: PersonField): ReadonlySet<string> => columnOf(roster, field);
  const fields = new Map<string, ReadonlySet<string>>();
  for (const { name, from } of managedFields(platform, part.config.columns)) {
    const rule = platform.config.fields[name];
    if (rule !== undefined) fields.set(name, read(rule, `fields.${name}`));
    else if (from === 'fullName') fields.set(name, union(of('firstName'), of('lastName')));
    else if (from !== null) fields.set(name, of(from));
  }
  const { duplicates } = part.config;
  const prefer = duplicates === 'reject' ? undefined : duplicates.prefer;
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
export function lookColumns({ customer, part }: OfPart, columns: Columns): readonly LookColumn[] {
  const roster = namesOf(part);
  const used = union(
    ...columns.fields.values(),
    ...columns.targets,
    columns.accounts,
    columns.terminated,
    columns.gates,
    columns.protect,
    stateColumns({ customer, part }).any,
  );
  const looks = new Map<string, LookColumn>();
  for (const field of personFields) {
    const name = roster.columns[field];
    if (name === undefined || field === 'id') continue;
    const before = looks.get(name);
    looks.set(name, {
      name,
      cell: before?.cell ?? field,
      read: before?.read ?? ((person) => person[field]),
      personal: personal.has(field) || before?.personal === true,
    });
  }
  for (const [attribute, name] of roster.attributes)
    if (used.has(name) && !looks.has(name))
      looks.set(name, {
        name,
        cell: attributeCell(attribute),
        read: (person) => person.attributes[attribute] ?? null,
        personal: false,
      });
  return [...looks.values()];
}

function columnOf(roster: Named, field: PersonField): ReadonlySet<string> {
  const name = field === 'id' ? undefined : roster.columns[field];
  return new Set(name === undefined ? [] : [name]);
}

/** What a rule reads, as names of columns; `state` stands for whatever decides on it. */
function named(roster: Named, reads: RuleReads, state: ReadonlySet<string>): ReadonlySet<string> {
  const mapped = personFields.flatMap((field) => [...columnOf(roster, field)]);
  if (reads.all) return union(new Set([...mapped, ...roster.attributes.values()]), state);
  const names = new Set<string>();
  for (const field of reads.fields) {
    if (field === 'state') for (const name of state) names.add(name);
    else if (field.startsWith('attributes.')) {
      // One that only other parts have is empty in this one, always.
      const name = roster.attributes.get(field.slice('attributes.'.length));
      if (name !== undefined) names.add(name);
    } else if (field.startsWith('manager.')) {
      // Theirs by the column that names them, and by the manager's own.
      for (const one of ['manager', field.slice('manager.'.length)] as const)
        for (const name of columnOf(roster, one as PersonField)) names.add(name);
    } else for (const name of columnOf(roster, field as PersonField)) names.add(name);
  }
  return names;
}

/**
 * The columns that decide on a person's state, and those that decide on their being terminated: the rules up to the last
 * one of that state, and the end date. What comes after cannot make anybody a leaver.
 */
function stateColumns({ customer: { compiler }, part }: OfPart): {
  readonly any: ReadonlySet<string>;
  readonly terminated: ReadonlySet<string>;
} {
  const roster = namesOf(part);
  const dates = union(columnOf(roster, 'startDate'), columnOf(roster, 'endDate'));
  const rules = part.config.state;
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
