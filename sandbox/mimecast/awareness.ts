import {
  type Call,
  CallError,
  type CallResult,
  isJson,
  type Json,
  pageOf,
  readText,
  single,
} from './call.ts';
import {
  type MimecastCampaign,
  type MimecastParticipant,
  type MimecastState,
  standing,
  valuesOf,
} from './state.ts';

function campaignRow(state: MimecastState, campaign: MimecastCampaign): Json {
  const { participants, groupId } = campaign;
  const group = state.groups.get(groupId);
  let completed = 0;
  let correct = 0;
  let questions = 0;
  for (const participant of valuesOf(participants)) {
    if (standing(participant) !== 'sent') completed++;
    questions += participant.answers.length;
    for (const answer of participant.answers) if (answer === 'correct') correct++;
  }
  const percent = (part: number, whole: number) => (whole === 0 ? 0 : Math.round((100 * part) / whole));
  return {
    id: campaign.id,
    name: campaign.name,
    title: {
      id: `${campaign.id}-title`,
      title: campaign.title,
      titleForCustomModule: false,
      correctAnswers: { forQuestion1: 1 },
      defaultGifs: {},
    },
    group: {
      id: groupId,
      description: group?.description ?? '',
      source: group?.source ?? 'cloud',
      parentId: 'root',
      userCount: group?.members.size ?? 0,
      folderCount: 0,
    },
    launchDate: campaign.launchDate,
    createDate: campaign.createDate,
    emailCustomized: false,
    emailMsg: {},
    numSent: participants.size,
    numCompleted: completed,
    percentComplete: percent(completed, participants.size),
    percentCorrect: percent(correct, questions),
    allOtherCampaigns: {},
    numCorrectAnswers: { forQuestion1: correct },
    locked: campaign.locked,
  };
}

/** `/api/awareness-training/campaign/get-campaigns`, with `data: []`. */
export function getCampaigns(call: Call): CallResult {
  if (call.items.length > 0) throw new CallError('err_validation_data', 'data must be empty', 'data');
  const { rows, pagination } = pageOf(call, valuesOf(call.state.campaigns));
  return {
    data: [{ campaigns: rows.map((campaign) => campaignRow(call.state, campaign)) }],
    fail: [],
    pagination,
  };
}

function readFilter(filterBy: unknown): (participant: MimecastParticipant) => boolean {
  if (filterBy === undefined) return () => true;
  if (!Array.isArray(filterBy)) throw new CallError('err_validation_type', 'must be an array', 'filterBy');
  const wanted = filterBy.map((filter: unknown) => {
    const { fieldName, value } = isJson(filter) ? filter : {};
    if (fieldName !== 'status' || (value !== 'sent' && value !== 'correct' && value !== 'incorrect')) {
      throw new CallError('err_validation_enum', 'status: sent, correct or incorrect', 'filterBy');
    }
    return value;
  });
  return (participant) => wanted.length === 0 || wanted.includes(standing(participant));
}

function readAttributeIds(item: Json): readonly string[] {
  const { attributeIds = [] } = item;
  if (!Array.isArray(attributeIds)) {
    throw new CallError('err_validation_type', 'must be an array', 'attributeIds');
  }
  if (attributeIds.length > 3) {
    throw new CallError('err_validation_size', 'at most 3', 'attributeIds');
  }
  return attributeIds.map(String);
}

function readSearch(item: Json): (participant: MimecastParticipant) => boolean {
  const attributeIds = readAttributeIds(item);
  const { searchBy } = item;
  if (searchBy === undefined) return () => true;
  if (!isJson(searchBy)) throw new CallError('err_validation_type', 'must be an object', 'searchBy');
  const value = readText(searchBy, 'value').toLowerCase();
  const holds = (text: string) => text.toLowerCase().includes(value);
  switch (searchBy['fieldName']) {
    case 'name':
      return (participant) => holds(participant.name);
    case 'email':
      return (participant) => holds(participant.emailAddress);
    case 'department':
      return (participant) => holds(participant.department);
    case 'customAttribute':
      if (attributeIds.length === 0) {
        throw new CallError('err_validation_blank', 'required with customAttribute', 'attributeIds');
      }
      return (participant) => attributeIds.some((id) => holds(participant.attributes[id] ?? ''));
    default:
      throw new CallError('err_validation_enum', 'unknown field', 'searchBy');
  }
}

/** `/api/awareness-training/campaign/get-user-data`. The campaign's `id` is taken as required. */
export function getUserData(call: Call): CallResult {
  const { state, settings } = call;
  const item = single(call);
  const passes = readFilter(item['filterBy']);
  const found = readSearch(item);
  const campaign = state.campaigns.get(readText(item, 'id'));
  if (campaign === undefined) throw new CallError('err_campaign_not_found', 'no such campaign', 'id');
  const everybody = valuesOf(campaign.participants);
  const unfiltered = item['filterBy'] === undefined && item['searchBy'] === undefined;
  const all = unfiltered
    ? everybody
    : everybody.filter((participant) => passes(participant) && found(participant));
  const page = settings.pageUserData ? pageOf(call, all) : { rows: all };
  const written = (answer: string) => (settings.resultCase === 'upper' ? answer.toUpperCase() : answer);
  const rows = page.rows.map((participant) => ({
    [settings.userDataEmailField]: participant.emailAddress,
    name: participant.name,
    department: participant.department,
    acknowledgement: participant.acknowledgement,
    results: Object.fromEntries(
      participant.answers.map((answer, at) => [`forQuestion${at + 1}`, written(answer)]),
    ),
    userState: participant.userState,
    watchlistCount: participant.watchlistCount,
  }));
  const data = settings.userDataRows === 'flat' ? rows : [{ items: rows }];
  return 'pagination' in page ? { data, fail: [], pagination: page.pagination } : { data, fail: [] };
}
