import { inspect } from 'node:util';
import { expect } from 'vitest';
import type { Sandbox, SandboxOptions } from '../../sandbox/server.ts';
import type { Account, AccountFields, AccountRef } from '../../src/account.ts';
import type { ChangeKind } from '../../src/change.ts';
import type { EnrollmentRule } from '../../src/config/schema.ts';
import type {
  AccountItem,
  CallContext,
  Capabilities,
  ItemOutcome,
  Provider,
  ProviderDeps,
  RequestKind,
  WriteRequest,
} from '../../src/providers/contract.ts';
import { freePacer } from '../support/pacer.ts';

export { freePacer };

/**
 * What follows when a field of an answer is not as documented: the call fails and says so (`fails`), it does not matter
 * (`same`), the field counts as empty (`empty`), somebody counts as not having completed (`open`), or people are shown
 * something else (`shown`). A list that is shorter than its total is `incomplete`, a target whose name is another is
 * `unknown`, and a record that cannot be written back is `refused`, as the outcome of its item. `word` is tried on texts
 * alone: another word is passed on (`passes`). `other` is not tried: another id is somebody else.
 */
export type Verdict =
  | 'fails'
  | 'same'
  | 'empty'
  | 'open'
  | 'shown'
  | 'incomplete'
  | 'unknown'
  | 'refused'
  | 'passes'
  | 'other';
export type Means = Readonly<Partial<Record<'null' | 'absent' | 'type' | 'word', Verdict>>>;
/** By operation (`POST /api/things/{id}`), then by field (`data.results.*.id`). What is not named does not matter. */
export type Answers = Readonly<Record<string, Readonly<Record<string, Means>>>>;

/** Stands in every name, email and made-up credential of the suite: it must turn up in no message, note or log call. */
export const canary = 'qzxv';

/** The platform's name in the configuration, in every test. */
export const platform = 'academy';

/** Somebody of the suite. `fields` has `firstName`, `lastName`, `email`, `department`. */
export type SamplePerson = {
  readonly person: string;
  readonly email: string;
  readonly fields: AccountFields;
};

/** What can be wrong with the pages of a read. */
export const readFaults = {
  dropped: 'a page comes back empty',
  repeated: 'the second page is the first again',
  total: 'the total is one too high',
  short: 'the second page lacks one account',
} as const;
export type ReadFault = keyof typeof readFaults;

export type StartOptions = {
  readonly deps: ProviderDeps;
  /** Stands in place of the (last) secret of the credentials, which the platform then refuses. */
  readonly wrongSecret?: string;
  readonly sandbox?: SandboxOptions;
};

/** A platform with a provider on it. */
export type Started = {
  readonly sandbox: Sandbox;
  readonly provider: Provider;
  /** The secrets that the provider was given. */
  readonly secrets: readonly string[];
  /** Puts people there as accounts that somebody else made: with the employee id where there is room, and the email. */
  readonly seed: (people: readonly SamplePerson[], active: boolean) => void | Promise<void>;
  /**
   * Ids of the platform's own making (of accounts, targets, jobs), in an order that is the same each time: the table of
   * fields takes them out of the operations' paths. Needed where a path or an answer has any.
   */
  readonly ids?: () => readonly string[];
  /**
   * Puts somebody there as an active account that has a value in every field that the API knows, those too that we never
   * read. Needed where there are accounts.
   */
  readonly seedWhole?: (person: SamplePerson) => void | Promise<void>;
  /** All accounts as the platform has them, in a form that `toEqual` compares. */
  readonly accountsThere: () => unknown;
  /** Makes the read of accounts wrong from now on. */
  readonly breakRead: (fault: ReadFault) => void;
  /** Makes the platform refuse this person in every write of an account. */
  readonly refuse: (person: SamplePerson) => void;
  /** A rule whose target exists and is open; needed unless `capabilities.missing.enrollments`. */
  readonly enrollmentRule?: EnrollmentRule;
  /** Records a result of the person (in the target of the rule, if there is one); needed unless results are missing. */
  readonly recordResult?: (person: SamplePerson, completed: boolean) => void;
};

