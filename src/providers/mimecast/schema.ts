import { z } from 'zod';

const text = z.string().nullish();

const errors = z.array(z.object({ code: text, retryable: z.boolean().nullish(), field: text }));
/** One entry of `fail[]`. `key`, where there is one, is the item that failed. */
export const failure = z.object({ key: z.unknown().optional(), errors: errors.nullish() });
export type WireFailure = z.output<typeof failure>;

const pagination = z.object({ next: text, totalCount: z.number().int().nullish() });

/** The one envelope: `data` holds what was asked, `fail` what went wrong, under HTTP 200 too. */
export function envelope<T extends z.ZodType>(data: T) {
  return z.object({
    meta: z.object({ status: z.number().nullish(), pagination: pagination.nullish() }).nullish(),
    data: z.array(data),
    fail: z.array(failure).nullish(),
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

export const folder = z.object({
  id: z.string().min(1),
  description: z.string(),
  source: text,
  userCount: z.number().nullish(),
});
export type WireFolder = z.output<typeof folder>;
export const folders = envelope(z.object({ folders: z.array(folder) }));

export const member = z.object({ emailAddress: z.string().min(1) });
export const members = envelope(z.object({ groupMembers: z.array(member) }));

export const user = z.object({
  emailAddress: z.string().min(1),
  name: text,
  /** Whether the answer tells it is not published. */
  accountDisabled: z.boolean().nullish(),
  alias: z.boolean().nullish(),
  addressType: text,
});
export type WireUser = z.output<typeof user>;
export const users = envelope(z.object({ users: z.array(user) }));

export const campaign = z.object({
  id: z.string().min(1),
  name: text,
  title: text,
  launchDate: text,
  numSent: z.number().nullish(),
  group: z.object({ description: text }).nullish(),
});
export type WireCampaign = z.output<typeof campaign>;
export const campaigns = envelope(z.object({ campaigns: z.array(campaign) }));

export const participant = z
  .object({
    email: text,
    emailAddress: text,
    acknowledgement: text,
    results: z.record(z.string(), z.unknown()).nullish(),
  })
  .refine(({ email, emailAddress }) => Boolean(email ?? emailAddress), { message: 'has no email' });
export type WireParticipant = z.output<typeof participant>;
/** Rows in `data[0].items[]` (the vendor's field table) or flat in `data[]` (its sample). */
export const userData = envelope(z.union([z.object({ items: z.array(participant) }), participant]));
