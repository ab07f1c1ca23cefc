import type { z } from 'zod';
import type { Membership } from '../../account.ts';
import type { EnrollmentRule } from '../../config/schema.ts';
import { normaliseEmail } from '../../normalise.ts';
import type { CallContext, ProviderDeps, ResolvedTarget, ResultRow, TargetListing } from '../contract.ts';
import { ProviderError } from '../error.ts';
import { findNamed } from '../named.ts';
import type { MimecastApi } from './api.ts';
import { emailOf, notReached, standingOf, toIso, toResult } from './convert.ts';
import type { member, WireCampaign, WireFolder, WireParticipant } from './schema.ts';
import type { MimecastRule, MimecastSettings } from './settings.ts';

type CampaignRule = MimecastRule & { readonly campaign: string };

/** Why a group cannot be changed here; undefined when it can. A source that we do not know may own its members. */
function ownerOf({ source }: WireFolder): string | undefined {
  const word = (source ?? '').trim().toLowerCase();
  if (word === 'ldap') return 'the directory owns its members (source ldap)';
  return word === '' || word === 'cloud' ? undefined : 'its source is neither cloud nor ldap';
}

/** The members who are somebody. A whole domain may be one too: it is nobody's membership, and counts for nobody. */
function peopleOf(rows: readonly z.output<typeof member>[]): string[] {
  return rows.flatMap(({ emailAddress }) => (emailAddress ? [normaliseEmail(emailAddress)] : []));
}

/** Directory groups, their members, and what campaigns say of them. */
export function createTargets(api: MimecastApi, block: MimecastSettings, deps: ProviderDeps) {
  const { platform } = deps;
  const campaignRules = block.enrollments.filter((rule): rule is CampaignRule => rule.campaign !== undefined);

  /** The group and the campaign of each rule, as last resolved. */
  const resolvedRules = new Map<CampaignRule, { readonly group: string; readonly campaign: WireCampaign }>();

  const { groups, campaigns } = api;

  function findCampaign(all: readonly WireCampaign[], rule: CampaignRule): WireCampaign {
    const key = `enrollments[${block.enrollments.indexOf(rule)}].campaign`;
    return findNamed(all, { platform, what: 'campaign', wanted: rule.campaign, key });
  }

  /** Everybody's row of a campaign. Says so when they are not as many as were sent to. */
  async function* everybody(
    campaign: WireCampaign,
    ctx: CallContext,
  ): AsyncGenerator<readonly WireParticipant[], void, undefined> {
    let count = 0;
    for await (const { rows } of api.userData(campaign.id, {}, ctx)) {
      count += rows.length;
      yield rows;
    }
    if (typeof campaign.numSent === 'number' && campaign.numSent !== count) {
      const { id, numSent } = campaign;
      deps.log.warn({ platform, campaign: id, numSent, rows: count }, 'campaign rows differ from numSent');
    }
  }

  async function campaignsOf(groupId: string, ctx: CallContext): Promise<readonly WireCampaign[]> {
    if (campaignRules.length === 0) return [];
    // Every run resolves its targets first, so this costs no request then.
    if (campaignRules.every((rule) => resolvedRules.has(rule)))
      return [...resolvedRules.values()]
        .filter(({ group }) => group === groupId)
        .map(({ campaign }) => campaign);
    const name = (await groups(ctx)).find(({ id }) => id === groupId)?.name;
    const rules = campaignRules.filter(({ target }) => target === groupId || target === name);
    if (rules.length === 0) return [];
    const all = await campaigns(ctx);
    return rules.map((rule) => findCampaign(all, rule));
  }

  return {
    resolve: async (
      rules: readonly EnrollmentRule[],
      ctx: CallContext,
    ): Promise<readonly ResolvedTarget[]> => {
      if (rules.length === 0) return [];
      const all = await groups(ctx);
      const resolved = rules.map((rule, index) => {
        const key = `enrollments[${index}].target`;
        const group = findNamed(all, { platform, what: 'group', wanted: rule.target, key });
        const owner = ownerOf(group);
        if (owner !== undefined) {
          throw new ProviderError('CAPABILITY_MISSING', `${platform}: group "${rule.target}": ${owner}.`, {
            place: { key: `platforms.${platform}.${key}` },
            hint: 'Choose a group of Mimecast itself (source cloud), or change the members in the directory.',
          });
        }
        const isTraining = 'campaign' in rule && rule.campaign !== undefined;
        return { id: group.id, name: group.name, isTraining };
      });
      if (campaignRules.length > 0) {
        const known = await campaigns(ctx);
        for (const rule of campaignRules) {
          const campaign = findCampaign(known, rule);
          const group = resolved.find((_target, index) => rules[index]?.target === rule.target)?.id;
          if (group !== undefined) resolvedRules.set(rule, { group, campaign });
        }
      }
      return resolved;
    },
    readMembers: async function* (
      groupId: string,
      ctx: CallContext,
    ): AsyncGenerator<readonly Membership[], void, undefined> {
      const completed: ReadonlySet<string>[] = [];
      for (const campaign of await campaignsOf(groupId, ctx)) {
        const emails = new Set<string>();
        for await (const rows of everybody(campaign, ctx)) {
          for (const row of rows) if (standingOf(row).completed) emails.add(emailOf(row));
        }
        completed.push(emails);
      }
      // Of several campaigns for one group, all have to be answered.
      const isDone = (email: string) =>
        completed.length > 0 && completed.every((emails) => emails.has(email));
      for await (const { rows } of api.members(groupId, ctx)) {
        yield peopleOf(rows).map((email) => {
          return { id: null, externalId: null, email, completed: isDone(email) };
        });
      }
    },
    readResults: async function* (
      targets: readonly ResolvedTarget[],
      ctx: CallContext,
    ): AsyncGenerator<readonly ResultRow[], void, undefined> {
      const read = new Set<string>();
      for (const { id: target, name: targetName } of targets) {
        const reached = new Set<string>();
        let isNew = false;
        for (const campaign of await campaignsOf(target, ctx)) {
          // Several rules may name one campaign, and one group may stand in several rules.
          if (read.has(campaign.id)) continue;
          read.add(campaign.id);
          isNew = true;
          const of = { campaignId: campaign.id, target, targetName };
          for await (const rows of everybody(campaign, ctx)) {
            for (const row of rows) reached.add(emailOf(row));
            yield rows.map((row) => toResult(row, of));
          }
        }
        if (!isNew) continue;
        for await (const { rows } of api.members(target, ctx)) {
          yield peopleOf(rows)
            .filter((email) => !reached.has(email))
            .map((email) => ({ ...notReached(email), target, targetName }));
        }
      }
    },
    list: async (ctx: CallContext): Promise<readonly TargetListing[]> => {
      const listed = (await groups(ctx)).map((group): TargetListing => {
        const { id, name, source, userCount } = group;
        const owner = ownerOf(group);
        const details = { ...(source ? { source } : {}), ...(owner === undefined ? {} : { closed: owner }) };
        return {
          kind: 'group',
          id,
          name,
          details,
          ...(typeof userCount === 'number' ? { size: userCount } : {}),
        };
      });
      const launched = (await campaigns(ctx)).map((campaign): TargetListing => {
        const starts = toIso(campaign.launchDate);
        const group = campaign.group?.description;
        return {
          kind: 'campaign',
          id: campaign.id,
          name: campaign.name,
          ...(starts === null ? {} : { starts }),
          ...(typeof campaign.numSent === 'number' ? { size: campaign.numSent } : {}),
          ...(group ? { details: { group } } : {}),
        };
      });
      return [...listed, ...launched];
    },
  };
}