/** How the suite gets hold of one provider. */
export type Harness = {
  readonly name: string;
  /** What `provider.capabilities` of a started platform is; the suite decides by it what it skips. */
  readonly capabilities: Capabilities;
  /** At least one of these settings is named when sign-in is refused. */
  readonly credentialKeys: readonly string[];
  /** As many accounts as fill two pages and a half of a read. */
  readonly accountsOfThreePages: number;
  /** Faults that this API cannot have, with the reason. */
  readonly impossibleFaults?: Partial<Record<ReadFault, string>>;
  /** Why the platform cannot refuse one account, if so. */
  readonly cannotRefuseOne?: string;
  /** Fields that only a `fields:` rule fills, with a value that the platform takes. */
  readonly extraFields?: AccountFields;
  /**
   * What the fields of the platform's answers mean to us. Begin with none, `{}`: the test names every field and what it came
   * to, for you to judge. `null` where another harness of the provider has the table.
   */
  readonly answers: Answers | null;
  readonly start: (options: StartOptions) => Promise<Started>;
};

/** What a provider said during a test. Nothing of it may hold the canary or a secret. */
export class Heard {
  readonly #said: string[] = [];

  add(...values: readonly unknown[]): void {
    for (const value of values) this.#said.push(inspect(value, { depth: 12, maxStringLength: null }));
  }

  expectClean(secrets: readonly string[]): void {
    const text = this.#said.join('\n').toLowerCase();
    for (const secret of [canary, ...secrets]) expect(text).not.toContain(secret.toLowerCase());
  }
}

/** One started platform with what a test needs around it. */
export class Bench {
  readonly #harness: Harness;
  readonly started: Started;
  readonly heard: Heard;
  readonly pausesMs: readonly number[];
  readonly #abort = new AbortController();
  /** Requests announced by `onRequest`. */
  readonly announced: Record<RequestKind, number> = { auth: 0, read: 0, write: 0 };
  readonly ctx: CallContext;
  /** Whether calls wait while the platform asks to; batches do not. */
  waits = true;

  constructor(harness: Harness, started: Started, heard: Heard, pausesMs: readonly number[]) {
    this.#harness = harness;
    this.started = started;
    this.heard = heard;
    this.pausesMs = pausesMs;
    this.ctx = {
      signal: this.#abort.signal,
      onRequest: (kind) => void this.announced[kind]++,
      waitsFor: () => this.waits,
    };
  }

  static async open(
    harness: Harness,
    options: Omit<StartOptions, 'deps'> & { readonly deps?: Partial<ProviderDeps> } = {},
  ): Promise<Bench> {
    const heard = new Heard();
    const pausesMs: number[] = [];
    const log = {
      debug: (fields: unknown, message: string) => heard.add(fields, message),
      warn: (fields: unknown, message: string) => heard.add(fields, message),
    };
    const deps = { platform, pacer: freePacer(pausesMs), log, retryBaseMs: 1, ...options.deps };
    return new Bench(harness, await harness.start({ ...options, deps }), heard, pausesMs);
  }

  get provider(): Provider {
    return this.started.provider;
  }

  get sandbox(): Sandbox {
    return this.started.sandbox;
  }

  abort(): void {
    this.#abort.abort();
  }

  /** All accounts, read to the end. */
  async read(): Promise<Account[]> {
    const accounts: Account[] = [];
    for await (const page of this.provider.readAccounts(this.ctx)) accounts.push(...page);
    return accounts;
  }

