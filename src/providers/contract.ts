import type { z } from 'zod';
import type { Account, AccountFields, AccountRef, Membership } from '../account.ts';
import type { ChangeKind } from '../change.ts';
import type { EnrollmentRule, PlatformConfig, PlatformSettings } from '../config/schema.ts';
import type { PersonField } from '../person.ts';

/** What a request is for; runs report reads (sign-in included) and writes. */
export type RequestKind = 'auth' | 'read' | 'write';

/** That a write may be sent: true only for a moment, and looked at once more when it leaves. */
export type Permit = {
  readonly isFresh: () => boolean;
  /** What its request fails with where it is not fresh any more. */
  readonly stale: () => Error;
};

/** What comes with every call of a provider. */
export type CallContext = {
  readonly signal: AbortSignal;
  /** Called once for each attempt, before it is sent. */
  readonly onRequest: (kind: RequestKind) => void;
  /**
   * Asked for each write once it has its slot, right before it is sent, with how long it may take. Rejects when it must not
   * be sent.
   */
  readonly permit?: (timeoutMs: number) => Promise<Permit>;
  /**
   * Asked when a request has to wait because the platform asked to, with for how long. False: it is not waited for, and
   * the request ends with PLATFORM_RATE_LIMITED. Without it every pause is waited for.
   */
  readonly waitsFor?: (pauseMs: number) => boolean;
};

/** What becomes of a request that took a slot: its window begins when it left, or when it was late on its way. */
export type Sending = {
  /** Settles when the request has been sent; the next one does not overtake it. */
  readonly left: Promise<void>;
  /** Settles with its answer: by how much longer it took than such requests do, in ms. */
  readonly delayedMs: Promise<number>;
  /** Settles once its answer, if any, was told to the pacer. */
  readonly answered: Promise<void>;
};

/** A request that was answered 429. */
export type Limited = {
  readonly kind: RequestKind;
  /** When it left, by `performance.now()`: those that left before the last one was refused are refused with it. */
  readonly sentMs: number;
  /** For how long it was asked to wait; undefined when no usable time was named. */
  readonly askedMs: number | undefined;
};

/** The slots of one rate group. Every request, reads and sign-in included, takes one before it is sent. */
export type RequestPacer = {
  /**
   * Resolves when one request may be sent at once. Rejects when the signal aborts, or with what `onPause` throws, which is
   * called with the time left while the group is paused.
   */
  readonly slot: (
    signal: AbortSignal,
    sending?: Sending,
    onPause?: (pauseMs: number) => void,
  ) => Promise<void>;
  /** A request was answered 429: nobody in the group sends anything for a while. For how long from now, in ms. */
  readonly limited: (refused: Limited) => Promise<number>;
  /** A request of that kind had another answer: the platform takes them again. */
  readonly answered: (kind: RequestKind) => void;
};

/** The few log methods a provider may use. Fields hold ids and numbers, never names or emails. */
export type ProviderLog = {
  readonly debug: (fields: Record<string, unknown>, message: string) => void;
  readonly warn: (fields: Record<string, unknown>, message: string) => void;
};

/** What a provider is built with. */
export type ProviderDeps = {
  /** The platform's name in the configuration, for messages. */
  readonly platform: string;
  readonly pacer: RequestPacer;
  readonly log: ProviderLog;
  /** First back-off of a failed read, doubled each time. Default `retryBaseMs` of the http client. */
  readonly retryBaseMs?: number;
  /** After so long of nothing but 429 a request gives up. Default `patience.giveUpAfterMs`. */
  readonly giveUpAfterMs?: number;
};

/** One field of an account that the platform takes. */
export type FieldSpec = {
  /**
   * The person field it is filled from by default, `fullName` (first and last name, joined by a space), or null when only
   * a `fields:` rule fills it.
   */
  readonly from: PersonField | 'fullName' | null;
  /** Whether reading an account gives the field back. If not, it is compared with what we last wrote. */
  readonly readBack: boolean;
  /** A create is refused without it: nobody is created while it is empty on the roster, and the run says so. */
  readonly required?: boolean;
  /**
   * Its value is the platform's id of somebody's account: as read and as written. It is filled from an employee id, and
   * written once that person has an account there.
   */
  readonly reference?: true;
  /** Longer values are cut by us, and the run says so. In UTF-16 code units. */
  readonly maxLength?: number;
};

/** A kind of write request: which changes may share one request, and how many of them. */
export type WriteOperation = {
  readonly name: string;
  readonly kinds: readonly ChangeKind[];
  /** Most items in one request. */
  readonly limit: number;
};

