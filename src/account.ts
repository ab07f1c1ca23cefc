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

/** An account as a platform gave it back. `fields` has only the fields that the platform reads back. */
export type Account = AccountRef & {
  readonly active: boolean;
  readonly fields: AccountFields;
};

/** One member of an enrollment target, as read. `completed`: the platform says that the training is done. */
export type Membership = AccountRef & { readonly completed: boolean };
