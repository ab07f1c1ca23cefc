import { findGroup, type KeepnetCall, type KeepnetReply, readFlag, readIds, readRequired } from './call.ts';
import { isJson, type Json, search } from './search.ts';
import { addEnrollment, sendEnrollment } from './seed.ts';
import {
  type KeepnetCompany,
  type KeepnetEnrollment,
  type KeepnetResult,
  type KeepnetSettings,
  type KeepnetState,
  type KeepnetTraining,
  Refusal,
} from './state.ts';

const autoEnrollTypes = ['SameDay', 'NextDay', 'Next', 'In'];
const reminderPeriods = ['Day', 'Week', 'Month'];
const reminderEnds = [
  'TrainingCompleted',
  'QuizCompleted',
  'QuizSuccessfullyCompleted',
  'AfterOccurrences',
  'OnDate',
];

/** Refuses a search of which the specification requires every member. */
function requireAll(body: Json): void {
  for (const field of ['pageNumber', 'pageSize', 'orderBy', 'ascending', 'filter']) {
    if (body[field] === undefined) throw new Refusal(400, 'INPUT_ERROR', `${field} is required`);
  }
}

/** `POST /api/companies/search`: `SearchCompanyDto`. */
export function searchCompanies(state: KeepnetState, settings: KeepnetSettings, body: Json): KeepnetReply {
  if (!settings.reseller) throw new Refusal(403, 'FORBIDDEN', 'the credential is no reseller');
  requireAll(body);
  const { isTargetUserCountExceededLimit: exceeded, ...query } = body;
  if (exceeded !== undefined && typeof exceeded !== 'boolean') {
    throw new Refusal(400, 'INPUT_ERROR', 'isTargetUserCountExceededLimit must be a boolean');
  }
  const show = (company: KeepnetCompany) => ({
    [settings.companyIdField]: company.resourceId,
    [settings.companyIdField === 'resourceId' ? 'name' : 'companyName']: company.name,
    resellerName: 'Reseller Ltd',
    industryName: null,
    industryResourceId: null,
    licenseTypeName: 'Enterprise',
    licenseTypeResourceId: 'lt1',
    isNumberOfUsersLimited: true,
    numberOfUsers: String(company.isTargetUserCountExceededLimit ? 0 : 1_000),
    privacyDurationId: 1,
    licenceExpired: false,
    licenseEndDate: null,
    createTime: company.createTime,
    targetUserCount: company.users.size,
    children: null,
    deletedTargetUserCount: 0,
    inactiveTargetUserCount: company.users.rows().filter(({ isActive }) => !isActive).length,
    monthlyActiveUserCount: 0,
  });
  const companies = state.companies;
  const revision = companies.rows().reduce((sum, company) => sum + company.revision, companies.size);
  const only = {
    name: 'exceeded',
    test: (company: KeepnetCompany) => company.isTargetUserCountExceededLimit,
  };
  const sortAs = { name: settings.companyIdField === 'resourceId' ? 'name' : 'companyname' };
  const from = { listing: companies, show, revision, sortAs, ...(exceeded === true ? { only } : {}) };
  const limitExceededCompanyCount = companies.rows().filter(only.test).length;
  return { status: 200, data: { ...search(query, from, settings), limitExceededCompanyCount } };
}

/** `POST /api/trainings/search`: `TrainingSearchRestView`. */
export function searchTrainings({ company, settings, body }: KeepnetCall): KeepnetReply {
  const show = (training: KeepnetTraining) => ({
    [settings.trainingIdField]: training.resourceId,
    [settings.trainingIdField === 'trainingId' ? 'trainingName' : 'name']: training.name,
    languages: ['en'],
    compliances: null,
    availableFor: null,
    vendorName: 'Keepnet',
    isNew: false,
    isFavourite: false,
    trainingRoles: null,
    createdBy: null,
    createTime: training.createTime,
    isEditable: false,
    category: 'Phishing',
    targetAudience: null,
    type: 'Training',
    hasQuiz: true,
    duration: '5 min',
    level: 'Beginner',
  });
  const sortAs = { name: settings.trainingIdField === 'trainingId' ? 'trainingname' : 'name' };
  const from = { listing: company.trainings, show, revision: company.revision, sortAs };
  return { status: 200, data: search(body, from, settings) };
}

/** One value of a list of form-details: `EnumResult`. */
function enumResults(names: readonly string[]): readonly Json[] {
  return names.map((name, index) => ({ id: index + 1, name, displayName: name, enumResults: null }));
}

/** `GET /api/enrollments/form-details`: `EnrollmentEnumTypesDTO`. What the lists are called is not published. */
export function formDetails(): KeepnetReply {
  return {
    status: 200,
    data: {
      enumNameValuePairs: {
        EmailPeriodTypeEnum: enumResults(reminderPeriods),
        ReminderEndTypeEnum: enumResults(reminderEnds),
        EnrollmentAutoEnrollTypeEnum: enumResults(autoEnrollTypes),
      },
      trainingEmailNotificationTemplateTypeResourceId: 'tt1',
      canSaveVendor: false,
    },
  };
}

