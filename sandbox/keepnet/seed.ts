import {
  type KeepnetCompany,
  type KeepnetCustomField,
  type KeepnetEnrollment,
  type KeepnetGroup,
  type KeepnetTraining,
  type KeepnetUser,
  Listing,
} from './state.ts';

let lastId = 0;

/** A new opaque id, unlike any other in this process. */
export function newId(prefix: string): string {
  lastId++;
  return `${prefix}${lastId.toString(36).padStart(9, '0')}`;
}

function stamp(): string {
  return new Date().toISOString();
}

export function createCompany(
  given: Partial<Pick<KeepnetCompany, 'resourceId' | 'name' | 'isTargetUserCountExceededLimit'>> = {},
): KeepnetCompany {
  return {
    resourceId: given.resourceId ?? newId('co'),
    createTime: stamp(),
    name: given.name ?? 'Company',
    isTargetUserCountExceededLimit: given.isTargetUserCountExceededLimit ?? false,
    users: new Listing(),
    userIdByEmail: new Map(),
    groups: new Listing(),
    trainings: new Listing(),
    enrollments: new Listing(),
    revision: 0,
  };
}

/** A custom field with null for what is not given. */
export function customField(given: Partial<KeepnetCustomField>): KeepnetCustomField {
  const { resourceId = null, name = null, dataType = null, value = null, timestampValue = null } = given;
  return { resourceId, name, dataType, value, timestampValue };
}

/** Puts a user into a company without asking the API's rules. For seeding. */
export function addUser(
  company: KeepnetCompany,
  given: Partial<Omit<KeepnetUser, 'customFields'>> & {
    readonly email: string;
    readonly customFields?: readonly Partial<KeepnetCustomField>[];
  },
): KeepnetUser {
  const user: KeepnetUser = {
    resourceId: given.resourceId ?? newId('us'),
    createTime: given.createTime ?? stamp(),
    email: given.email,
    updateTime: given.updateTime ?? null,
    phoneNumber: given.phoneNumber ?? null,
    firstName: given.firstName ?? null,
    lastName: given.lastName ?? null,
    department: given.department ?? null,
    priority: given.priority ?? 'Medium',
    isActive: given.isActive ?? true,
    customFields: (given.customFields ?? []).map(customField),
    timeZoneId: given.timeZoneId ?? null,
    preferredLanguageId: given.preferredLanguageId ?? null,
    managerFirstName: given.managerFirstName ?? null,
    managerLastName: given.managerLastName ?? null,
    managerEmail: given.managerEmail ?? null,
  };
  company.users.set(user.resourceId, user);
  company.userIdByEmail.set(user.email.toLowerCase(), user.resourceId);
  company.revision++;
  return user;
}

/** Changes a user as an administrator would in the product. For tests of drift. */
export function changeUser(
  company: KeepnetCompany,
  user: KeepnetUser,
  change: Partial<Omit<KeepnetUser, 'resourceId' | 'createTime' | 'updateTime'>>,
): void {
  company.userIdByEmail.delete(user.email.toLowerCase());
  Object.assign(user, change, { updateTime: stamp() });
  company.userIdByEmail.set(user.email.toLowerCase(), user.resourceId);
  company.revision++;
}

export function findByEmail(company: KeepnetCompany, email: string): KeepnetUser | undefined {
  const id = company.userIdByEmail.get(email.toLowerCase());
  return id === undefined ? undefined : company.users.get(id);
}

export function addGroup(
  company: KeepnetCompany,
  given: Partial<Omit<KeepnetGroup, 'members' | 'createTime'>> & { readonly name: string | null },
): KeepnetGroup {
  const group: KeepnetGroup = {
    resourceId: given.resourceId ?? newId('gr'),
    createTime: stamp(),
    name: given.name,
    priority: given.priority ?? 'Medium',
    isEditable: given.isEditable ?? true,
    isScimGroup: given.isScimGroup ?? false,
    isGoogleGroup: given.isGoogleGroup ?? false,
    members: new Listing(),
  };
  company.groups.set(group.resourceId, group);
  company.revision++;
  return group;
}

