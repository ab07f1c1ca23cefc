/** A user of the customer's own domains. */
export type MimecastUser = {
  emailAddress: string;
  name: string;
  domain: string;
  accountDisabled: boolean;
  /** An alias is another address of somebody who is listed too. */
  alias: boolean;
  /** Where it came from, such as `created_manually`, or `dl_from_ldap` for a distribution list. */
  addressType: string;
};

/** A member of a group: somebody, or everybody of a domain, who then has no `emailAddress`. */
export type MimecastMember = {
  readonly emailAddress?: string;
  readonly name?: string;
  readonly type: string;
  readonly internal: boolean;
  readonly domain: string;
};

/** A directory group. What the product shows as its name is `description`. */
export type MimecastGroup = {
  readonly id: string;
  description: string;
  source: 'cloud' | 'ldap';
  /** By lower-case email, or domain. Change it with `joinFolder`, `joinDomain` and `leaveFolder`. */
  readonly members: Map<string, MimecastMember>;
};

/** How one question stands. `sent` means unanswered. */
export type MimecastAnswer = 'sent' | 'correct' | 'incorrect';

/** One person's row in a campaign. */
export type MimecastParticipant = {
  readonly emailAddress: string;
  name: string;
  department: string;
  acknowledgement: boolean;
  /** Question 1, 2, … */
  answers: MimecastAnswer[];
  userState: string;
  watchlistCount: number;
  /** Custom attributes, value by attribute id. */
  attributes: Readonly<Record<string, string>>;
};

export type MimecastCampaign = {
  readonly id: string;
  name: string;
  title: string;
  readonly groupId: string;
  /** Dates as the vendor writes them, `2022-01-11T23:32:00+0000`. */
  readonly launchDate: string;
  readonly createDate: string;
  locked: boolean;
  /** By lower-case email. Change it with `addParticipant`. */
  readonly participants: Map<string, MimecastParticipant>;
};

export type MimecastState = {
  /** By lower-case email. */
  readonly users: Map<string, MimecastUser>;
  readonly groups: Map<string, MimecastGroup>;
  readonly campaigns: Map<string, MimecastCampaign>;
  /** The customer's own domains: users can be created and listed in these only. */
  readonly domains: Set<string>;
};

// Pages are slices: the array of a map is made once and kept until something is added to the map or taken out of it.
const arrays = new WeakMap<object, { readonly size: number; readonly values: readonly unknown[] }>();

/** The values of a map of the state, oldest first, without copying them for each page. */
export function valuesOf<Value>(map: ReadonlyMap<string, Value>): readonly Value[] {
  const known = arrays.get(map);
  if (known !== undefined && known.size === map.size) return known.values as readonly Value[];
  const values = [...map.values()];
  arrays.set(map, { size: map.size, values });
  return values;
}

function changed(map: object): void {
  arrays.delete(map);
}

/** The vendor's way to write a time: no colon in the offset. */
export function campaignDate(atMs: number): string {
  return new Date(atMs).toISOString().replace(/\.\d{3}Z$/, '+0000');
}

let lastId = 0;

function newId(prefix: string): string {
  lastId++;
  return Buffer.from(`${prefix}:${String(lastId).padStart(9, '0')}`).toString('base64url');
}

export function createState(domains: readonly string[]): MimecastState {
  return {
    users: new Map(),
    groups: new Map(),
    campaigns: new Map(),
    domains: new Set(domains.map((domain) => domain.toLowerCase())),
  };
}

export function domainOf(email: string): string {
  return email.slice(email.lastIndexOf('@') + 1).toLowerCase();
}

/** Puts a user into the state without asking the API's rules. For seeding. */
export function addUser(
  state: MimecastState,
  given: Partial<Omit<MimecastUser, 'domain'>> & { readonly emailAddress: string },
): MimecastUser {
  const user: MimecastUser = {
    emailAddress: given.emailAddress,
    name: given.name ?? '',
    domain: domainOf(given.emailAddress),
    accountDisabled: given.accountDisabled ?? false,
    alias: given.alias ?? false,
    addressType: given.addressType ?? 'created_manually',
  };
  state.users.set(user.emailAddress.toLowerCase(), user);
  changed(state.users);
  return user;
}

