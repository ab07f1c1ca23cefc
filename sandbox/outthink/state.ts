import { randomUUID } from 'node:crypto';
import { ScimState, type ScimUser, workEmail } from '../scim/state.ts';

/** The values of a campaign's status, as the `status` filter takes them. */
export const campaignStatuses = ['notStarted', 'scheduled', 'inProgress', 'completed'] as const;

/** The values of a person's training status in the sandbox; the vendor publishes none. */
export const trainingStatuses = [
  'notStarted',
  'inProgress',
  'overdue',
  'completed',
  'completedLate',
] as const;

/** How one person stands in one training. */
export type TrainingStatus = (typeof trainingStatuses)[number];

/** A campaign; dates are ISO 8601 or null. */
export type OutthinkCampaign = {
  readonly id: string;
  name: string;
  readonly type: 'training' | 'attackSimulation';
  status: (typeof campaignStatuses)[number];
  startDate: string | null;
  endDate: string | null;
  readonly targetOrgId: string;
  /** Whether it was launched as "instant training"; only such a campaign takes users one by one. Not in answers. */
  readonly instantTraining: boolean;
  readonly members: CampaignMembers;
};

/** A campaign to begin with. Default: an instant training in progress, open for all of 2026. `members` are user ids. */
export type OutthinkCampaignSeed = {
  readonly id?: string;
  readonly name: string;
  readonly type?: OutthinkCampaign['type'];
  readonly status?: OutthinkCampaign['status'];
  readonly startDate?: string | null;
  readonly endDate?: string | null;
  readonly targetOrgId?: string;
  readonly instantTraining?: boolean;
  readonly members?: Iterable<string>;
};

/** One line of a campaign's audit log, which holds every learner ever removed. */
export type AuditEntry = { readonly userId: string; readonly trainingStatus: TrainingStatus };

/** One person in a campaign, as pages show it. */
export type CampaignMember = { readonly userId: string; readonly trainingStatus: TrainingStatus };

/** Who is in a campaign and how they stand. Pages are read from lists that last until the next change. */
export class CampaignMembers {
  /** What was known of everybody who was removed: removal keeps the history. */
  readonly audit: AuditEntry[] = [];
  readonly #statuses = new Map<string, TrainingStatus>();
  readonly #lists = new Map<TrainingStatus | 'all', readonly CampaignMember[]>();

  get size(): number {
    return this.#statuses.size;
  }

  /** How a user stands; undefined when not in the campaign. */
  status(userId: string): TrainingStatus | undefined {
    return this.#statuses.get(userId);
  }

  /** Everybody in order of enrollment, or those of one status. */
  list(status?: TrainingStatus): readonly CampaignMember[] {
    const key = status ?? 'all';
    const known = this.#lists.get(key);
    if (known !== undefined) return known;
    const list: CampaignMember[] = [];
    for (const [userId, trainingStatus] of this.#statuses) {
      if (status === undefined || status === trainingStatus) list.push({ userId, trainingStatus });
    }
    this.#lists.set(key, list);
    return list;
  }

  /** Enrolls a user, or changes how an enrolled one stands. */
  set(userId: string, status: TrainingStatus): void {
    this.#statuses.set(userId, status);
    this.#lists.clear();
  }

  /** Removes a user and keeps the history. Returns whether the user was in the campaign. */
  remove(userId: string): boolean {
    const trainingStatus = this.#statuses.get(userId);
    if (trainingStatus === undefined) return false;
    this.audit.push({ userId, trainingStatus });
    this.#statuses.delete(userId);
    this.#lists.clear();
    return true;
  }
}

/** The fields by which a user can be named in a campaign. */
export const identifiers = ['userId', 'userSourceIdentifier', 'userEmail'] as const;

/** One of {@link identifiers}. */
export type Identifier = (typeof identifiers)[number];

/** Campaigns over the users of the SCIM side. */
export class OutthinkState {
  /** The accounts: what SCIM writes is what campaigns see. */
  readonly scim = new ScimState();
  readonly campaigns = new Map<string, OutthinkCampaign>();
  readonly orgId: string;

  constructor(orgId: string) {
    this.orgId = orgId;
  }

  /** Adds a campaign. */
  addCampaign(seed: OutthinkCampaignSeed): OutthinkCampaign {
    const members = new CampaignMembers();
    for (const userId of seed.members ?? []) members.set(userId, 'notStarted');
    const campaign: OutthinkCampaign = {
      id: seed.id ?? randomUUID(),
      name: seed.name,
      type: seed.type ?? 'training',
      status: seed.status ?? 'inProgress',
      startDate: seed.startDate === undefined ? '2026-01-01T00:00:00Z' : seed.startDate,
      endDate: seed.endDate === undefined ? '2026-12-31T23:59:59Z' : seed.endDate,
      targetOrgId: seed.targetOrgId ?? this.orgId,
      instantTraining: seed.instantTraining ?? true,
      members,
    };
    this.campaigns.set(campaign.id, campaign);
    return campaign;
  }

  /** Sets how the user of this userName stands in a campaign (enrolling them if need be). Throws when either is unknown. */
  mark(campaignId: string, userName: string, status: TrainingStatus = 'completed'): void {
    const campaign = this.campaigns.get(campaignId);
    const [user] = this.scim.find('userName', userName);
    if (campaign === undefined || user === undefined)
      throw new Error(`unknown: ${campaignId} or ${userName}`);
    campaign.members.set(user.id, status);
  }

  /** The users that an identifier names. */
  find(identifier: Identifier, value: string): readonly ScimUser[] {
    switch (identifier) {
      case 'userId': {
        const user = this.scim.byId.get(value);
        return user === undefined ? [] : [user];
      }
      case 'userSourceIdentifier':
        return this.scim.find('userName', value);
      case 'userEmail':
        return this.scim
          .find('email', value)
          .filter((user) => workEmail(user)?.toLowerCase() === value.toLowerCase());
    }
  }
}
