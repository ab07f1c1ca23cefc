import {
  findGroup,
  type KeepnetCall,
  type KeepnetReply,
  readFlag,
  readIds,
  readNullable,
  readRequired,
  readText,
  refuseOwned,
} from './call.ts';
import { isJson, type Json, search } from './search.ts';
import { addUser, changeUser, customField, findByEmail, joinGroup, leaveGroup } from './seed.ts';
import { type KeepnetCompany, type KeepnetCustomField, type KeepnetUser, Listing, Refusal } from './state.ts';

function findUser(company: KeepnetCompany, id: string): KeepnetUser {
  const user = company.users.get(id);
  if (user === undefined) throw new Refusal(404, 'NOT_FOUND', `target user ${id} not found`);
  return user;
}

/** The names that lists give for a time zone and a language; single reads and writes have the ids. */
export function shownName(id: string | null): string | null {
  return id === null ? null : `(${id}) as the product shows it`;
}

/** What a list and a single read have in common. */
function commonFields(user: KeepnetUser): Json {
  return {
    resourceId: user.resourceId,
    email: user.email,
    firstName: user.firstName,
    lastName: user.lastName,
    department: user.department,
    priority: user.priority,
    customFieldValues: user.customFields,
    phoneNumber: user.phoneNumber,
  };
}

/** A user as a search, or the list of a group, shows it: `TargetUserSearchView` of the specification. */
export function asRow(user: KeepnetUser): Json {
  return {
    ...commonFields(user),
    status: user.isActive ? 'Active' : 'Inactive',
    createTime: user.createTime,
    updateTime: user.updateTime,
    isEditable: true,
    scimSettingName: null,
    ldapConfigName: null,
    timeZone: shownName(user.timeZoneId),
    preferredLanguage: shownName(user.preferredLanguageId),
  };
}

/** A user as it is read alone, or found by email: `TargetUserDto`. */
function asSingle(user: KeepnetUser): Json {
  const names = [user.managerFirstName, user.managerLastName].filter((name) => name !== null);
  return {
    ...commonFields(user),
    isActive: user.isActive,
    timeZoneId: user.timeZoneId,
    preferredLanguageId: user.preferredLanguageId,
    managerFirstName: user.managerFirstName,
    managerLastName: user.managerLastName,
    managerEmail: user.managerEmail,
    managerFullName: names.length === 0 ? null : names.join(' '),
  };
}

function readCustomFields(body: Json): readonly KeepnetCustomField[] {
  const fields = body['customFields'] ?? [];
  if (!Array.isArray(fields) || !fields.every(isJson)) {
    throw new Refusal(400, 'VALIDATION_ERROR', 'customFields must hold objects');
  }
  return fields.map((field) =>
    customField({
      resourceId: readNullable(field, 'resourceId'),
      name: readNullable(field, 'name'),
      dataType: readNullable(field, 'dataType'),
      value: readNullable(field, 'value'),
      timestampValue: readNullable(field, 'timestampValue'),
    }),
  );
}

type UserFields = Omit<KeepnetUser, 'resourceId' | 'createTime' | 'updateTime'>;

function readPhoneNumber({ body, settings }: KeepnetCall): string | null {
  if (settings.phoneNumberRequired || body['phoneNumber'] === '') return readRequired(body, 'phoneNumber');
  return readNullable(body, 'phoneNumber');
}

/** All that a write takes. What it leaves out is gone, and what it calls otherwise is not seen. */
function readUser(
  call: KeepnetCall,
  longest: { name: number; department: number; manager: number },
): UserFields {
  const { body } = call;
  const email = readRequired(body, 'email', 320);
  if (!/^[^\s@]+@[^\s@]+$/.test(email)) {
    throw new Refusal(400, 'VALIDATION_ERROR', 'email is not an email address');
  }
  return {
    email,
    phoneNumber: readPhoneNumber(call),
    firstName: readNullable(body, 'firstName', longest.name),
    lastName: readNullable(body, 'lastName', longest.name),
    department: readNullable(body, 'department', longest.department),
    priority: readText(body, 'priority') || 'Medium',
    isActive: readFlag(body, 'isActive', true),
    customFields: readCustomFields(body),
    timeZoneId: readNullable(body, 'timeZoneId'),
    preferredLanguageId: readNullable(body, 'preferredLanguageId'),
    managerFirstName: readNullable(body, 'managerFirstName', longest.manager),
    managerLastName: readNullable(body, 'managerLastName', longest.manager),
    managerEmail: readNullable(body, 'managerEmail', 320),
  };
}

