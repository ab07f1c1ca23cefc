import type { AccountItem, ItemOutcome, Launch, MemberItem } from '../../src/providers/contract.ts';
import type { Bench } from './harness.ts';
import { type Harness, married, people, type SamplePerson } from './harness.ts';

/** One thing that a run asks of a provider. */
export type Step = {
  readonly name: string;
  readonly writes: boolean;
  readonly ask: () => Promise<unknown>;
};

/** What a step came to: what was answered, or what it failed with. */
export type Came = { readonly gave: unknown } | { readonly failed: string };

async function collect<T>(pages: AsyncIterable<readonly T[]>): Promise<T[]> {
  const rows: T[] = [];
  for await (const page of pages) rows.push(...page);
  return rows;
}

/**
 * A platform with somebody who completed the training and whose account has every field, somebody who has not, and
 * somebody who is not enrolled; and all that runs ask of it, reads first.
 */
export async function prepareNight(harness: Harness, bench: Bench): Promise<readonly Step[]> {
  const { capabilities } = harness;
  const { provider, started, ctx } = bench;
  const [done, other, outside, joiner] = people(4) as [
    SamplePerson,
    SamplePerson,
    SamplePerson,
    SamplePerson,
  ];
  const seedWhole = started.seedWhole ?? ((person: SamplePerson) => started.seed([person], true));
  await seedWhole(done);
  await started.seed([other, outside], true);
  const hasAccounts = capabilities.accounts === 'write';
  const rules = started.enrollmentRule === undefined ? [] : [started.enrollmentRule];
  const [target] = rules.length === 0 ? [] : await provider.resolveTargets(rules, ctx);
  const accounts = hasAccounts ? await bench.accountsOf([done, other, outside]) : [];
  const member = (person: SamplePerson, at: number): MemberItem => ({
    person: person.person,
    ref: accounts[at] ?? { id: null, externalId: person.person, email: person.email },
  });
  const change = (operation: 'enroll' | 'unenroll', item: MemberItem): Promise<readonly ItemOutcome[]> =>
    provider.write({ operation, target: target?.id ?? '', members: [item], repeated: false }, ctx);
  if (target !== undefined)
    for (const item of [member(done, 0), member(other, 1)]) await change('enroll', item);
  started.recordResult?.(done, true);
  started.recordResult?.(other, false);
  const items = async (kind: AccountItem['kind'], person: SamplePerson): Promise<AccountItem | undefined> =>
    hasAccounts ? (await bench.items(kind, [person]))[0] : undefined;
  const [update] = married([other]);
  const writes: [string, AccountItem | undefined][] = [
    ['create', await items('create', joiner)],
    ['update', await items('update', update ?? other)],
    ['deactivate', await items('deactivate', done)],
    ['reactivate', await items('reactivate', done)],
  ];
  const steps: Step[] = [];
  const read = (name: string, ask: () => Promise<unknown>): void =>
    void steps.push({ name, writes: false, ask });
  const write = (name: string, ask: () => Promise<unknown>): void =>
    void steps.push({ name, writes: true, ask });
  read('signIn', async () => provider.signIn(ctx));
  if (hasAccounts) read('accounts', () => collect(provider.readAccounts(ctx)));
  const [account] = accounts;
  if (capabilities.lookUp && account !== undefined) read('lookUp', () => provider.lookUp(account, ctx));
  if (target !== undefined) {
    read('targets', () => provider.resolveTargets(rules, ctx));
    read('members', () => collect(provider.readMembers(target.id, ctx)));
  }
  if (capabilities.missing.results === undefined)
    read('results', () => collect(provider.readResults(target === undefined ? [] : [target], null, ctx)));
  if (capabilities.missing.targets === undefined) read('listing', () => provider.listTargets(ctx));
  const { launcher, warnings } = provider;
  if (launcher !== undefined) read('launches', () => launcher.plan(ctx));
  if (warnings !== undefined) read('warnings', () => warnings(ctx));
  for (const [name, item] of writes) {
    const operation = capabilities.operations.find(({ kinds }) => kinds.some((kind) => kind === name))?.name;
    if (item === undefined || operation === undefined) continue;
    write(name, () => provider.write({ operation, accounts: [item], repeated: false }, ctx));
  }
  if (target !== undefined) {
    write('enroll', () => change('enroll', member(outside, 2)));
    write('unenroll', () => change('unenroll', member(other, 1)));
  }
  const [launch] = (await launcher?.plan(ctx)) ?? [];
  if (launcher !== undefined && launch !== undefined) {
    const another: Launch = { ...launch, existing: null };
    write('launch', async () => launcher.send(await launcher.create(another, ctx), ctx));
  }
  return steps;
}

/** Asks one thing; a failure is what it came to. */
export async function ask({ ask: run }: Step): Promise<Came> {
  try {
    return { gave: await run() };
  } catch (error) {
    return { failed: `${(error as { code?: unknown }).code} ${String(error)}` };
  }
}
