import type { Account, Membership } from '../../account.ts';
import { normaliseEmail, normaliseId, normaliseText } from '../../normalise.ts';
import type { AccountItem, FieldSpec, ResultRow } from '../contract.ts';
import type { WireCustomField, WireListedUser, WireReport, WireUser } from './schema.ts';
import type { KeepnetSettings } from './settings.ts';

/** Longest first and last name, and department, that an update takes (vendor's document). In UTF-16 code units. */
export const longest = { name: 40, department: 64, email: 320 } as const;
/** The vendor's own page sends this. */
const defaultPriority = 'Medium';

/** The fields of a target user that we write. */
export const fields: Readonly<Record<string, FieldSpec>> = {
  firstName: { from: 'firstName', readBack: true, maxLength: longest.name },
  lastName: { from: 'lastName', readBack: true, maxLength: longest.name },
  email: { from: 'email', readBack: true, required: true, maxLength: longest.email },
  department: { from: 'department', readBack: true, maxLength: longest.department },
  phoneNumber: { from: null, readBack: true },
  /** An id. Lists give the name of the time zone and of the language instead. */
  timeZone: { from: null, readBack: false },
  language: { from: null, readBack: false },
  /** The manager's email. Only single reads give the manager back. */
  manager: { from: null, readBack: false, maxLength: longest.email },
  managerFirstName: { from: null, readBack: false, maxLength: longest.name },
  managerLastName: { from: null, readBack: false, maxLength: longest.name },
};

/** What lists and single reads have in common. */
type AnyUser = Pick<WireListedUser, keyof WireListedUser & keyof WireUser>;

type Choices = Pick<KeepnetSettings, 'employeeIdField' | 'phoneNumber'>;

/** Whether a custom field is the one that carries the employee id. */
export function isEmployeeId(
  field: WireCustomField,
  setting: NonNullable<Choices['employeeIdField']>,
): boolean {
  if (typeof setting === 'string') return field.name === setting || field.resourceId === setting;
  return setting.resourceId === undefined
    ? field.name === setting.name
    : field.resourceId === setting.resourceId || field.name === setting.name;
}

/** The employee id in the configured custom field; null without one. */
export function employeeIdOf(user: AnyUser, { employeeIdField }: Choices): string | null {
  if (employeeIdField === undefined) return null;
  const value = user.customFieldValues?.find((field) => isEmployeeId(field, employeeIdField))?.value;
  return typeof value === 'string' || typeof value === 'number' ? normaliseId(String(value)) || null : null;
}

/** A target user as an account. The phone number that stands for "none" reads as empty. */
export function toAccount(user: AnyUser, choices: Choices): Account {
  const phoneNumber = normaliseText(user.phoneNumber ?? '');
  const email = normaliseEmail(user.email ?? '');
  return {
    id: user.resourceId,
    externalId: employeeIdOf(user, choices),
    email: email || null,
    active: user.isActive,
    fields: {
      firstName: normaliseText(user.firstName ?? ''),
      lastName: normaliseText(user.lastName ?? ''),
      email,
      department: normaliseText(user.department ?? ''),
      phoneNumber: phoneNumber === normaliseText(choices.phoneNumber ?? '') ? '' : phoneNumber,
    },
  };
}

export function toMembership(user: AnyUser, choices: Choices, completed: boolean): Membership {
  const email = normaliseEmail(user.email ?? '') || null;
  return { id: user.resourceId, externalId: employeeIdOf(user, choices), email, completed };
}

/** Cuts to a number of UTF-16 code units, never through a character of two. Null when there is no text. */
function cut(text: string | null | undefined, most: number): string | null {
  if (text === null || text === undefined) return null;
  if (text.length <= most) return text;
  const last = text.charCodeAt(most - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? most - 1 : most).trimEnd();
}

function customFieldsFor(
  user: WireUser | null,
  person: string,
  { employeeIdField }: Choices,
): readonly WireCustomField[] {
  const existing = (user?.customFieldValues ?? []).map(present);
  if (employeeIdField === undefined) return existing;
  const others = existing.filter((field) => !isEmployeeId(field, employeeIdField));
  const own = existing.find((field) => isEmployeeId(field, employeeIdField));
  const described = typeof employeeIdField === 'string' ? { name: employeeIdField } : employeeIdField;
  return [...others, { ...described, ...own, value: person }];
}

type Body = Record<string, unknown>;

/** Leaves out what is missing: null is not taken everywhere, and what a write leaves out is gone, as it should be. */
function present<T extends Body>(body: T): Partial<T> {
  const entries = Object.entries(body).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(entries) as Partial<T>;
}

