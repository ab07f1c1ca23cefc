import { Environment } from '@marcbachmann/cel-js';
import type { WireCompletion } from './schema.ts';

/** What counts as completed unless `completedWhen` says otherwise: an assumption, the vendor does not define it. */
export const defaultCompletedWhen = 'attended && percentageStepsVisited >= 80';

/** The fields of a completion that `completedWhen` sees, with their CEL types. An absent number counts as 0. */
const variables = {
  attended: 'bool',
  percentageStepsVisited: 'double',
  stepsVisited: 'double',
  totalSteps: 'double',
  timeInSessionMins: 'double',
  duration: 'double',
  moduleId: 'string',
  moduleName: 'string',
  moduleCategory: 'string',
} as const satisfies Partial<Record<keyof WireCompletion, string>>;

const environment = Object.entries(variables).reduce(
  (built, [name, type]) => built.registerVariable(name, type),
  new Environment(),
);

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}

/** Why an expression cannot serve as `completedWhen`; undefined when it can. */
export function completionRuleError(source: string): string | undefined {
  const known = `It sees ${Object.keys(variables).join(', ')}.`;
  try {
    const { valid, type, error } = environment.parse(source).check();
    if (!valid) return `does not compile: ${firstLine(error)}. ${known}`;
    return type === 'bool' || type === 'dyn'
      ? undefined
      : `must be true or false, not ${String(type)}. ${known}`;
  } catch (error) {
    return `does not compile: ${firstLine(error)}. ${known}`;
  }
}

/** The fields that an expression names. */
export function fieldsOf(source: string): ReadonlySet<string> {
  return new Set(source.match(/\w+/g) ?? []);
}

/** Compiles `completedWhen`. The result throws when the expression fails on a completion, or is no boolean. */
export function completionRule(source: string): (completion: WireCompletion) => boolean {
  const evaluate = environment.parse(source);
  return (completion) => {
    const value: unknown = evaluate({
      attended: completion.attended ?? false,
      percentageStepsVisited: completion.percentageStepsVisited ?? 0,
      stepsVisited: completion.stepsVisited ?? 0,
      totalSteps: completion.totalSteps ?? 0,
      timeInSessionMins: completion.timeInSessionMins ?? 0,
      duration: completion.duration ?? 0,
      moduleId: completion.moduleId ?? '',
      moduleName: completion.moduleName ?? '',
      moduleCategory: completion.moduleCategory ?? '',
    });
    if (typeof value !== 'boolean') throw new TypeError(`completedWhen gave ${typeof value}, not a boolean`);
    return value;
  };
}
