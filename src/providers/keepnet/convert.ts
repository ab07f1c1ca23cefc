import type { Account, Membership } from '../../account.ts';
import { normaliseEmail, normaliseId, normaliseText } from '../../normalise.ts';
import type { AccountItem, FieldSpec, ResultRow } from '../contract.ts';
import type { WireCustomField, WireReport, WireUser } from './schema.ts';
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
  timeZone: { from: null, readBack: true },
  language: { from: null, readBack: true },
  /** The manager's email. Only single reads give it back. */
  manager: { from: null, readBack: false },
};

type Choices = Pick<KeepnetSettings, 'employeeIdField' | 'phoneNumber'>;

function isEmployeeId(field: WireCustomField, setting: NonNullable<Choices['employeeIdField']>): boolean {
  if (typeof setting === 'string') return field.name === setting || field.resourceId === setting;
  return setting.resourceId === undefined
    ? field.name === setting.name
    : field.resourceId === setting.resourceId || field.name === setting.name;
}

/** The employee id in the configured custom field; null without one. */
export function employeeIdOf(user: WireUser, { employeeIdField }: Choices): string | null {
  if (employeeIdField === undefined) return null;
  const value = user.customFields?.find((field) => isEmployeeId(field, employeeIdField))?.value;
  return typeof value === 'string' || typeof value === 'number' ? normaliseId(String(value)) || null : null;
}

export function isActive(user: WireUser): boolean {
  return user.isActive ?? normaliseText(user.status ?? '').toLowerCase() === 'active';
}

/** A target user as an account. The phone number that stands for "none" reads as empty. */
export function toAccount(user: WireUser, choices: Choices): Account {
  const phoneNumber = normaliseText(user.phoneNumber ?? '');
  const email = normaliseEmail(user.email ?? '');
  return {
    id: user.resourceId,
    externalId: employeeIdOf(user, choices),
    email: email || null,
    active: isActive(user),
    fields: {
      firstName: normaliseText(user.firstName ?? ''),
      lastName: normaliseText(user.lastName ?? ''),
      email,
      department: normaliseText(user.department ?? ''),
      phoneNumber: phoneNumber === normaliseText(choices.phoneNumber ?? '') ? '' : phoneNumber,
      timeZone: normaliseText(user.timeZoneId ?? ''),
      language: normaliseText(user.preferredLanguageId ?? ''),
    },
  };
}

export function toMembership(user: WireUser, choices: Choices, completed: boolean): Membership {
  const email = normaliseEmail(user.email ?? '') || null;
  return { id: user.resourceId, externalId: employeeIdOf(user, choices), email, completed };
}

/** Cuts to a number of UTF-16 code units, never through a character of two. */
function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  const last = text.charCodeAt(most - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? most - 1 : most).trimEnd();
}

function customFieldsFor(
  user: WireUser | null,
  person: string,
  { employeeIdField }: Choices,
): readonly WireCustomField[] {
  const existing = user?.customFields ?? [];
  if (employeeIdField === undefined) return existing;
  const others = existing.filter((field) => !isEmployeeId(field, employeeIdField));
  const own = existing.find((field) => isEmployeeId(field, employeeIdField));
  const described = typeof employeeIdField === 'string' ? { name: employeeIdField } : employeeIdField;
  return [...others, { ...described, ...own, value: person }];
}

type Body = Record<string, unknown>;

/** Leaves out what is missing: null is not taken everywhere. */
function present(body: Body): Body {
  return Object.fromEntries(
    Object.entries(body).filter(([, value]) => value !== null && value !== undefined),
  );
}

/** The body that creates a person's target user. */
export function toCreate(item: AccountItem, choices: Choices): Body {
  const { firstName, lastName, email, department, phoneNumber, timeZone, language, manager } = item.fields;
  const customFields = customFieldsFor(null, item.person, choices);
  return present({
    email,
    firstName: cut(firstName ?? '', longest.name) || null,
    lastName: cut(lastName ?? '', longest.name) || null,
    department: cut(department ?? '', longest.department) || null,
    phoneNumber: phoneNumber || choices.phoneNumber,
    timeZoneId: timeZone || null,
    preferredLanguageId: language || null,
    manager: manager ? { Email: manager } : null,
    customFields: customFields.length === 0 ? null : customFields,
    priority: defaultPriority,
    isActive: true,
  });
}

