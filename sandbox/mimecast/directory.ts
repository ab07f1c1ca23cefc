import {
  type Call,
  CallError,
  type CallResult,
  each,
  type Json,
  pageOf,
  readEmail,
  readText,
  single,
} from './call.ts';
import {
  addParticipant,
  addUser,
  domainOf,
  joinFolder,
  leaveFolder,
  type MimecastGroup,
  type MimecastState,
  valuesOf,
} from './state.ts';

function findGroup(state: MimecastState, id: string): MimecastGroup {
  const group = state.groups.get(id);
  if (group === undefined) throw new CallError('err_folder_not_found', 'no such group', 'id');
  return group;
}

function findOwnGroup(state: MimecastState, item: Json): MimecastGroup {
  const group = findGroup(state, readText(item, 'id'));
  if (group.source === 'ldap') throw new CallError('err_folder_read_only', 'owned by the directory', 'id');
  return group;
}

/** `/api/directory/find-groups` */
export function findGroups(call: Call): CallResult {
  const { query, source } = single(call);
  if (query !== undefined && typeof query !== 'string') {
    throw new CallError('err_validation_type', 'query must be a string', 'query');
  }
  if (source !== undefined && source !== 'cloud' && source !== 'ldap') {
    throw new CallError('err_validation_enum', 'source must be cloud or ldap', 'source');
  }
  const text = query?.toLowerCase() ?? '';
  const found = valuesOf(call.state.groups).filter(
    (group) =>
      (source === undefined || group.source === source) && group.description.toLowerCase().includes(text),
  );
  const { rows, pagination } = pageOf(call, found);
  const folders = rows.map(({ id, description, source: from, members }) => {
    return { id, description, source: from, parentId: 'root', userCount: members.size, folderCount: 0 };
  });
  return { data: [{ folders }], fail: [], pagination };
}

/** `/api/directory/get-group-members` */
export function getGroupMembers(call: Call): CallResult {
  const group = findGroup(call.state, readText(single(call), 'id'));
  const { rows, pagination } = pageOf(call, valuesOf(group.members));
  return { data: [{ groupMembers: rows }], fail: [], pagination };
}

/** `/api/directory/add-group-member` */
export function addGroupMember(call: Call): CallResult {
  const { state, settings } = call;
  return each(call, (item) => {
    const group = findOwnGroup(state, item);
    const emailAddress = readEmail(item);
    if (!joinFolder(state, group, emailAddress)) {
      throw new CallError('err_folder_group_member_already_exists', 'already a member', 'emailAddress');
    }
    if (settings.joinEnrolls) {
      for (const campaign of state.campaigns.values()) {
        if (campaign.groupId === group.id) addParticipant(campaign, { emailAddress });
      }
    }
    return { id: group.id, emailAddress };
  });
}

/** `/api/directory/remove-group-member` */
export function removeGroupMember(call: Call): CallResult {
  return each(call, (item) => {
    const group = findOwnGroup(call.state, item);
    const emailAddress = readEmail(item);
    if (!leaveFolder(group, emailAddress)) {
      throw new CallError('err_folder_email_address_not_found', 'not a member', 'emailAddress');
    }
    return { id: group.id, emailAddress };
  });
}

/** `/api/user/create-user` */
export function createUser(call: Call): CallResult {
  const { state } = call;
  return each(call, (item) => {
    const emailAddress = readEmail(item);
    if (!state.domains.has(domainOf(emailAddress))) {
      throw new CallError('err_user_domain_not_internal', 'not an internal domain', 'emailAddress');
    }
    if (state.users.has(emailAddress.toLowerCase())) {
      throw new CallError('err_user_already_exists', 'the user exists', 'emailAddress');
    }
    const name = item['name'] === undefined ? '' : readText(item, 'name');
    const user = addUser(state, { emailAddress, name });
    return { emailAddress: user.emailAddress, name: user.name };
  });
}

/** `/api/user/update-user`: changes what the item names. */
export function updateUser(call: Call): CallResult {
  return each(call, (item) => {
    const user = call.state.users.get(readEmail(item).toLowerCase());
    if (user === undefined) throw new CallError('err_user_not_found', 'no such user', 'emailAddress');
    const { accountDisabled } = item;
    if (accountDisabled !== undefined && typeof accountDisabled !== 'boolean') {
      throw new CallError('err_validation_type', 'accountDisabled must be a boolean', 'accountDisabled');
    }
    const name = item['name'] === undefined ? user.name : readText(item, 'name');
    user.name = name;
    user.accountDisabled = accountDisabled ?? user.accountDisabled;
    return { emailAddress: user.emailAddress, name, accountDisabled: user.accountDisabled };
  });
}

/** `/api/user/get-internal-users`. Rows in `data[0].users[]`, aliases and distribution lists among them. */
export function getInternalUsers(call: Call): CallResult {
  const { state, settings } = call;
  const domain = readText(single(call), 'domain').toLowerCase();
  if (!state.domains.has(domain)) throw new CallError('err_domain_not_found', 'no such domain', 'domain');
  const all = valuesOf(state.users);
  const ofDomain = state.domains.size === 1 ? all : all.filter((user) => user.domain === domain);
  const { rows, pagination } = pageOf(call, ofDomain);
  const users = rows.map(({ accountDisabled, ...user }) => {
    const row = { ...user, source: 'cloud' };
    return settings.tellDisabled ? { ...row, accountDisabled } : row;
  });
  return { data: [{ users, userCount: users.length }], fail: [], pagination };
}
