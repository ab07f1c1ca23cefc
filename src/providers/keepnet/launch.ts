import type { CallContext, Launch, Launcher } from '../contract.ts';
import { ProviderError } from '../error.ts';
import { findNamed } from '../named.ts';
import type { KeepnetApi } from './api.ts';
import type { WireEnrollment } from './schema.ts';
import {
  isTrainingRule,
  type KeepnetRule,
  type KeepnetSettings,
  launchName,
  type TrainingRule,
} from './settings.ts';
import { isOf, type Targets } from './targets.ts';

/** The options with a fixed choice, the vendor's documented values, and what form-details may call their list. */
const choices = [
  {
    group: 'enrollmentReminder',
    key: 'periodType',
    list: /^(email|reminder)?periodtype(enum)?s?$/i,
    documented: ['Day', 'Week', 'Month'],
  },
  {
    group: 'enrollmentReminder',
    key: 'endType',
    list: /^(reminder)?endtype(enum)?s?$/i,
    documented: [
      'TrainingCompleted',
      'QuizCompleted',
      'QuizSuccessfullyCompleted',
      'AfterOccurrences',
      'OnDate',
    ],
  },
  {
    group: 'enrollmentAutoEnroll',
    key: 'type',
    list: /^(enrollment)?autoenroll(ment)?(type)?(enum)?s?$/i,
    documented: ['SameDay', 'NextDay', 'Next', 'In'],
  },
] as const;

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Values of the first list of that name, wherever it stands: what the lists are called is not published. */
function offered(details: unknown, list: RegExp): readonly string[] | undefined {
  if (!isRecord(details)) return undefined;
  for (const [key, value] of Object.entries(details)) {
    if (Array.isArray(value) && list.test(key)) {
      const texts = value.flatMap((entry: unknown) => (isRecord(entry) ? Object.values(entry) : [entry]));
      const strings = texts.filter((text) => typeof text === 'string');
      if (strings.length > 0) return [...new Set(strings)];
    }
    const inner = offered(value, list);
    if (inner !== undefined) return inner;
  }
  return undefined;
}

/** What is wrong with a rule's options, by the values that the platform offers; undefined when nothing is. */
function optionsError(options: KeepnetRule['options'], details: unknown): string | undefined {
  for (const { group, key, list, documented } of choices) {
    const given = isRecord(options?.[group]) ? options[group][key] : undefined;
    if (typeof given !== 'string') continue;
    const allowed = offered(details, list) ?? documented;
    if (!allowed.includes(given)) {
      return `options.${group}.${key} "${given}" is not offered; there are ${allowed.join(', ')}`;
    }
  }
  return undefined;
}

/** Whether a rule's options hold a fixed choice, so that it is worth asking which there are. */
function hasChoice(options: KeepnetRule['options']): boolean {
  return choices.some(({ group, key }) => isRecord(options?.[group]) && key in options[group]);
}

/** Whether an enrollment was sent, as far as its status tells. The vendor publishes no list of statuses. */
export function wasSent({ status }: WireEnrollment): boolean | null {
  const word = (status ?? '').replace(/[\s_-]/g, '').toLowerCase();
  if (['draft', 'created', 'new', 'notsent', 'saved', 'ready'].includes(word)) return false;
  if (['sent', 'sending', 'running', 'inprogress', 'active', 'completed', 'finished'].includes(word))
    return true;
  return null;
}

/** Starts the trainings of the rules. */
export function createLauncher(
  api: KeepnetApi,
  targets: Targets,
  block: KeepnetSettings,
  platform: string,
): Launcher {
  const rules = block.enrollments.filter(isTrainingRule);

  function ruleOf(launch: Launch): TrainingRule {
    const rule = rules.find((candidate) => launchName(candidate) === launch.name);
    if (rule !== undefined) return rule;
    throw new ProviderError(
      'TARGET_UNKNOWN',
      `${platform}: no rule of the configuration starts the enrollment of ${launch.training}.`,
      { hint: 'The configuration changed since the plan: plan again.' },
    );
  }

  /** Of several of one name and training, the one that was sent, or may have been: it must not be sent again. */
  function pick(found: readonly WireEnrollment[]): Launch['existing'] {
    const order = [true, null, false];
    const [best] = [...found].sort((a, b) => order.indexOf(wasSent(a)) - order.indexOf(wasSent(b)));
    return best === undefined ? null : { id: best.id, sent: wasSent(best) };
  }

  /** What form-details offers; where it is refused, the documented values count. */
  async function offers(ctx: CallContext): Promise<unknown> {
    try {
      return await api.formDetails(ctx);
    } catch (error) {
      if (error instanceof ProviderError && error.code === 'PLATFORM_REFUSED') return undefined;
      throw error;
    }
  }

  return {
    wanted: rules.map((rule) => ({
      name: launchName(rule),
      rule: JSON.stringify([rule.target, rule.training]),
      send: rule.send,
      autoEnroll: rule.options?.['enrollmentAutoEnroll'] !== undefined,
    })),
    plan: async (ctx: CallContext) => {
      if (rules.length === 0) return [];
      const groups = await targets.groups(ctx);
      const trainings = await api.trainings(ctx);
      const details = rules.some(({ options }) => hasChoice(options)) ? await offers(ctx) : undefined;
      const enrollments = await api.enrollments(ctx);
      const launches: Launch[] = [];
      for (const rule of rules) {
        const index = block.enrollments.indexOf(rule);
        const group = targets.find(groups, rule, index);
        const key = `enrollments[${index}]`;
        const wanted = rule.training;
        const training = findNamed(trainings, { platform, what: 'training', wanted, key: `${key}.training` });
        const wrong = optionsError(rule.options, details);
        if (wrong !== undefined) {
          throw new ProviderError('CAPABILITY_MISSING', `${platform}: ${key}.${wrong}.`, {
            place: { key: `platforms.${platform}.${key}.options` },
          });
        }
        const name = launchName(rule);
        launches.push({
          target: group.id,
          name,
          training: training.id,
          send: rule.send,
          autoEnroll: rule.options?.['enrollmentAutoEnroll'] !== undefined,
          reach: await api.memberCount(group.id, ctx),
          existing: pick(enrollments.filter((row) => isOf(row, name, training))),
        });
      }
      return launches;
    },
    create: (launch, ctx) =>
      api.createEnrollment(
        {
          ...ruleOf(launch).options,
          trainingId: launch.training,
          name: launch.name,
          targetGroupResourceIds: [launch.target],
        },
        ctx,
      ),
    send: (enrollmentId, ctx) => api.sendEnrollment(enrollmentId, ctx),
  };
}