export function addGroup(
  state: MimecastState,
  given: { readonly id?: string; readonly description: string; readonly source?: 'cloud' | 'ldap' },
): MimecastGroup {
  const group: MimecastGroup = {
    id: given.id ?? newId('group'),
    description: given.description,
    source: given.source ?? 'cloud',
    members: new Map(),
  };
  state.groups.set(group.id, group);
  changed(state.groups);
  return group;
}

/** Puts an address into a group. Returns false if it was there. */
export function joinFolder(state: MimecastState, group: MimecastGroup, emailAddress: string): boolean {
  const key = emailAddress.toLowerCase();
  if (group.members.has(key)) return false;
  const user = state.users.get(key);
  const domain = domainOf(emailAddress);
  group.members.set(key, {
    emailAddress: user?.emailAddress ?? emailAddress,
    name: user?.name ?? '',
    type: user?.addressType ?? 'created_manually',
    internal: state.domains.has(domain),
    domain,
  });
  changed(group.members);
  return true;
}

/** Puts a whole domain into a group, as an administrator may. */
export function joinDomain(state: MimecastState, group: MimecastGroup, domain: string): void {
  group.members.set(domain, { type: 'created_manually', internal: state.domains.has(domain), domain });
  changed(group.members);
}

/** Takes an address out of a group. Returns false if it was not there. */
export function leaveFolder(group: MimecastGroup, emailAddress: string): boolean {
  const existed = group.members.delete(emailAddress.toLowerCase());
  if (existed) changed(group.members);
  return existed;
}

/** Adds a campaign that was launched to the group's members of this moment. */
export function addCampaign(
  state: MimecastState,
  given: {
    readonly id?: string;
    readonly name: string;
    readonly title?: string;
    readonly group: MimecastGroup;
    readonly launchedAtMs?: number;
    /** How many questions each person gets. Default 3. */
    readonly questions?: number;
  },
): MimecastCampaign {
  const launchedAtMs = given.launchedAtMs ?? Date.now();
  const campaign: MimecastCampaign = {
    id: given.id ?? newId('campaign'),
    name: given.name,
    title: given.title ?? given.name,
    groupId: given.group.id,
    launchDate: campaignDate(launchedAtMs),
    createDate: campaignDate(launchedAtMs - 86_400_000),
    locked: false,
    participants: new Map(),
  };
  for (const { emailAddress, name = '' } of given.group.members.values()) {
    if (emailAddress !== undefined) addParticipant(campaign, { emailAddress, name }, given.questions ?? 3);
  }
  state.campaigns.set(campaign.id, campaign);
  changed(state.campaigns);
  return campaign;
}

/** Puts somebody into a campaign; who is there already is left as is. */
export function addParticipant(
  campaign: MimecastCampaign,
  given: Partial<MimecastParticipant> & { readonly emailAddress: string },
  questions = 3,
): MimecastParticipant {
  const key = given.emailAddress.toLowerCase();
  const known = campaign.participants.get(key);
  if (known !== undefined) return known;
  const participant: MimecastParticipant = {
    emailAddress: given.emailAddress,
    name: given.name ?? '',
    department: given.department ?? '',
    acknowledgement: given.acknowledgement ?? false,
    answers: given.answers ?? new Array<MimecastAnswer>(questions).fill('sent'),
    userState: given.userState ?? 'ACTIVE',
    watchlistCount: given.watchlistCount ?? 0,
    attributes: given.attributes ?? {},
  };
  campaign.participants.set(key, participant);
  changed(campaign.participants);
  return participant;
}

/** Someone answers all questions, or acknowledges where there are none. @throws Error if the campaign never reached that address */
export function completeCampaign(
  campaign: MimecastCampaign,
  emailAddress: string,
  answer: 'correct' | 'incorrect' = 'correct',
): void {
  const participant = campaign.participants.get(emailAddress.toLowerCase());
  if (participant === undefined) throw new Error(`that address is not in campaign ${campaign.id}`);
  participant.acknowledgement = participant.answers.length === 0;
  participant.answers = participant.answers.map(() => answer);
}

/** `sent` while a question is open, else `correct` when all are. */
export function standing(participant: MimecastParticipant): MimecastAnswer {
  if (participant.answers.length === 0) return participant.acknowledgement ? 'correct' : 'sent';
  if (participant.answers.includes('sent')) return 'sent';
  return participant.answers.includes('incorrect') ? 'incorrect' : 'correct';
}