/** The body that creates a person's target user. */
export function toCreate(item: AccountItem, choices: Choices): Body {
  const { firstName, lastName, email, department, phoneNumber, timeZone, language, manager } = item.fields;
  const customFields = customFieldsFor(null, item.person, choices);
  return present({
    email,
    firstName: cut(firstName, longest.name) || null,
    lastName: cut(lastName, longest.name) || null,
    department: cut(department, longest.department) || null,
    phoneNumber: phoneNumber || choices.phoneNumber,
    timeZoneId: timeZone || null,
    preferredLanguageId: language || null,
    managerEmail: manager || null,
    managerFirstName: cut(item.fields['managerFirstName'], longest.name) || null,
    managerLastName: cut(item.fields['managerLastName'], longest.name) || null,
    customFields: customFields.length === 0 ? null : customFields,
    priority: defaultPriority,
    isActive: true,
  });
}

/**
 * The whole record that replaces a target user: as it was read, with what the item changes. A deactivation changes
 * nothing but `isActive`; even so, what is longer than an update takes has to be cut. Groups are not named, and then stay
 * as they are (an assumption).
 */
export function toUpdate(user: WireUser, item: AccountItem, choices: Choices): Body {
  const wanted = item.kind === 'deactivate' ? {} : item.fields;
  const customFields =
    item.kind === 'deactivate'
      ? (user.customFieldValues ?? []).map(present)
      : customFieldsFor(user, item.person, choices);
  return present({
    email: wanted['email'] || user.email,
    firstName: cut(wanted['firstName'] ?? user.firstName, longest.name),
    lastName: cut(wanted['lastName'] ?? user.lastName, longest.name),
    department: cut(wanted['department'] ?? user.department, longest.department),
    phoneNumber: (wanted['phoneNumber'] ?? user.phoneNumber) || choices.phoneNumber,
    timeZoneId: (wanted['timeZone'] ?? user.timeZoneId) || null,
    preferredLanguageId: (wanted['language'] ?? user.preferredLanguageId) || null,
    ...managerFor(user, wanted),
    customFields: customFields.length === 0 ? null : customFields,
    priority: user.priority,
    isActive: item.kind === 'update' ? user.isActive : item.kind === 'reactivate',
  });
}

/** The manager as read, unless the email is ours to set and another: then the names are those we have, or none. */
function managerFor(user: WireUser, wanted: AccountItem['fields']): Body {
  const { manager: email } = wanted;
  const isSame = email === undefined || normaliseEmail(user.managerEmail ?? '') === normaliseEmail(email);
  const known: Partial<WireUser> = isSame ? user : {};
  return {
    managerEmail: isSame ? user.managerEmail : email || null,
    managerFirstName: cut(wanted['managerFirstName'] ?? known.managerFirstName, longest.name),
    managerLastName: cut(wanted['managerLastName'] ?? known.managerLastName, longest.name),
  };
}

/** ISO 8601 of a vendor's time; one without a zone is taken as UTC. Null when it is no time. */
export function toIso(text: string | null | undefined): string | null {
  if (text === null || text === undefined || text.trim() === '') return null;
  const zoned = /(?:Z|[+-]\d{2}:?\d{2})$/i.test(text.trim()) || !/\d[T ]\d/.test(text);
  const atMs = Date.parse(zoned ? text : `${text.trim().replace(' ', 'T')}Z`);
  return Number.isNaN(atMs) ? null : new Date(atMs).toISOString();
}

/** `Completed`, as the product shows it; `Not Completed`, `In Progress` and every other word are open. */
export function isCompleted(report: WireReport): boolean {
  return normaliseText(report.status ?? '').toLowerCase() === 'completed';
}

/** How a report's row names somebody: by target user, else by email; null when it tells neither. */
export function subjectOf(report: WireReport): string | null {
  return report.targetUserResourceId || normaliseEmail(report.email ?? '') || null;
}

/** One row of a training report. Reports have no ids of their own: enrollment and user make one. */
export function toResult(
  report: WireReport,
  of: { readonly enrollmentId: string; readonly target: string; readonly targetName: string },
): ResultRow {
  const score = report.examScore == null || report.examScore === '' ? Number.NaN : Number(report.examScore);
  return {
    ref: {
      id: report.targetUserResourceId || null,
      externalId: null,
      email: normaliseEmail(report.email ?? '') || null,
    },
    id: `${of.enrollmentId}/${subjectOf(report)}`,
    target: of.target,
    targetName: of.targetName,
    status: isCompleted(report) ? 'completed' : 'open',
    score: Number.isFinite(score) ? score : null,
    at: toIso(report.firstCompletionDate) ?? toIso(report.lastInteractionDate),
    rawStatus: report.status ?? '',
  };
}

/** Somebody who is in the group and in no report: no enrollment has been sent to them yet. */
export function notReached(user: AnyUser, choices: Choices): Omit<ResultRow, 'target' | 'targetName'> {
  const { completed: _never, ...ref } = toMembership(user, choices, false);
  return { ref, id: null, status: 'open', score: null, at: null, rawStatus: 'not sent' };
}
