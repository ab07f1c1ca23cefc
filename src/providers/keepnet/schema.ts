import { z } from 'zod';

const text = z.string().nullish();

/** Both envelopes of the vendor's documentation; `data` is what counts. */
export function envelope<T extends z.ZodType>(data: T) {
  return z.object({ data });
}

/** A page of any search. */
export function page<T extends z.ZodType>(row: T) {
  return z.object({
    totalNumberOfPages: z.number().int().min(0),
    totalNumberOfRecords: z.number().int().min(0),
    results: z.array(row),
  });
}
export type Page<T> = {
  readonly totalNumberOfPages: number;
  readonly totalNumberOfRecords: number;
  readonly results: readonly T[];
};

/** One custom field of a user; kept whole, since an update sends it back. */
export const customField = z.looseObject({ resourceId: text, name: text, value: z.unknown().optional() });
export type WireCustomField = z.output<typeof customField>;

/** A target user: search rows say `status`, single reads `isActive`. */
export const user = z
  .object({
    resourceId: z.string().min(1),
    email: text,
    phoneNumber: text,
    firstName: text,
    lastName: text,
    department: text,
    priority: z.union([z.string(), z.number()]).nullish(),
    status: text,
    isActive: z.boolean().nullish(),
    customFields: z.array(customField).nullish(),
    timeZoneId: text,
    preferredLanguageId: text,
    manager: z.looseObject({ FirstName: text, LastName: text, Email: text }).nullish(),
  })
  .refine((row) => typeof row.isActive === 'boolean' || typeof row.status === 'string', {
    message: 'says neither isActive nor status',
  });
export type WireUser = z.output<typeof user>;

export const userPage = envelope(page(user));
/** `data` of a single read; null goes with a 404. */
export const oneUser = envelope(user.nullish());
/** What an email search answers is not published: a page, a list, the row itself, or nothing. */
export const emailSearch = envelope(z.union([page(user), z.array(user), user]).nullish());
export const created = envelope(z.object({ resourceId: z.string().min(1) }));
/** A write whose answer says nothing but that it is one of the two envelopes. */
export const done = z
  .object({ isSuccess: z.boolean().optional(), status: z.union([z.string(), z.number()]).optional() })
  .refine(({ isSuccess, status }) => isSuccess !== undefined || status !== undefined, {
    message: 'is no envelope',
  });
/** What an empty answer to a write stands for. */
export const emptyDone = { isSuccess: true };

export const group = z.object({
  resourceId: z.string().min(1),
  name: z.string(),
  isEditable: z.boolean().nullish(),
  isScimGroup: z.boolean().nullish(),
  isGoogleGroup: z.boolean().nullish(),
  targetUserCount: z.number().nullish(),
});
export type WireGroup = z.output<typeof group>;
export const groupList = envelope(z.array(group));

/** Names of the id differ between the vendor's documents. */
export const company = z
  .object({ resourceId: text, companyResourceId: text, name: text, companyName: text })
  .transform((row) => ({
    id: row.resourceId ?? row.companyResourceId ?? '',
    name: row.name ?? row.companyName ?? '',
  }))
  .refine((row) => row.id !== '', { message: 'has no id' });
export const companyPage = envelope(page(company));

export const training = z
  .object({ resourceId: text, trainingId: text, name: text, trainingName: text })
  .transform((row) => ({
    id: row.resourceId ?? row.trainingId ?? '',
    name: row.name ?? row.trainingName ?? '',
  }))
  .refine((row) => row.id !== '', { message: 'has no id' });
export const trainingPage = envelope(page(training));

export const enrollment = z
  .object({
    enrollmentId: text,
    resourceId: text,
    name: text,
    enrollmentName: text,
    trainingId: text,
    trainingResourceId: text,
    trainingName: text,
    status: text,
  })
  .transform((row) => ({
    id: row.enrollmentId ?? row.resourceId ?? '',
    name: row.name ?? row.enrollmentName ?? '',
    trainingId: row.trainingId ?? row.trainingResourceId ?? null,
    trainingName: row.trainingName ?? null,
    status: row.status ?? null,
  }))
  .refine((row) => row.id !== '', { message: 'has no id' });
export type WireEnrollment = z.output<typeof enrollment>;
export const enrollmentPage = envelope(page(enrollment));

/** `data` of a created enrollment: `resourceId` or `id`, and a number may be either. */
export const createdEnrollment = envelope(
  z
    .object({
      resourceId: z.union([z.string(), z.number()]).nullish(),
      id: z.union([z.string(), z.number()]).nullish(),
    })
    .transform((row) => String(row.resourceId ?? row.id ?? ''))
    .refine((id) => id !== '', { message: 'has no id' }),
);

export const formDetails = envelope(z.unknown());

export const report = z.object({
  targetUserResourceId: z.string().min(1),
  email: text,
  status: text,
  examScore: z.union([z.number(), z.string()]).nullish(),
  firstCompletionDate: text,
  lastInteractionDate: text,
});
export type WireReport = z.output<typeof report>;
export const reportPage = envelope(page(report));
