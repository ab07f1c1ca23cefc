import {
  findGroup,
  type KeepnetCall,
  type KeepnetReply,
  readFlag,
  readIds,
  readRequired,
  refuseOwned,
} from './call.ts';
import { isJson, search } from './search.ts';
import { addGroup, joinGroup, leaveGroup } from './seed.ts';
import { type KeepnetGroup, type KeepnetUser, Refusal } from './state.ts';
import { asRow, emailIndex } from './users.ts';

/** `GET /api/target-groups`, unpaged: `TargetGroupDto`, which has no number of members. */
export function listGroups({ company, settings }: KeepnetCall): KeepnetReply {
  const rows = company.groups.rows().map((group) => ({
    resourceId: group.resourceId,
    name: group.name,
    priority: group.priority,
    createDate: group.createTime,
    isEditable: group.isEditable,
    isScimGroup: group.isScimGroup,
    isGoogleGroup: group.isGoogleGroup,
  }));
  return { status: 200, data: rows.length === 0 && settings.nullWhenEmpty ? null : rows };
}

/** `POST /api/target-groups/search/current-company`: `TargetGroupSearchCompanyModel`. */
export function searchGroups({ company, settings, body }: KeepnetCall): KeepnetReply {
  const show = (group: KeepnetGroup) => ({
    resourceId: group.resourceId,
    name: group.name,
    companyName: company.name,
    userCount: group.members.size,
    priority: group.priority,
    createTime: group.createTime,
    updateTime: null,
  });
  const from = { listing: company.groups, show, revision: company.revision };
  return { status: 200, data: search(body, from, settings) };
}

/** `POST /api/target-groups`. */
export function createGroup({ company, body }: KeepnetCall): KeepnetReply {
  const name = readRequired(body, 'name', 64);
  const group = addGroup(company, { name, priority: readRequired(body, 'priority') });
  return { status: 200, data: { resourceId: group.resourceId } };
}

function readBatch({ company, settings, body }: KeepnetCall): readonly KeepnetUser[] {
  const ids = readIds(body, 'targetUserResourceIds');
  if (ids.length > settings.maxBatch) {
    throw new Refusal(400, 'VALIDATION_ERROR', `at most ${settings.maxBatch} users in one request`);
  }
  // Nothing of a batch is applied when one id is unknown: an assumption, the vendor publishes nothing about it.
  return ids.map((id) => {
    const user = company.users.get(id);
    if (user === undefined) throw new Refusal(400, 'VALIDATION_ERROR', `target user ${id} not found`);
    return user;
  });
}

/** `PUT /api/target-groups/users`: every user joins every group. */
export function addToGroups(call: KeepnetCall): KeepnetReply {
  const { company, settings, body } = call;
  if (body['selectAll'] !== false) throw new Refusal(400, 'VALIDATION_ERROR', 'selectAll is required');
  readIds(body, 'excludedResourceIdList', true);
  if (body['filter'] !== undefined && !isJson(body['filter'])) {
    throw new Refusal(400, 'INPUT_ERROR', 'filter must be an object');
  }
  const groupIds = readIds(body, 'targetGroupResourceIds');
  if (groupIds.length > settings.maxBatch) {
    throw new Refusal(400, 'VALIDATION_ERROR', `at most ${settings.maxBatch} groups in one request`);
  }
  const groups = groupIds.map((id) => findGroup(company, id));
  for (const group of groups) refuseOwned(group);
  const users = readBatch(call);
  for (const group of groups) for (const user of users) joinGroup(company, group, user);
  return { status: 200, data: [] };
}

/** `DELETE /api/target-groups/{id}/users`, with a body. Who is no member is no error. */
export function removeFromGroup(call: KeepnetCall): KeepnetReply {
  const group = findGroup(call.company, call.id);
  refuseOwned(group);
  for (const user of readBatch(call)) leaveGroup(call.company, group, user);
  return { status: 200, data: { resourceId: group.resourceId } };
}

/** `POST /api/target-groups/{id}/users`: the members, or with `excludeGroupUsers` everybody else. */
export function listGroupUsers({ company, settings, body, id }: KeepnetCall): KeepnetReply {
  const group = findGroup(company, id);
  const { revision } = company;
  if (!readFlag(body, 'excludeGroupUsers', false)) {
    const byEmail = emailIndex(company, group.members);
    return {
      status: 200,
      data: search(body, { listing: group.members, show: asRow, revision, byEmail }, settings),
    };
  }
  const only = { name: id, test: (user: KeepnetUser) => !group.members.has(user.resourceId) };
  return {
    status: 200,
    data: search(body, { listing: company.users, show: asRow, revision, only }, settings),
  };
}