function refuseTaken({ company, settings }: KeepnetCall, email: string, own?: string): void {
  const taken = findByEmail(company, email);
  if (taken === undefined || taken.resourceId === own) return;
  throw new Refusal(
    400,
    'VALIDATION_ERROR',
    'a user with this email already exists',
    settings.duplicateEmail,
  );
}

/** `POST /api/target-users`. */
export function createUser(call: KeepnetCall): KeepnetReply {
  const fields = readUser(call, { name: 256, department: 256, manager: 256 });
  const groups = readIds(call.body, 'targetGroupResourceIds', true).map((id) => findGroup(call.company, id));
  for (const group of groups) refuseOwned(group);
  refuseTaken(call, fields.email);
  const user = addUser(call.company, fields);
  for (const group of groups) joinGroup(call.company, group, user);
  return { status: 200, data: { resourceId: user.resourceId } };
}

/**
 * `PUT /api/target-users/{id}`: takes the whole user, so what is left out is gone, and `isActive` is true. Group membership is the
 * exception (an assumption): it changes only when `targetGroupResourceIds` is there, and is then exactly that.
 */
export function updateUser(call: KeepnetCall): KeepnetReply {
  const { company, body, id } = call;
  const user = findUser(company, id);
  const fields = readUser(call, { name: 40, department: 64, manager: 40 });
  const groups = readIds(body, 'targetGroupResourceIds', true).map((groupId) => findGroup(company, groupId));
  for (const group of groups) refuseOwned(group);
  refuseTaken(call, fields.email, id);
  changeUser(company, user, fields);
  if (body['targetGroupResourceIds'] !== undefined && body['targetGroupResourceIds'] !== null) {
    for (const group of company.groups.rows()) {
      if (!groups.includes(group)) leaveGroup(company, group, user);
    }
    for (const group of groups) joinGroup(company, group, user);
  }
  return { status: 200, data: { resourceId: id } };
}

/** `GET /api/target-users/{id}`. */
export function readOneUser({ company, id }: KeepnetCall): KeepnetReply {
  return { status: 200, data: asSingle(findUser(company, id)) };
}

/** The short cut for an email search among some of a company's users. */
export function emailIndex(company: KeepnetCompany, among: KeepnetCompany['users']) {
  return (email: string) => {
    const user = findByEmail(company, email);
    return user !== undefined && among.has(user.resourceId) ? user : undefined;
  };
}

/** `POST /api/target-users/search`. */
export function searchUsers({ company, settings, body }: KeepnetCall): KeepnetReply {
  const { users: listing, revision } = company;
  const byEmail = emailIndex(company, listing);
  return { status: 200, data: search(body, { listing, show: asRow, revision, byEmail }, settings) };
}

/** `POST /api/target-users/search-email`: pages of users as single reads show them. Its paging fields are required. */
export function searchEmail({ company, settings, body }: KeepnetCall): KeepnetReply {
  const email = readRequired(body, 'email', 320).toLowerCase();
  for (const field of ['pageNumber', 'pageSize']) {
    if (body[field] === undefined) throw new Refusal(400, 'INPUT_ERROR', `${field} is required`);
  }
  const listing = new Listing<KeepnetUser>();
  const user = findByEmail(company, email);
  if (user !== undefined) listing.set(user.resourceId, user);
  const { pageNumber, pageSize } = body;
  return {
    status: 200,
    data: search({ pageNumber, pageSize }, { listing, show: asSingle, revision: company.revision }, settings),
  };
}