  /** Any read of this platform: accounts where it has them, else targets. */
  async readAny(): Promise<void> {
    if (this.#harness.capabilities.accounts === 'write') await this.read();
    else await this.provider.listTargets(this.ctx);
  }

  /** The account of each person, as read. Throws for one that is not there. */
  async accountsOf(people: readonly SamplePerson[]): Promise<Account[]> {
    const byKey = new Map((await this.read()).map((account) => [this.#keyOf(account), account]));
    return people.map((person) => {
      const account = byKey.get(this.#keyOf({ externalId: person.person, email: person.email }));
      if (account === undefined) throw new Error(`no account of ${person.person} was read`);
      return account;
    });
  }

  #keyOf(ref: Pick<AccountRef, 'externalId' | 'email'>): string | null {
    return this.#harness.capabilities.matchBy === 'externalId' ? ref.externalId : ref.email;
  }

  /** What a plan would hold for these people; their accounts are looked up for all kinds but `create`. */
  async items(kind: AccountItem['kind'], people: readonly SamplePerson[]): Promise<AccountItem[]> {
    const accounts = kind === 'create' ? [] : await this.accountsOf(people);
    const { capabilities, extraFields } = this.#harness;
    return people.map((person, index) => {
      const { firstName = '', lastName = '' } = person.fields;
      const values: AccountFields = { ...person.fields, fullName: `${firstName} ${lastName}` };
      const wanted = Object.entries(capabilities.fields).flatMap(([name, { from }]) => {
        const value = from === null ? extraFields?.[name] : values[from];
        return value === undefined ? [] : [[name, value] as const];
      });
      const account = accounts[index];
      const externalId = capabilities.matchBy === 'externalId' ? person.person : null;
      const ref = account ?? { id: null, externalId, email: person.email };
      const differing = wanted.filter(([name, value]) => (account?.fields[name] ?? '') !== value);
      return {
        kind,
        person: person.person,
        ref: { id: ref.id, externalId: ref.externalId, email: ref.email },
        fields: Object.fromEntries(wanted),
        changed: kind === 'update' ? differing.map(([name]) => name) : [],
      };
    });
  }

  /** Sends items as the queue does: by operation, in batches of its limit. Returns the outcomes in the items' order. */
  async apply(items: readonly AccountItem[], repeated = false): Promise<ItemOutcome[]> {
    const outcomes = new Map<AccountItem, ItemOutcome>();
    for (const { name, kinds, limit } of this.#harness.capabilities.operations) {
      const ofKind = items.filter((item) => kinds.includes(item.kind));
      for (let start = 0; start < ofKind.length; start += limit) {
        const accounts = ofKind.slice(start, start + limit);
        const batch = await this.write({ operation: name, accounts, repeated });
        expect(batch).toHaveLength(accounts.length);
        accounts.forEach((item, index) => {
          const outcome = batch[index];
          if (outcome !== undefined) outcomes.set(item, outcome);
        });
      }
    }
    return items.map((item) => {
      const outcome = outcomes.get(item);
      if (outcome === undefined) throw new Error(`nothing writes ${item.kind}`);
      return outcome;
    });
  }

  /** One write, its outcomes remembered among what was heard. */
  async write(request: WriteRequest): Promise<readonly ItemOutcome[]> {
    const outcomes = await this.provider.write(request, this.ctx);
    for (const outcome of outcomes) this.heard.add(outcome.ok ? outcome.note : outcome);
    return outcomes;
  }

  /** What the promise failed with, remembered among what was heard. */
  async failure(promise: Promise<unknown>): Promise<unknown> {
    const error = await promise.then(
      () => new Error('expected a failure, and there was none'),
      (reason: unknown) => reason,
    );
    this.heard.add(error);
    return error;
  }

  async close(): Promise<void> {
    this.abort();
    await this.sandbox.close();
    this.heard.expectClean(this.started.secrets);
  }
}

/**
 * Opens a platform for one test. It is closed after the test, which then also checks that nothing the provider said
 * held personal data or a secret.
 */
export type Open = (
  options?: Parameters<typeof Bench.open>[1] & {
    /** The test closes it itself. */
    readonly keepOpen?: true;
  },
) => Promise<Bench>;

/** A test, or a visible skip with the reason why this platform cannot have it. */
export type Case = (
  title: string,
  reason: string | undefined,
  body: () => Promise<void>,
  timeoutMs?: number,
) => void;

/** People `from` … `from + count - 1`, all different, with the canary in every name and email. */
export function people(count: number, from = 0): SamplePerson[] {
  return Array.from({ length: count }, (_, index) => {
    const number = 1_000 + from + index;
    const email = `${canary}.${number}@example.com`;
    return {
      person: `E${number}`,
      email,
      fields: {
        firstName: `Ana ${canary}`,
        lastName: `Okafor-${number} ${canary}`,
        email,
        department: 'Warehouse',
      },
    };
  });
}

/** The same people under another last name. */
export function married(some: readonly SamplePerson[]): SamplePerson[] {
  return some.map((person) => ({
    ...person,
    fields: { ...person.fields, lastName: `${person.fields['lastName']} Quill` },
  }));
}

/** The fewest requests that these many changes take, by the operations' limits. */
export function fewestRequests(
  capabilities: Capabilities,
  counts: Partial<Record<ChangeKind, number>>,
): number {
  return capabilities.operations.reduce((sum, { kinds, limit }) => {
    const items = kinds.reduce((total, kind) => total + (counts[kind] ?? 0), 0);
    return sum + Math.ceil(items / limit);
  }, 0);
}
