import type { Membership } from '../../account.ts';
import type { EnrollmentRule } from '../../config/schema.ts';
import { normaliseEmail } from '../../normalise.ts';
import type { CallContext, ResolvedTarget, ResultRow, TargetListing } from '../contract.ts';
import { ProviderError } from '../error.ts';
import { findNamed } from '../named.ts';
import type { KeepnetApi } from './api.ts';
import { isCompleted, notReached, subjectOf, toMembership, toResult } from './convert.ts';
import type { WireEnrollment, WireGroup, WireListedUser } from './schema.ts';
import { isTrainingRule, type KeepnetSettings, launchName, type TrainingRule } from './settings.ts';

/** Why a group cannot be changed here; undefined when it can. */
function groupOwner(group: WireGroup): string | undefined {
  if (group.isScimGroup === true) return 'SCIM owns its members';
  if (group.isGoogleGroup === true) return 'Google owns its members';
  return group.isEditable === false ? 'Keepnet says that it is not editable' : undefined;
}

export type Targets = ReturnType<typeof createTargets>;

/** Target groups, their members, and what training reports say of them. */
export function createTargets(api: KeepnetApi, block: KeepnetSettings, platform: string) {
  const { groups } = api;

  /** The group of a rule. @throws ProviderError TARGET_UNKNOWN, or CAPABILITY_MISSING when something else owns it */
  function find(all: readonly WireGroup[], rule: Pick<EnrollmentRule, 'target'>, index: number): WireGroup {
    const key = `enrollments[${index}].target`;
    const group = findNamed(all, { platform, what: 'target group', wanted: rule.target, key });
    const owner = groupOwner(group);
    if (owner === undefined) return group;
    throw new ProviderError('CAPABILITY_MISSING', `${platform}: target group "${rule.target}": ${owner}.`, {
      place: { key: `platforms.${platform}.${key}` },
      hint: 'Choose a group that is managed in Keepnet itself.',
    });
  }

  const trainingRules = block.enrollments.filter(isTrainingRule);
  /** The group of each rule's target, as last resolved. */
  const resolved = new Map<string, string>();

  async function trainingRulesOf(groupId: string, ctx: CallContext): Promise<readonly TrainingRule[]> {
    if (trainingRules.length === 0) return [];
    // Every run resolves its targets first, so this costs no request then.
    if (trainingRules.every(({ target }) => resolved.has(target)))
      return trainingRules.filter(({ target }) => resolved.get(target) === groupId);
    const name = (await groups(ctx)).find(({ id }) => id === groupId)?.name;
    return trainingRules.filter(({ target }) => target === groupId || target === name);
  }

  /** The enrollments that a rule created, or found there. */
  async function enrollmentsOf(
    rule: TrainingRule,
    all: readonly WireEnrollment[],
    ctx: CallContext,
  ): Promise<readonly WireEnrollment[]> {
    const named = all.filter(({ name }) => name === launchName(rule));
    const asGiven = { id: rule.training, name: rule.training };
    const plain = named.filter((row) => isOf(row, row.name, asGiven));
    if (plain.length === named.length) return plain;
    // A row may tell only the id of its training where the rule has the name.
    const trainings = (await api.trainings(ctx)).filter(
      ({ id, name }) => id === rule.training || name === rule.training,
    );
    return named.filter((row) => trainings.some((training) => isOf(row, row.name, training)));
  }

  async function completedBy(rule: TrainingRule, all: readonly WireEnrollment[], ctx: CallContext) {
    const users = new Set<string>();
    for (const { id } of await enrollmentsOf(rule, all, ctx)) {
      for await (const rows of api.reports(id, ctx)) {
        for (const row of rows) {
          const subject = subjectOf(row);
          if (subject !== null && isCompleted(row)) users.add(subject);
        }
      }
    }
    return users;
  }

  async function* readMembers(
    groupId: string,
    ctx: CallContext,
  ): AsyncGenerator<readonly Membership[], void, undefined> {
    const rules = await trainingRulesOf(groupId, ctx);
    const enrollments = rules.length === 0 ? [] : await api.enrollments(ctx);
    const completed: ReadonlySet<string>[] = [];
    for (const rule of rules) completed.push(await completedBy(rule, enrollments, ctx));
    // Of several trainings for one group, all have to be done.
    const isDone = ({ resourceId, email }: WireListedUser) =>
      completed.length > 0 &&
      completed.every((users) => users.has(resourceId) || users.has(normaliseEmail(email ?? '')));
    for await (const rows of api.members(groupId, ctx)) {
      yield rows.map((row) => toMembership(row, block, isDone(row)));
    }
  }

  async function* readResults(
    targets: readonly ResolvedTarget[],
    ctx: CallContext,
  ): AsyncGenerator<readonly ResultRow[], void, undefined> {
    if (trainingRules.length === 0 || targets.length === 0) return;
    const enrollments = await api.enrollments(ctx);
    const read = new Set<string>();
    for (const { id: target, name: targetName } of targets) {
      // A group may be the target of several rules, and then comes here as often.
      if (read.has(target)) continue;
      read.add(target);
      const rules = await trainingRulesOf(target, ctx);
      const reached = new Set<string>();
      for (const rule of rules) {
        for (const { id: enrollmentId } of await enrollmentsOf(rule, enrollments, ctx)) {
          for await (const rows of api.reports(enrollmentId, ctx)) {
            const told = rows.filter((row) => subjectOf(row) !== null);
            for (const row of told) reached.add(subjectOf(row) ?? '');
            yield told.map((row) => toResult(row, { enrollmentId, target, targetName }));
          }
        }
      }
      if (rules.length === 0) continue;
      for await (const rows of api.members(target, ctx)) {
        const waiting = rows.filter(
          ({ resourceId, email }) => !reached.has(resourceId) && !reached.has(normaliseEmail(email ?? '')),
        );
        yield waiting.map((row) => ({ ...notReached(row, block), target, targetName }));
      }
    }
  }

  return {
    groups,
    find,
    readMembers,
    readResults,
    resolve: async (
      rules: readonly EnrollmentRule[],
      ctx: CallContext,
    ): Promise<readonly ResolvedTarget[]> => {
      if (rules.length === 0) return [];
      const all = await groups(ctx);
      return rules.map((rule, index) => {
        const { id, name } = find(all, rule, index);
        resolved.set(rule.target, id);
        return { id, name, isTraining: 'training' in rule && rule.training !== undefined };
      });
    },
    list: async (ctx: CallContext): Promise<readonly TargetListing[]> => {
      const listed = (await groups(ctx)).map((group): TargetListing => {
        const owner = groupOwner(group);
        return {
          kind: 'group',
          id: group.id,
          name: group.name,
          ...(typeof group.targetUserCount === 'number' ? { size: group.targetUserCount } : {}),
          ...(owner === undefined ? {} : { details: { closed: owner } }),
        };
      });
      const trainings = await api.trainings(ctx);
      return [...listed, ...trainings.map(({ id, name }) => ({ kind: 'training', id, name }))];
    },
  };
}

/** Whether an enrollment has that name, and nothing that it says of its training speaks against that training. */
export function isOf(
  row: WireEnrollment,
  name: string,
  training: { readonly id: string; readonly name: string },
): boolean {
  if (row.name !== name) return false;
  if (row.trainingId !== null && row.trainingId === training.id) return true;
  if (row.trainingName !== null && row.trainingName === training.name) return true;
  return row.trainingId === null && row.trainingName === null;
}
