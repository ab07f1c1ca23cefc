/**
 * How a platform knows an account: its own opaque id, the id that we gave it (HR's employee id, where the platform has
 * room for one), and the email. At least one is set. `email` is normalised.
 */
export type AccountRef = {
  readonly id: string | null;
  readonly externalId: string | null;
  readonly email: string | null;
};

/** Values of an account by Rollcall's field names (`firstName`, `department`, `title` …), normalised; '' when empty. */
export type AccountFields = Readonly<Record<string, string>>;

const ofPerson = 'person:';
const ofAccount = 'account:';

/** The value of a field that refers to somebody's account there: by the employee id of whose it is. */
export function referenceToPerson(id: string): string {
  return `${ofPerson}${id}`;
}

/** The same of an account that is nobody's whom we know: by the platform's id. */
export function referenceToAccount(id: string): string {
  return `${ofAccount}${id}`;
}

/** The employee id that a reference names; null where it names none. */
export function referredPerson(value: string): string | null {
  return value.startsWith(ofPerson) ? value.slice(ofPerson.length) : null;
}

/** The platform's id that a reference names; null where it names none. */
export function referredAccount(value: string): string | null {
  return value.startsWith(ofAccount) ? value.slice(ofAccount.length) : null;
}

/** An account as a platform gave it back. `fields` has only the fields that the platform reads back. */
export type Account = AccountRef & {
  readonly active: boolean;
  /** False where the platform does not say whether it is active: `active` is true then, until `asWeLeftIt`. */
  readonly activeTold?: false;
  readonly fields: AccountFields;
};

/** One member of an enrollment target, as read. `completed`: the platform says that the training is done. */
export type Membership = AccountRef & { readonly completed: boolean };

/** What we know of a person's account from earlier runs. */
export type Link = {
  readonly person: string;
  /** The platform's id; null until a read has told it, and where there are no accounts. */
  readonly accountId: string | null;
  /** The identifier we gave the account, when it is not the person's own id (a contractor hired under a new one). */
  readonly externalId: string | null;
  /** The email it is known by, where the platform knows only emails. */
  readonly email: string | null;
  /** `hash53` of the values last written that the platform does not give back; null when never written. */
  readonly writtenHash: number | null;
  /** `hash53` of the roster's email at the last write, to notice an id that changes hands. */
  readonly emailHash: number | null;
  /** `hash53` of the identity that somebody confirmed by hand. */
  readonly confirmedHash: number | null;
  /** We deactivated the account, and have not reactivated it since. Counts where the platform does not say. */
  readonly deactivated: boolean;
};

/** The account; where the platform does not say whether it is active, as we left it. */
export function asWeLeftIt(account: Account, deactivated: boolean): Account {
  return deactivated && account.activeTold === false ? { ...account, active: false } : account;
}