export function addTraining(
  company: KeepnetCompany,
  given: { readonly resourceId?: string; readonly name: string },
): KeepnetTraining {
  const training = { resourceId: given.resourceId ?? newId('tr'), createTime: stamp(), name: given.name };
  company.trainings.set(training.resourceId, training);
  company.revision++;
  return training;
}

export function addEnrollment(
  company: KeepnetCompany,
  given: Pick<KeepnetEnrollment, 'name' | 'trainingId' | 'targetGroupResourceIds'> & {
    readonly request?: Readonly<Record<string, unknown>>;
    readonly autoEnroll?: boolean;
  },
): KeepnetEnrollment {
  const enrollment: KeepnetEnrollment = {
    resourceId: newId('en'),
    createTime: stamp(),
    name: given.name,
    trainingId: given.trainingId,
    targetGroupResourceIds: given.targetGroupResourceIds,
    request: given.request ?? {},
    autoEnroll: given.autoEnroll ?? false,
    sends: 0,
    mails: new Map(),
    results: new Listing(),
  };
  company.enrollments.set(enrollment.resourceId, enrollment);
  company.revision++;
  return enrollment;
}

function mail(enrollment: KeepnetEnrollment, user: KeepnetUser): void {
  enrollment.mails.set(user.resourceId, (enrollment.mails.get(user.resourceId) ?? 0) + 1);
  if (enrollment.results.has(user.resourceId)) return;
  enrollment.results.set(user.resourceId, {
    user,
    status: 'Not Completed',
    examStatusName: 'Not Taken',
    examScore: null,
    firstCompletionDate: null,
    lastInteractionDate: null,
    currentStep: '',
    withoutId: false,
  });
}

/** Puts a user into a group; sent enrollments with automatic enrollment reach a newcomer once. */
export function joinGroup(company: KeepnetCompany, group: KeepnetGroup, user: KeepnetUser): void {
  if (group.members.has(user.resourceId)) return;
  group.members.set(user.resourceId, user);
  company.revision++;
  for (const enrollment of company.enrollments.rows()) {
    if (!enrollment.autoEnroll || enrollment.sends === 0) continue;
    if (!enrollment.targetGroupResourceIds.includes(group.resourceId)) continue;
    if (!enrollment.results.has(user.resourceId)) mail(enrollment, user);
  }
}

export function leaveGroup(company: KeepnetCompany, group: KeepnetGroup, user: KeepnetUser): void {
  if (group.members.delete(user.resourceId)) company.revision++;
}

/** Mails every user of the enrollment's groups, once for each send. Returns how many were mailed. */
export function sendEnrollment(company: KeepnetCompany, enrollment: KeepnetEnrollment): number {
  const users = new Set<KeepnetUser>();
  for (const groupId of enrollment.targetGroupResourceIds) {
    for (const user of company.groups.get(groupId)?.members.rows() ?? []) users.add(user);
  }
  enrollment.sends++;
  for (const user of users) mail(enrollment, user);
  company.revision++;
  return users.size;
}

/** A person does the training. @throws Error if the enrollment never reached that user */
export function completeTraining(
  company: KeepnetCompany,
  enrollment: KeepnetEnrollment,
  userId: string,
  outcome: { readonly atIso?: string; readonly examScore?: number } = {},
): void {
  const result = enrollment.results.get(userId);
  if (result === undefined) throw new Error(`user ${userId} is not in enrollment ${enrollment.resourceId}`);
  const at = outcome.atIso ?? stamp();
  result.status = 'Completed';
  result.examStatusName = 'Passed';
  result.examScore = outcome.examScore ?? 100;
  result.firstCompletionDate ??= at;
  result.lastInteractionDate = at;
  result.currentStep = 'Completed';
  company.revision++;
}