/** What a platform can do. What it cannot has its reason in `missing`. */
export type Capabilities = {
  /** `write`: we create, update and deactivate. `none`: there are no accounts to read; people are known by id or email. */
  readonly accounts: 'write' | 'none';
  /** Which reference of an account carries the employee id; `email` where there is no room for one. */
  readonly matchBy: 'externalId' | 'email';
  readonly fields: Readonly<Record<string, FieldSpec>>;
  readonly operations: readonly WriteOperation[];
  /** True when `lookUp` finds one account without reading all, by its id and by what is known of somebody without one. */
  readonly lookUp: boolean;
  /** Reasons, for people, why something is missing. */
  readonly missing: Readonly<
    Partial<Record<'accounts' | 'deactivate' | 'enrollments' | 'results' | 'targets' | 'lookUp', string>>
  >;
};

/** An enrollment target of the configuration, found on the platform. */
export type ResolvedTarget = {
  readonly id: string;
  readonly name: string;
  /** Set when nobody may be enrolled or removed now (outside its dates, finished): the reason. */
  readonly closed?: string;
  /** The target names one training or campaign, so that "who completed is not enrolled anew" applies. */
  readonly isTraining: boolean;
};

/** Something people can be enrolled in, for `rollcall targets`. */
export type TargetListing = {
  readonly kind: string;
  readonly id: string;
  readonly name: string;
  readonly starts?: string;
  readonly ends?: string;
  readonly size?: number;
  readonly details?: Readonly<Record<string, string>>;
};

/** An account to be written. `fields` is all that we want there; `changed` names those that differ (update). */
export type AccountItem = {
  readonly kind: 'create' | 'update' | 'reactivate' | 'deactivate';
  /** The employee id. */
  readonly person: string;
  readonly ref: AccountRef;
  readonly fields: AccountFields;
  readonly changed: readonly string[];
};

/** A membership to be written. */
export type MemberItem = { readonly person: string; readonly ref: AccountRef };

/** What became of one item. `code` is a short stable word, `message` says it without personal data. */
export type ItemOutcome =
  | {
      readonly ok: true;
      readonly account?: { readonly id: string | null; readonly externalId: string | null };
      readonly note?: string;
    }
  | { readonly ok: false; readonly code: string; readonly message: string };

/** One write request's worth of work. */
export type WriteRequest =
  | { readonly operation: string; readonly accounts: readonly AccountItem[]; readonly repeated: boolean }
  | {
      readonly operation: 'enroll' | 'unenroll';
      readonly target: string;
      readonly members: readonly MemberItem[];
      /** An earlier attempt was sent and its outcome is unknown. */
      readonly repeated: boolean;
    };

/** One line of training results. */
export type ResultRow = {
  readonly ref: AccountRef;
  /** The vendor's id of the result; null where there is none, and one person has one result a target. A later read replaces it. */
  readonly id: string | null;
  readonly target: string;
  readonly targetName: string;
  readonly status: 'completed' | 'open';
  readonly score: number | null;
  /** ISO 8601, when completed or last touched. */
  readonly at: string | null;
  readonly rawStatus: string;
};

/**
 * A training to be started for a target group once it has its members. Creating and sending happen at most once each;
 * the caller journals the intent before it calls, and never calls again when the outcome is unknown.
 */
export type Launch = {
  readonly target: string;
  /** The enrollment's name on the platform. */
  readonly name: string;
  readonly training: string;
  readonly send: boolean;
  /** Later members are enrolled by the platform itself. */
  readonly autoEnroll: boolean;
  /** Everyone the send will reach, unmanaged people too. */
  readonly reach: number;
  /** The enrollment's id when one of that name and training exists, with whether it was sent. */
  readonly existing: { readonly id: string; readonly sent: boolean | null } | null;
};

/** A launch as the configuration asks for it. `rule` changes when the rule asks for another one. */
export type WantedLaunch = Pick<Launch, 'name' | 'send' | 'autoEnroll'> & { readonly rule: string };

/** Provider of launches; only Keepnet has one today. */
export type Launcher = {
  /** What the configuration wants started, told without a request. */
  readonly wanted: readonly WantedLaunch[];
  readonly plan: (ctx: CallContext) => Promise<readonly Launch[]>;
  /** Creates the enrollment and returns its id. */
  readonly create: (launch: Launch, ctx: CallContext) => Promise<string>;
  readonly send: (enrollmentId: string, ctx: CallContext) => Promise<void>;
};

