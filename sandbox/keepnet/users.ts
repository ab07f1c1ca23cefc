import {
  findGroup,
  type KeepnetCall,
  type KeepnetReply,
  readFlag,
  readIds,
  readRequired,
  readText,
  refuseOwned,
} from './call.ts';
import { isJson, type Json, type Page, search } from './search.ts';
import { addUser, changeUser, findByEmail, joinGroup, leaveGroup } from './seed.ts';
import { type KeepnetCompany, type KeepnetManager, type KeepnetUser, Refusal } from './state.ts';

function findUser(company: KeepnetCompany, id: string): KeepnetUser {
  const user = company.users.get(id);
  if (user === undefined) throw new Refusal(404, 'NOT_FOUND', `target user ${id} not found`);
  return user;
}

function commonFields(user: KeepnetUser): Json {
  return {
    resourceId: user.resourceId,
    email: user.email,
    phoneNumber: user.phoneNumber,
    firstName: user.firstName,
    lastName: user.lastName,
    department: user.department,
    priority: user.priority,
    customFields: user.customFields,
    timeZoneId: user.timeZoneId,
    preferredLanguageId: user.preferredLanguageId,
    createTime: user.createTime,
  };
}

/** A user as a search shows it. */
export function asRow(user: KeepnetUser): Json {
  return { ...commonFields(user), status: user.isActive ? 'Active' : 'Inactive' };
}

function asSingle(user: KeepnetUser): Json {
  return { ...commonFields(user), isActive: user.isActive, manager: user.manager ?? null };
}

function readManager(body: Json): KeepnetManager | undefined {
  const manager = body['manager'];
  if (manager === undefined) return undefined;
  if (!isJson(manager)) throw new Refusal(400, 'VALIDATION_ERROR', 'manager must be an object');
  return {
    FirstName: readText(manager, 'FirstName'),
    LastName: readText(manager, 'LastName'),
    Email: readText(manager, 'Email'),
  };
}

type UserFields = Omit<KeepnetUser, 'resourceId' | 'createTime'>;

function readUser(
  { body, settings }: KeepnetCall,
  longest: { name: number; department: number },
): UserFields {
  const email = readRequired(body, 'email', 320);
  if (!/^[^\s@]+@[^\s@]+$/.test(email)) {
    throw new Refusal(400, 'VALIDATION_ERROR', 'email is not an email address');
  }
  const { customFields = [] } = body;
  if (!Array.isArray(customFields) || !customFields.every(isJson)) {
    throw new Refusal(400, 'VALIDATION_ERROR', 'customFields must hold objects');
  }
  return {
    email,
    phoneNumber: settings.phoneNumberRequired
      ? readRequired(body, 'phoneNumber')
      : readText(body, 'phoneNumber'),
    firstName: readText(body, 'firstName', longest.name),
    lastName: readText(body, 'lastName', longest.name),
    department: readText(body, 'department', longest.department),
    priority: readText(body, 'priority') || 'Medium',
    isActive: readFlag(body, 'isActive', true),
    customFields,
    timeZoneId: readText(body, 'timeZoneId'),
    preferredLanguageId: readText(body, 'preferredLanguageId'),
    manager: readManager(body),
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
  const fields = readUser(call, { name: 256, department: 256 });
  const groups = readIds(call.body, 'targetGroupResourceIds', true).map((id) => findGroup(call.company, id));
  for (const group of groups) refuseOwned(group);
  refuseTaken(call, fields.email);
  const user = addUser(call.company, fields);
  for (const group of groups) joinGroup(call.company, group, user);
  return { status: 200, data: { resourceId: user.resourceId } };
}

/**
 * `PUT /api/target-users/{id}`: takes the whole user, so what is left out is emptied, and `isActive` is true. Group membership is the
 * exception: it changes only when `targetGroupResourceIds` is there, and is then exactly that.
 */
export function updateUser(call: KeepnetCall): KeepnetReply {
  const { company, body, id } = call;
  const user = findUser(company, id);
  const fields = readUser(call, { name: 40, department: 64 });
  const groups = readIds(body, 'targetGroupResourceIds', true).map((groupId) => findGroup(company, groupId));
  for (const group of groups) refuseOwned(group);
  refuseTaken(call, fields.email, id);
  changeUser(company, user, fields);
  if (body['targetGroupResourceIds'] !== undefined) {
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

/** `POST /api/target-users/search-email`. What it answers is not published: the settings choose. */
export function searchEmail({ company, settings, body }: KeepnetCall): KeepnetReply {
  const user = findByEmail(company, readRequired(body, 'email', 320));
  if (settings.emailSearch === 'row') {
    if (user === undefined) throw new Refusal(404, 'NOT_FOUND', 'no user has this email');
    return { status: 200, data: asRow(user) };
  }
  const results = user === undefined ? [] : [asRow(user)];
  const page: Page = {
    pageNumber: 1,
    pageSize: 10,
    totalNumberOfPages: results.length,
    totalNumberOfRecords: results.length,
    results,
  };
  return { status: 200, data: page };
}
