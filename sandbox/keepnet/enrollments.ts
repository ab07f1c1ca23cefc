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

/** `POST /api/companies/search`: its four paging members are all required. */
export function searchCompanies(state: KeepnetState, settings: KeepnetSettings, body: Json): KeepnetReply {
  if (!settings.reseller) throw new Refusal(403, 'FORBIDDEN', 'the credential is no reseller');
  for (const field of ['pageNumber', 'pageSize', 'orderBy', 'ascending']) {
    if (body[field] === undefined) throw new Refusal(400, 'INPUT_ERROR', `${field} is required`);
  }
  const { isTargetUserCountExceededLimit: exceeded, ...query } = body;
  if (exceeded !== undefined && typeof exceeded !== 'boolean') {
    throw new Refusal(400, 'INPUT_ERROR', 'isTargetUserCountExceededLimit must be a boolean');
  }
  const show = (company: KeepnetCompany) => ({
    [settings.companyIdField]: company.resourceId,
    name: company.name,
    isTargetUserCountExceededLimit: company.isTargetUserCountExceededLimit,
    createTime: company.createTime,
  });
  const companies = state.companies;
  const revision = companies.rows().reduce((sum, company) => sum + company.revision, companies.size);
  const only = {
    name: 'exceeded',
    test: (company: KeepnetCompany) => company.isTargetUserCountExceededLimit,
  };
  const from = { listing: companies, show, revision, ...(exceeded === true ? { only } : {}) };
  return { status: 200, data: search(query, from, settings) };
}

/** `POST /api/trainings/search`. */
export function searchTrainings({ company, settings, body }: KeepnetCall): KeepnetReply {
  const show = (training: KeepnetTraining) => ({
    [settings.trainingIdField]: training.resourceId,
    name: training.name,
    createTime: training.createTime,
  });
  const from = { listing: company.trainings, show, revision: company.revision };
  return { status: 200, data: search(body, from, settings) };
}

/** `GET /api/enrollments/form-details`. */
export function formDetails(): KeepnetReply {
  return {
    status: 200,
    data: {
      types: ['Training'],
      certificates: [],
      reminders: { periodTypes: reminderPeriods, endTypes: reminderEnds },
      autoEnrollTypes,
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
  return { status: 201, data: { [settings.enrollmentIdField]: enrollment.resourceId } };
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
  return { status: 200, data: null };
}

/** `POST /api/enrollments/search`. */
export function searchEnrollments({ company, settings, body }: KeepnetCall): KeepnetReply {
  const show = (enrollment: KeepnetEnrollment) => ({
    enrollmentId: enrollment.resourceId,
    name: enrollment.name,
    trainingId: enrollment.trainingId,
    trainingName: company.trainings.get(enrollment.trainingId)?.name ?? '',
    status: enrollment.sends > 0 ? 'Sent' : 'Draft',
    createTime: enrollment.createTime,
  });
  const from = { listing: company.enrollments, show, revision: company.revision };
  return { status: 200, data: search(body, from, settings) };
}

function resultRow(result: KeepnetResult): Json {
  return {
    targetUserResourceId: result.user.resourceId,
    email: result.user.email,
    status: result.status,
    examStatusName: result.examStatusName,
    examScore: result.examScore,
    firstCompletionDate: result.firstCompletionDate,
    lastInteractionDate: result.lastInteractionDate,
    currentStep: result.currentStep,
    deliveryType: 'Email',
  };
}

/** `POST /api/training-reports/{enrollmentId}/users/search`. */
export function searchResults({ company, settings, body, id }: KeepnetCall): KeepnetReply {
  const listing = findEnrollment(company, id).results;
  return {
    status: 200,
    data: search(body, { listing, show: resultRow, revision: company.revision }, settings),
  };
}