/**
 * A platform, behind one contract. Reads prove that they are complete or throw `ProviderError` READ_INCOMPLETE; writes
 * give exactly one outcome for each item, in the order of the items. All methods throw `ProviderError` and honour the
 * signal promptly.
 */
export type Provider = {
  /** Read it anew after `prepare`, which may have refined it. */
  readonly capabilities: Capabilities;
  /**
   * Called once before capabilities are used in a run; may refine them by what the platform says of itself. Without it
   * they are conservative: no request carries more than any platform of the kind takes.
   */
  readonly prepare?: (ctx: CallContext) => Promise<void>;
  /** The cheapest call that proves the credentials. */
  readonly signIn: (ctx: CallContext) => Promise<void>;
  /**
   * All accounts, in pages. Ends normally only when the pages add up. `onTotal` is told the number to expect, when the
   * platform says it. Not called where `capabilities.accounts` is `none`.
   */
  readonly readAccounts: (
    ctx: CallContext,
    onTotal?: (total: number) => void,
  ) => AsyncIterable<readonly Account[]>;
  /**
   * One account, as `readAccounts` gives it, or null. Asked by the platform's id, or without it by the employee id and the
   * email, of which it uses what the platform can search by. Throws CAPABILITY_MISSING where `capabilities.lookUp` is false.
   */
  readonly lookUp: (ref: AccountRef, ctx: CallContext) => Promise<Account | null>;
  /** Finds the targets of the rules, in their order. Throws TARGET_UNKNOWN with the candidates. */
  readonly resolveTargets: (
    rules: readonly EnrollmentRule[],
    ctx: CallContext,
  ) => Promise<readonly ResolvedTarget[]>;
  /** Everybody in the target of that id, in pages, proven complete as accounts are. */
  readonly readMembers: (target: string, ctx: CallContext) => AsyncIterable<readonly Membership[]>;
  /**
   * One write request, and an outcome for each item, in their order. Reads may come before it, and after it where the
   * platform answers with a job. What fails once the write has left says `applied: 'unknown'`, whatever it is: with `no` the
   * batch is taken for unsent, and a PLATFORM_REFUSED is sent again in halves.
   */
  readonly write: (request: WriteRequest, ctx: CallContext) => Promise<readonly ItemOutcome[]>;
  readonly listTargets: (ctx: CallContext) => Promise<readonly TargetListing[]>;
  /** Results since the given time (ISO 8601) where the API can (`resultsSince`); all otherwise. */
  readonly readResults: (
    targets: readonly ResolvedTarget[],
    sinceIso: string | null,
    ctx: CallContext,
  ) => AsyncIterable<readonly ResultRow[]>;
  /** True when `readResults` reads only what is new: a row that does not come again still holds. */
  readonly resultsSince?: boolean;
  readonly launcher?: Launcher;
  /** Warnings worth telling at `check`: licence exceeded, members that no rule explains. */
  readonly warnings?: (ctx: CallContext) => Promise<readonly string[]>;
};

/** How a provider enters the registry. */
export type ProviderModule = {
  readonly name: string;
  /** The platform block: `platformBase` extended. */
  readonly settings: PlatformSettings;
  /** What makes two blocks the same tenant, such as base URL and customer id. */
  readonly tenantOf: (block: PlatformConfig) => string;
  /** What the vendor counts requests by, besides the host; it may hold secrets and is hashed by the caller. */
  readonly credentialOf: (block: PlatformConfig) => string;
  readonly create: (block: PlatformConfig, deps: ProviderDeps) => Provider;
  /** A block from its keys, `provider` left out, as `settings` parses them. Throws zod's error. */
  readonly parse: (keys: object) => PlatformConfig;
};

/**
 * A provider, written with the type of its own block. All blocks go by their common type until they come back here, and
 * only what `settings` has parsed is called by the name of this provider.
 */
export function defineProvider<Block>(provider: {
  readonly name: string;
  readonly settings: PlatformSettings & z.ZodType<Block>;
  readonly tenantOf: (block: Block) => string;
  readonly credentialOf: (block: Block) => string;
  readonly create: (block: Block, deps: ProviderDeps) => Provider;
}): ProviderModule {
  const { name, settings, tenantOf, credentialOf, create } = provider;
  const own = (block: PlatformConfig): Block => block as PlatformConfig & Block;
  return {
    name,
    settings,
    tenantOf: (block) => tenantOf(own(block)),
    credentialOf: (block) => credentialOf(own(block)),
    create: (block, deps) => create(own(block), deps),
    parse: (keys) => settings.parse({ provider: name, ...keys }) as PlatformConfig & Block,
  };
}
