import { z } from 'zod';
import { idle, maybe } from '../wire.ts';

const text = maybe(z.string());
const id = z.string().min(1);

const errors = z.array(
  z.object({ code: idle(z.string()), retryable: idle(z.boolean()), field: idle(z.string()) }),
);
/** One entry of `fail[]`. `key`, where there is one, is the item that failed. */
export const failure = z.object({ key: z.unknown().optional(), errors: maybe(errors) });
export type WireFailure = z.output<typeof failure>;

const pagination = z.object({ next: text, totalCount: maybe(z.number().int()) });

/** The one envelope: `data` holds what was asked, `fail` what went wrong, under HTTP 200 too. */
export function envelope<T extends z.ZodType>(data: T) {
  return z.object({
    meta: maybe(z.object({ pagination: maybe(pagination) })),
    data: z.array(data),
    fail: maybe(z.array(failure)),
  });
}
export type Envelope<T> = {
  readonly meta?:
    | {
        readonly pagination?: z.output<typeof pagination> | null | undefined;
      }
    | null
    | undefined;
  readonly data: readonly T[];
  readonly fail?: readonly WireFailure[] | null | undefined;
};

export const written = envelope(z.unknown());
export type WrittenAnswer = z.output<typeof written>;

/** A directory group; `description` is its name. Only its id can mean one that has none. */
export const folder = z
  .object({ id, description: text, source: text, userCount: idle(z.number()) })
  .transform(({ description, ...row }) => ({ ...row, name: description || row.id }));
export type WireFolder = z.output<typeof folder>;
export const folders = envelope(z.object({ folders: z.array(folder) }));

/** Somebody, or a whole domain, which has neither an address nor a name: somebody without an address is no domain. */
export const member = z
  .object({ emailAddress: text, name: idle(z.string()), domain: text })
  .refine((row) => Boolean(row.emailAddress || (row.domain && !row.name)), {
    message: 'expected an address, or a domain without a name',
    path: ['emailAddress'],
  });
export const members = envelope(z.object({ groupMembers: z.array(member) }));

export const user = z.object({
  emailAddress: id,
  name: text,
  /** Not told by every tenant. */
  accountDisabled: maybe(z.boolean()),
  alias: maybe(z.boolean()),
  addressType: text,
});
export type WireUser = z.output<typeof user>;
export const users = envelope(z.object({ users: z.array(user) }));

/** A campaign. Its `title` is an object of the module's, and no name. */
export const campaign = z
  .object({
    id,
    name: text,
    launchDate: idle(z.string()),
    numSent: idle(z.number()),
    group: idle(z.object({ description: text })),
  })
  .transform((row) => ({ ...row, name: row.name || row.id }));
export type WireCampaign = z.output<typeof campaign>;
export const campaigns = envelope(z.object({ campaigns: z.array(campaign) }));

/** How somebody stands in a campaign: the answer to each question, and where there are none, whether they acknowledged it. */
export const participant = z
  .object({
    email: text,
    emailAddress: text,
    acknowledgement: idle(z.boolean()),
    results: maybe(z.record(z.string(), z.unknown())),
  })
  .refine(({ email, emailAddress }) => Boolean(email || emailAddress), {
    message: 'expected an address',
    path: ['email'],
    // Else the union below would hold whatever comes for a row without an address.
    abort: true,
  });
export type WireParticipant = z.output<typeof participant>;
/** Rows in `data[0].items[]` (the vendor's field table) or flat in `data[]` (its sample). */
export const userData = envelope(z.union([z.object({ items: z.array(participant) }), participant]));
