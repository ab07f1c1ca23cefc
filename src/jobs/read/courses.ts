import type { ResolvedTarget } from '../../providers/contract.ts';
import type { Platform } from '../customer.ts';

/** The course of an enrollment rule: a key of its training or campaign, '' where the target is one itself. */
function courseOf(rule: object | undefined): string {
  const { training, name, campaign } = (rule ?? {}) as Readonly<Record<string, unknown>>;
  return training === undefined && campaign === undefined
    ? ''
    : JSON.stringify([training, name, campaign].map((part) => part ?? null));
}

/**
 * What each training target trains now, in the order of the rules; `at` is the rule's place. A group that gets another
 * training next year is another course: who completed the last one has not completed this one.
 */
export function coursesOf(
  platform: Pick<Platform, 'config'>,
  targets: readonly ResolvedTarget[],
): readonly { readonly target: string; readonly course: string; readonly at: number }[] {
  const courses = targets.map((target, at) => ({
    at,
    target: target.id,
    isTraining: target.isTraining,
    course: courseOf(platform.config.enrollments[at]),
  }));
  return courses
    .filter(({ isTraining }) => isTraining)
    .map(({ at, target }) => {
      // Several trainings for one group are completed together, so they are one course.
      const all = courses.filter((other) => other.isTraining && other.target === target);
      return { at, target, course: all.map(({ course }) => course).join('\n') };
    });
}
