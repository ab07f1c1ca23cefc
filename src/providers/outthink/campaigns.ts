import type { EnrollmentRule } from '../../config/schema.ts';
import { normaliseText } from '../../normalise.ts';
import type { CallContext, ResolvedTarget, TargetListing } from '../contract.ts';
import { ProviderError } from '../error.ts';
import type { OutthinkClient } from './api.ts';
import { readList } from './list.ts';
import type { Campaign } from './schema.ts';

/** Campaigns that an error lists. */
const mostCandidates = 10;
const dayMs = 86_400_000;

/** Attack simulations stand in the same list; the vendor does not publish the values of `type`. */
function isSimulation({ type }: Campaign): boolean {
  return /attack|simulat|phish/i.test(type ?? '');
}

function nameOf({ name }: Campaign): string {
  return normaliseText(name ?? '');
}

async function readCampaigns(
  client: OutthinkClient,
  platform: string,
  ctx: CallContext,
): Promise<Campaign[]> {
  const all: Campaign[] = [];
  const pages = readList(`${platform}: /campaigns`, client.campaigns, ({ id }) => id, ctx);
  for await (const page of pages) all.push(...page);
  return all;
}

/** When a campaign ends, in ms since 1970; a date without a time ends with its day. */
function endMs(text: string): number {
  return Date.parse(text) + (/^\d{4}-\d{2}-\d{2}$/.test(text) ? dayMs : 0);
}

/**
 * Why nobody may be enrolled now, as far as the data say so: completed, outside its dates, or not launched as instant
 * training with a start and an end date. What an answer leaves out is taken as fine.
 */
export function closedReason(campaign: Campaign, nowMs: number): string | undefined {
  const { status, startDate, endDate, instantTraining } = campaign;
  if (/^complete/i.test(status ?? '')) return 'the campaign is completed';
  if (instantTraining === false) return 'the campaign was not launched as instant training';
  if (startDate === null || endDate === null) return 'the campaign has no start or no end date';
  if (endDate !== undefined && endMs(endDate) <= nowMs) return `the campaign ended on ${endDate}`;
  if (startDate !== undefined && Date.parse(startDate) > nowMs) return `the campaign starts on ${startDate}`;
  if (startDate === undefined && /^(not ?started|scheduled)$/i.test(status ?? '')) {
    return 'the campaign has not started';
  }
  return undefined;
}

function listed(campaigns: readonly Campaign[]): string {
  const names = campaigns.slice(0, mostCandidates).map((one) => `${nameOf(one)} (${one.id})`);
  const more = campaigns.length - names.length;
  return more > 0 ? `${names.join(', ')} and ${more} more` : names.join(', ');
}

function find(target: string, campaigns: readonly Campaign[], platform: string): Campaign {
  const trainings = campaigns.filter((one) => !isSimulation(one));
  const byId = trainings.find(({ id }) => id === target);
  const name = normaliseText(target);
  const found = byId === undefined ? trainings.filter((one) => nameOf(one) === name) : [byId];
  const [one, another] = found;
  const what = `${platform}: the campaign "${target}"`;
  if (another !== undefined) {
    throw new ProviderError('TARGET_UNKNOWN', `${what} is ${found.length} campaigns: ${listed(found)}.`, {
      hint: 'Write the id of one of them.',
    });
  }
  if (one !== undefined) return one;
  if (campaigns.some((other) => other.id === target || nameOf(other) === name)) {
    throw new ProviderError(
      'TARGET_UNKNOWN',
      `${what} is an attack simulation; nobody can be enrolled in it.`,
    );
  }
  const there =
    trainings.length === 0 ? 'There are no training campaigns.' : `There are ${listed(trainings)}.`;
  throw new ProviderError('TARGET_UNKNOWN', `${what} was not found.`, { hint: there });
}

/** The training campaigns that rules name by id or exact name. */
export async function resolveCampaigns(
  client: OutthinkClient,
  platform: string,
  rules: readonly EnrollmentRule[],
  ctx: CallContext,
): Promise<readonly ResolvedTarget[]> {
  if (rules.length === 0) return [];
  const campaigns = await readCampaigns(client, platform, ctx);
  const targets: ResolvedTarget[] = [];
  for (const { target } of rules) {
    const listedOne = find(target, campaigns, platform);
    // The campaign itself says more than its line in the list; a kind of campaign that is no training answers 404.
    const own = await client.training(listedOne.id, ctx);
    if (own === null) {
      const message = `${platform}: the campaign "${target}" is no training campaign.`;
      throw new ProviderError('TARGET_UNKNOWN', message);
    }
    const known = Object.entries(own).filter(([, value]) => value !== undefined);
    const closed = closedReason({ ...listedOne, ...Object.fromEntries(known) }, Date.now());
    const name = nameOf(own) || nameOf(listedOne);
    targets.push({ id: listedOne.id, name, isTraining: true, ...(closed === undefined ? {} : { closed }) });
  }
  return targets;
}

/** All training campaigns, for `rollcall targets`. */
export async function listCampaigns(
  client: OutthinkClient,
  platform: string,
  ctx: CallContext,
): Promise<readonly TargetListing[]> {
  const campaigns = await readCampaigns(client, platform, ctx);
  return campaigns
    .filter((one) => !isSimulation(one))
    .map((one) => ({
      kind: 'campaign',
      id: one.id,
      name: nameOf(one),
      ...(one.startDate ? { starts: one.startDate } : {}),
      ...(one.endDate ? { ends: one.endDate } : {}),
      ...(one.status ? { details: { status: one.status } } : {}),
    }));
}
