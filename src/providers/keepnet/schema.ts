import { z } from 'zod';
import { idle, maybe } from '../wire.ts';

const text = maybe(z.string());
const id = z.string().min(1);

/** The envelope of every answer; `data` is what counts. */
export function envelope<T extends z.ZodType>(data: T) {
  return z.object({ data });
}

/** A page of any search. `results` is null where there are no rows. */
export function page<T extends z.ZodType>(row: T) {
  return z.object({
    totalNumberOfPages: z.number().int().min(0),
    totalNumberOfRecords: z.number().int().min(0),
    results: maybe(z.array(row)).transform((rows) => rows ?? []),
  });
}
export type Page<T> = {
  readonly totalNumberOfPages: number;
  readonly totalNumberOfRecords: number;
  readonly results: readonly T[];
};

/**
 * One custom field of a user; kept whole, since an update sends it back. Reads call the list `customFieldValues`, writes
 * `customFields`.
 */
export const customField = z.looseObject({
  resourceId: text,
  name: text,
  value: maybe(z.union([z.string(), z.number()])),
  dataType: maybe(z.union([z.string(), z.number()])),
  timestampValue: text,
});
export type WireCustomField = z.output<typeof customField>;

const commonUser = {
  resourceId: id,
  email: text,
  phoneNumber: text,
  firstName: text,
  lastName: text,
  department: text,
  customFieldValues: maybe(z.array(customField)),
};

/** How a list says whether a user is active, in lower case. A word that is none of these is an error: it may mean either. */
const userStatus = z
  .string()
  .transform((word) => word.trim().toLowerCase())
  .pipe(z.enum(['active', 'inactive', 'passive', 'disabled', 'deactivated']));

/** A target user as searches and the lists of groups show it; its time zone and language are names there, not ids. */
const listedUser = z
  .object({ ...commonUser, status: userStatus })
  .transform(({ status, ...row }) => ({ ...row, isActive: status === 'active' }));
export type WireListedUser = z.output<typeof listedUser>;

/**
 * A target user as it is read alone, or found by email: all that an update has to send back. The custom fields have to be
 * told, if only as null: taken for none, they would be wiped.
 */
export const user = z.object({
  ...commonUser,
  customFieldValues: z.array(customField).nullable(),
  isActive: z.boolean(),
  priority: text,
  timeZoneId: text,
  preferredLanguageId: text,
  managerFirstName: text,
  managerLastName: text,
  managerEmail: text,
});
export type WireUser = z.output<typeof user>;

export const listedUserPage = envelope(page(listedUser));
export const userPage = envelope(page(user));
export const oneUser = envelope(user);
export const created = envelope(z.object({ resourceId: id }));

const envelopeKeys = ['data', 'status', 'message', 'validationMessages', 'isSuccess', 'messages'];
/** A write whose answer says nothing: an envelope, whatever is in it, or an empty object. */
export const done = z.record(z.string(), z.unknown()).refine(
  (body) => {
    const keys = Object.keys(body);
    return keys.length === 0 || envelopeKeys.some((key) => keys.includes(key));
  },
  { message: 'is no envelope' },
);
/** What an empty answer to a write stands for. */
export const emptyDone = {};

/** A target group. One without a name can be meant by its id alone. */
export const group = z
  .object({
    resourceId: id,
    name: text,
    isEditable: maybe(z.boolean()),
    isScimGroup: maybe(z.boolean()),
    isGoogleGroup: maybe(z.boolean()),
    targetUserCount: idle(z.number()),
  })
  .transform(({ resourceId, name, ...row }) => ({ ...row, id: resourceId, name: name || resourceId }));
export type WireGroup = z.output<typeof group>;
/** Null where there are no groups. */
export const groupList = envelope(maybe(z.array(group)).transform((groups) => groups ?? []));

/** Names of the id differ between the vendor's documents. */
export const company = z
  .object({ resourceId: text, companyResourceId: text, name: text, companyName: text })
  .transform((row) => ({
    id: row.companyResourceId ?? row.resourceId ?? '',
    name: row.companyName ?? row.name ?? '',
  }))
  .refine((row) => row.id !== '', { message: 'expected an id', path: ['companyResourceId'] });
export const companyPage = envelope(page(company));

export const training = z
  .object({ resourceId: text, trainingId: text, name: text, trainingName: text })
  .transform((row) => ({
    id: row.trainingId ?? row.resourceId ?? '',
    name: row.trainingName ?? row.name ?? '',
  }))
  .refine((row) => row.id !== '', { message: 'expected an id', path: ['trainingId'] });
export const trainingPage = envelope(page(training));

/** An enrollment. What its status does not tell, nobody knows: see `wasSent`. */
export const enrollment = z
  .object({
    enrollmentId: text,
    resourceId: text,
    name: text,
    enrollmentName: text,
    trainingId: text,
    trainingResourceId: text,
    trainingName: text,
    status: idle(z.string()),
  })
  .transform((row) => ({
    id: row.enrollmentId ?? row.resourceId ?? '',
    name: row.name ?? row.enrollmentName ?? '',
    trainingId: row.trainingId ?? row.trainingResourceId ?? null,
    trainingName: row.trainingName ?? null,
    status: row.status ?? null,
  }))
  .refine((row) => row.id !== '', { message: 'expected an id', path: ['enrollmentId'] })
  // One without a name would be created, and sent, a second time.
  .refine((row) => row.name !== '', { message: 'expected a name', path: ['name'] });
export type WireEnrollment = z.output<typeof enrollment>;
export const enrollmentPage = envelope(page(enrollment));

/** `data` of a created enrollment: `id` (the specification) or `resourceId`, and a number may be either. */
export const createdEnrollment = envelope(
  z
    .object({
      resourceId: maybe(z.union([z.string(), z.number()])),
      id: maybe(z.union([z.string(), z.number()])),
    })
    .transform((row) => String(row.id ?? row.resourceId ?? ''))
    .refine((enrollmentId) => enrollmentId !== '', { message: 'expected an id', path: ['id'] }),
);

/** Read for its lists of choices, in whatever shape they come. */
export const formDetails = envelope(z.unknown().optional());

/** A row of a training report. It may not say which target user it is about: then the email tells. */
export const report = z.object({
  targetUserResourceId: text,
  email: text,
  status: text,
  resourceId: idle(z.string()),
  userId: idle(z.number()),
  isMainScore: idle(z.boolean()),
  examScore: idle(z.union([z.number(), z.string()])),
  firstCompletionDate: idle(z.string()),
  lastInteractionDate: idle(z.string()),
});
export type WireReport = z.output<typeof report>;
export const reportPage = envelope(page(report));