/** An optional object of a body, whose named members may only have the given values. */
function readOptions(
  body: Json,
  field: string,
  allowed: Readonly<Record<string, readonly string[]>>,
): boolean {
  const value = body[field];
  if (value === undefined) return false;
  if (!isJson(value)) throw new Refusal(400, 'VALIDATION_ERROR', `${field} must be an object`);
  for (const [name, values] of Object.entries(allowed)) {
    const given = value[name];
    if (given !== undefined && !(typeof given === 'string' && values.includes(given))) {
      throw new Refusal(400, 'VALIDATION_ERROR', `${field}.${name} must be one of ${values.join(', ')}`);
    }
  }
  return true;
}

/** `POST /api/enrollments`: 201. Creates another one each time, also under a name already used. */
export function createEnrollment({ company, settings, body }: KeepnetCall): KeepnetReply {
  const trainingId = readRequired(body, 'trainingId');
  const name = readRequired(body, 'name');
  const targetGroupResourceIds = readIds(body, 'targetGroupResourceIds');
  for (const flag of ['awardCertificate', 'markedAsTest', 'sendTeamsNotification']) {
    readFlag(body, flag, false);
  }
  readIds(body, 'languageIds', true);
  const days = body['distributionDays'];
  if (days !== undefined && typeof days !== 'number') {
    throw new Refusal(400, 'VALIDATION_ERROR', 'distributionDays must be a number');
  }
  const scheduled = readOptions(body, 'enrollmentScheduler', {});
  if (settings.schedulerRequired && !scheduled) {
    throw new Refusal(400, 'VALIDATION_ERROR', 'enrollmentScheduler is required');
  }
  readOptions(body, 'enrollmentReminder', { periodType: reminderPeriods, endType: reminderEnds });
  const autoEnroll = readOptions(body, 'enrollmentAutoEnroll', { type: autoEnrollTypes });
  if (!company.trainings.has(trainingId)) throw new Refusal(404, 'NOT_FOUND', 'training not found');
  for (const id of targetGroupResourceIds) findGroup(company, id);
  const enrollment = addEnrollment(company, {
    name,
    trainingId,
    targetGroupResourceIds,
    request: body,
    autoEnroll,
  });
  return {
    status: 201,
    data: {
      [settings.enrollmentIdField]: enrollment.resourceId,
      trainingName: company.trainings.get(trainingId)?.name ?? null,
      category: null,
      languages: null,
      type: 'Training',
      enrolledBy: null,
      totalTargetUserCount: 0,
      status: 'Draft',
      startDate: null,
      awardCertificate: false,
      markedAsTest: false,
      autoEnroll,
      hasReminder: false,
      sendTemplatesInPreferredLanguage: false,
    },
  };
}

function findEnrollment(company: KeepnetCompany, id: string): KeepnetEnrollment {
  const enrollment = company.enrollments.get(id);
  if (enrollment === undefined) throw new Refusal(404, 'NOT_FOUND', `enrollment ${id} not found`);
  return enrollment;
}

/** `POST /api/enrollments/{id}/send`: no body; mails everybody again each time. */
export function sendToAll({ company, text, id }: KeepnetCall): KeepnetReply {
  if (text !== '') throw new Refusal(400, 'VALIDATION_ERROR', 'send takes no body');
  sendEnrollment(company, findEnrollment(company, id));
  return { status: 200, data: { resourceId: id } };
}

/** `POST /api/enrollments/search`: `EnrollmentSearchRestView`, which names the training and has not its id. */
export function searchEnrollments({ company, settings, body }: KeepnetCall): KeepnetReply {
  requireAll(body);
  const show = (enrollment: KeepnetEnrollment) => ({
    enrollmentId: enrollment.resourceId,
    languages: ['en'],
    name: enrollment.name,
    enrolledBy: null,
    startDate: enrollment.createTime,
    trainingName: company.trainings.get(enrollment.trainingId)?.name ?? null,
    delivery: null,
    deliveryType: 'Email',
    createTime: enrollment.createTime,
    isReminderActive: false,
    isAutoEnrollmentActive: enrollment.autoEnroll,
    status: enrollment.sends > 0 ? 'Sent' : 'Draft',
    recipientType: 'TargetGroup',
    category: null,
    type: 'Training',
    hasQuiz: true,
    sendTemplatesInPreferredLanguage: false,
    trainingRoles: null,
    duration: null,
    level: null,
  });
  const from = { listing: company.enrollments, show, revision: company.revision };
  return { status: 200, data: search(body, from, settings) };
}

function resultRow(enrollmentId: string, result: KeepnetResult): Json {
  const { user } = result;
  return {
    firstCompletionDate: result.firstCompletionDate,
    lastInteractionDate: result.lastInteractionDate,
    deliveryType: 'Email',
    phoneNumber: user.phoneNumber,
    currentStep: result.currentStep,
    status: result.status,
    examStatusName: result.examStatusName,
    examScore: result.examScore,
    lastInteractedStep: null,
    enrollmentId,
    targetUserResourceId: result.withoutId ? null : user.resourceId,
    userId: null,
    resourceId: null,
    firstName: user.firstName,
    lastName: user.lastName,
    email: user.email,
    department: user.department,
    isMainScore: true,
    customFieldValues: user.customFields,
  };
}

/** `POST /api/training-reports/{enrollmentId}/users/search`. */
export function searchResults({ company, settings, body, id }: KeepnetCall): KeepnetReply {
  requireAll(body);
  const listing = findEnrollment(company, id).results;
  const show = (result: KeepnetResult) => resultRow(id, result);
  return { status: 200, data: search(body, { listing, show, revision: company.revision }, settings) };
}