/**
 * The whole record that replaces a target user: as it was read, with what the item changes. A deactivation changes
 * nothing but `isActive`; even so, what is longer than an update takes has to be cut.
 */
export function toUpdate(user: WireUser, item: AccountItem, choices: Choices): Body {
  const wanted = item.kind === 'deactivate' ? {} : item.fields;
  const phoneNumber = wanted['phoneNumber'] ?? user.phoneNumber ?? '';
  const customFields =
    item.kind === 'deactivate' ? (user.customFields ?? []) : customFieldsFor(user, item.person, choices);
  const { manager } = wanted;
  return present({
    email: wanted['email'] || user.email,
    firstName: cut(wanted['firstName'] ?? user.firstName ?? '', longest.name),
    lastName: cut(wanted['lastName'] ?? user.lastName ?? '', longest.name),
    department: cut(wanted['department'] ?? user.department ?? '', longest.department),
    phoneNumber: phoneNumber || choices.phoneNumber || (user.phoneNumber ? '' : null),
    timeZoneId: wanted['timeZone'] ?? user.timeZoneId,
    preferredLanguageId: wanted['language'] ?? user.preferredLanguageId,
    manager: managerFor(user, manager),
    customFields: customFields.length === 0 ? null : customFields,
    priority: user.priority ?? defaultPriority,
    isActive: item.kind === 'update' ? isActive(user) : item.kind === 'reactivate',
  });
}

/** The manager as read when the email is the same or not ours to set; `''` takes the manager out. */
function managerFor(user: WireUser, email: string | undefined): Body | null {
  const known = user.manager ?? null;
  if (email === '') return null;
  if (email === undefined || normaliseEmail(known?.Email ?? '') === normaliseEmail(email)) {
    return known === null ? null : present(known);
  }
  return { Email: email };
}

/** ISO 8601 of a vendor's time; one without a zone is taken as UTC. Null when it is no time. */
export function toIso(text: string | null | undefined): string | null {
  if (text === null || text === undefined || text.trim() === '') return null;
  const zoned = /(?:Z|[+-]\d{2}:?\d{2})$/i.test(text.trim()) || !/\d[T ]\d/.test(text);
  const atMs = Date.parse(zoned ? text : `${text.trim().replace(' ', 'T')}Z`);
  return Number.isNaN(atMs) ? null : new Date(atMs).toISOString();
}

/** `Completed`, as the product shows it; `Not Completed` and `In Progress` are open. */
export function isCompleted(report: WireReport): boolean {
  return normaliseText(report.status ?? '').toLowerCase() === 'completed';
}

/** One row of a training report. Reports have no ids of their own: enrollment and user make one. */
export function toResult(
  report: WireReport,
  of: { readonly enrollmentId: string; readonly target: string; readonly targetName: string },
): ResultRow {
  const score = report.examScore === null || report.examScore === '' ? Number.NaN : Number(report.examScore);
  return {
    ref: {
      id: report.targetUserResourceId,
      externalId: null,
      email: normaliseEmail(report.email ?? '') || null,
    },
    id: `${of.enrollmentId}/${report.targetUserResourceId}`,
    target: of.target,
    targetName: of.targetName,
    status: isCompleted(report) ? 'completed' : 'open',
    score: Number.isFinite(score) ? score : null,
    at: toIso(report.firstCompletionDate) ?? toIso(report.lastInteractionDate),
    rawStatus: report.status ?? '',
  };
}

/** Somebody who is in the group and in no report: no enrollment has been sent to them yet. */
export function notReached(user: WireUser, choices: Choices): Omit<ResultRow, 'target' | 'targetName'> {
  const { completed: _never, ...ref } = toMembership(user, choices, false);
  return { ref, id: null, status: 'open', score: null, at: null, rawStatus: 'not sent' };
}
