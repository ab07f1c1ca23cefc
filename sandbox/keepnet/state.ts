import type { SandboxResponse } from '../server.ts';

/** Rows by id in order of arrival: constant-time look-ups, and an array to slice pages from. */
export class Listing<Row> {
  readonly #byId = new Map<string, Row>();
  #rows: Row[] | undefined = [];

  get size(): number {
    return this.#byId.size;
  }

  has(id: string): boolean {
    return this.#byId.has(id);
  }

  get(id: string): Row | undefined {
    return this.#byId.get(id);
  }

  set(id: string, row: Row): void {
    if (this.#byId.has(id)) this.#rows = undefined;
    else this.#rows?.push(row);
    this.#byId.set(id, row);
  }

  delete(id: string): boolean {
    const existed = this.#byId.delete(id);
    if (existed) this.#rows = undefined;
    return existed;
  }

  /** All rows, oldest first. Not to be changed by the caller. */
  rows(): readonly Row[] {
    this.#rows ??= [...this.#byId.values()];
    return this.#rows;
  }
}

/** One custom field of a user: writes take these as `customFields`, reads give them as `customFieldValues`. */
export type KeepnetCustomField = {
  readonly resourceId: string | null;
  readonly name: string | null;
  readonly dataType: string | null;
  readonly value: string | null;
  readonly timestampValue: string | null;
};

/** A target user with all that a write takes; null is what was never given. */
export type KeepnetUser = {
  readonly resourceId: string;
  readonly createTime: string;
  updateTime: string | null;
  email: string;
  phoneNumber: string | null;
  firstName: string | null;
  lastName: string | null;
  department: string | null;
  priority: string;
  isActive: boolean;
  customFields: readonly KeepnetCustomField[];
  timeZoneId: string | null;
  preferredLanguageId: string | null;
  managerFirstName: string | null;
  managerLastName: string | null;
  managerEmail: string | null;
};

export type KeepnetGroup = {
  readonly resourceId: string;
  readonly createTime: string;
  name: string | null;
  priority: string;
  isEditable: boolean;
  isScimGroup: boolean;
  isGoogleGroup: boolean;
  readonly members: Listing<KeepnetUser>;
};

export type KeepnetTraining = { readonly resourceId: string; readonly createTime: string; name: string };

/** One person's row of a training report. Dates are ISO 8601. */
export type KeepnetResult = {
  readonly user: KeepnetUser;
  status: 'Not Completed' | 'In Progress' | 'Completed';
  examStatusName: string;
  examScore: number | null;
  firstCompletionDate: string | null;
  lastInteractionDate: string | null;
  currentStep: string;
  /** The report does not say which target user it is about. */
  withoutId: boolean;
};

export type KeepnetEnrollment = {
  readonly resourceId: string;
  readonly createTime: string;
  readonly name: string;
  readonly trainingId: string;
  readonly targetGroupResourceIds: readonly string[];
  /** The request that created it, as received. */
  readonly request: Readonly<Record<string, unknown>>;
  readonly autoEnroll: boolean;
  /** How often it was sent. */
  sends: number;
  /** Mails each user got for this enrollment, by user id: a 2 is what nobody wants. */
  readonly mails: Map<string, number>;
  /** Who was reached, by user id. */
  readonly results: Listing<KeepnetResult>;
};

/** One customer company. A company administrator has exactly one. */
export type KeepnetCompany = {
  readonly resourceId: string;
  readonly createTime: string;
  name: string;
  isTargetUserCountExceededLimit: boolean;
  readonly users: Listing<KeepnetUser>;
  /** User id by lower-case email. */
  readonly userIdByEmail: Map<string, string>;
  readonly groups: Listing<KeepnetGroup>;
  readonly trainings: Listing<KeepnetTraining>;
  readonly enrollments: Listing<KeepnetEnrollment>;
  /** Counts writes, so that a cached search knows when it is stale. */
  revision: number;
};

/** What no client of ours may ever ask for; such a request is refused too. */
export type KeepnetViolation = {
  readonly what: 'bulkDelete' | 'delete' | 'selectAll';
  readonly method: string;
  readonly path: string;
};

export type KeepnetState = {
  readonly companies: Listing<KeepnetCompany>;
  /** The first company: the only one of a company administrator. */
  readonly company: KeepnetCompany;
  readonly violations: KeepnetViolation[];
};

/** What the vendor leaves open or documents in two ways. Read at each request, so a test may change it on the way. */
export type KeepnetSettings = {
  /** The credential belongs to a reseller: every request names a company. */
  reseller: boolean;
  /** `alternate` changes with each answer. */
  envelope: 'isSuccess' | 'status' | 'alternate';
  /** What null in a search gets: HTTP 400, HTTP 500, or HTTP 200 with INPUT_ERROR in the body. */
  nullAnswer: '400' | '500' | 'inputError';
  /** Lifetime of an access token, in seconds. */
  tokenLifetimeS: number;
  /** Largest page; a larger one is refused, or cut when `clampPageSize`. */
  maxPageSize: number;
  clampPageSize: boolean;
  /** Most users, and most groups, in one change of group membership. */
  maxBatch: number;
  /** The whole answer to an email already in use; undefined for HTTP 400 in the envelope. */
  duplicateEmail: SandboxResponse | undefined;
  companyIdField: 'resourceId' | 'companyResourceId';
  trainingIdField: 'resourceId' | 'trainingId';
  /** Field of `data` that carries a new enrollment's id. */
  enrollmentIdField: 'resourceId' | 'id';
  /** Whether `enrollmentScheduler` is required on create. */
  schedulerRequired: boolean;
  /** The specification requires it; the vendor's smallest example leaves it out. */
  phoneNumberRequired: boolean;
  /** Whether a search without rows answers `results: null`, and the list of no groups `data: null`. */
  nullWhenEmpty: boolean;
  /** Whether a 429 carries `Retry-After`. */
  retryAfter: boolean;
  nowMs: () => number;
};

/** A request the vendor would refuse; the server turns it into the envelope in force. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  /** An answer that is sent as it is. */
  readonly response: SandboxResponse | undefined;

  constructor(status: number, code: string, message: string, response?: SandboxResponse) {
    super(message);
    this.status = status;
    this.code = code;
    this.response = response;
  }
}
