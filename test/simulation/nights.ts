import type { Store } from '../../src/store/store.ts';
import { type Company, createCompany, type Event, type TargetName, targetNames, targets } from './company.ts';
import { bytesOf, type DamageName, damageNames, damages, type Delivery, thinning } from './damage.ts';
import { canWrite, type Dialect, drawDialect, tableOf } from './dialect.ts';
import { createRandom, type Random } from './random.ts';
import { judge } from './truth.ts';
import { dayOf, openWorld, type PlatformFault, platformFaults } from './world.ts';

/** What a night brings, as data: a failing story is shrunk by taking some of it away. */
export type Night = {
  readonly events: readonly Event[];
  readonly damage: DamageName | null;
  readonly fault: PlatformFault | null;
  /** What somebody does about a hold that is no good. */
  readonly reviewer: 'waits' | 'rejects';
};

/** A company's nights. The seed decides everything that `nights` leaves open: names, dialect, to whom things happen. */
export type Story = { readonly seed: string; readonly size: number; readonly nights: readonly Night[] };

export type Played = {
  readonly nights: number;
  readonly broken: { readonly night: number; readonly rules: readonly string[] } | null;
};

export type StoryOptions = {
  readonly nights: number;
  /** The share of nights on which something is damaged. Default 0.25. */
  readonly damaged?: number;
  readonly size?: number;
  readonly reorganisations?: number;
};

/** Makes a story up. */
export function createStory(seed: string, options: StoryOptions): Story {
  const random = createRandom(`${seed}/story`);
  const size = options.size ?? 24 + random.int(30);
  const nights = Array.from({ length: options.nights }, (_, at): Night => {
    const draw = random.fork(`night-${at}`);
    const events: Event[] = [];
    const add = (kind: Event['kind'], most: number, perNight: number): void => {
      for (let n = 0; n < most; n++)
        if (draw.chance(perNight / most)) events.push({ kind, seed: `${seed}/${at}/${kind}/${n}` });
    };
    // Two to three changes a hundred people and night; fewer than the smallest limit of any kind.
    add('join', 2, 0.2);
    add('leave', 2, 0.25);
    add('move', 2, 0.25);
    add('rename', 1, 0.1);
    add('address', 1, 0.1);
    add('promote', 1, 0.1);
    add('goOnLeave', 1, 0.05);
    add('return', 1, 0.1);
    add('rehire', 1, 0.1);
    add('reorganise', 1, options.reorganisations ?? 0.01);
    const isDamaged = at > 0 && draw.chance(options.damaged ?? 0.25);
    return {
      events,
      damage: isDamaged ? draw.pick(damageNames) : null,
      fault: at > 0 && draw.chance(0.06) ? draw.pick(platformFaults) : null,
      reviewer: draw.chance(0.3) ? 'rejects' : 'waits',
    };
  });
  return { seed, size, nights };
}

/** Plays a story on the product, morning by morning, until it ends or a rule is broken. */
export async function play(
  store: Store,
  story: Story,
  options: {
    readonly customer: string;
    readonly roster?: Readonly<Record<string, unknown>>;
    readonly onNight?: (line: string) => void;
  },
): Promise<Played> {
  const random = createRandom(`${story.seed}/company`);
  const dialect = drawDialect(random.fork('dialect'));
  const company = createCompany(random, story.size, dialect.ids, canWrite(dialect.encoding));
  const world = await openWorld(store, options.customer, dialect, options.roster ?? {});
  try {
    let before = world.morning();
    let cleanRun = 0;
    let thinned = -9;
    let busyUntil = 0;
    const rejected = new Set<string>();
    for (const [night, plan] of story.nights.entries()) {
      const belonged = belonging(company);
      for (const event of plan.events) company.live(event, night, dayOf(night));
      if (plan.events.some(({ kind }) => kind === 'reorganise')) busyUntil = night + 2;
      const draw = random.fork(`damage-${night}`);
      const isThinning = plan.damage !== null && thinning.has(plan.damage);
      const delivery = deliver(
        company,
        dialect,
        night,
        isThinning && night - thinned < 4 ? null : plan.damage,
        draw,
      );
      if (delivery.isDamaged && isThinning) thinned = night;
      let run = await world.night(night, delivery, plan.fault);
      const isClean = !delivery.isDamaged && plan.fault === null;
      cleanRun = isClean ? cleanRun + 1 : 0;
      const planned = run;
      if (run.status === 'held') {
        if (isClean) run = await world.approve(run);
        else if (plan.reviewer === 'rejects')
          for (const person of await world.reject(run)) rejected.add(person);
      }
      const after = world.morning();
      options.onNight?.(
        `night ${night}: ${plan.events.map(({ kind }) => kind).join(' ')}${delivery.isDamaged ? ` [${plan.damage}]` : ''}${plan.fault === null ? '' : ` [${plan.fault}]`} → ${planned.status}${planned === run ? '' : `, approved: ${run.status}`} ${planned.reasons.map(({ code }) => code).join(' ')}`,
      );
      const rules = judge(
        company,
        dialect,
        before,
        after,
        {
          night,
          isClean,
          cleanRun,
          isBusy: night <= busyUntil,
          status: planned.status,
          reasons: planned.reasons.map(({ code, message }) => `${code}: ${message}`),
          rejected,
        },
        belonged,
      );
      if (rules.length > 0) return { nights: night + 1, broken: { night, rules } };
      before = after;
    }
    return { nights: story.nights.length, broken: null };
  } finally {
    await world.close();
  }
}

/** Who belonged where before tonight's events. */
function belonging(company: Company): ReadonlyMap<string, ReadonlySet<TargetName>> {
  return new Map(
    [...company.employees.values()].map((one) => [
      one.id,
      new Set(targetNames.filter((name) => targets[name](one))),
    ]),
  );
}

function deliver(
  company: Company,
  dialect: Dialect,
  night: number,
  name: DamageName | null,
  random: Random,
): Delivery & { readonly isDamaged: boolean } {
  const scene = { table: tableOf(company, night, dialect), dialect, random };
  const damage = name === null ? undefined : damages[name];
  const damaged = damage?.(scene) ?? null;
  if (damaged !== null) return { ...damaged, isDamaged: true };
  return { kind: 'file', bytes: bytesOf(scene), isDamaged: false };
}

/** The same failure in a smaller story: fewer nights, damages, faults and events, as long as a rule still breaks. */
export async function shrink(
  story: Story,
  fails: (story: Story) => Promise<number | null>,
  most = 200,
): Promise<Story> {
  let best = story;
  let tries = 0;
  const attempt = async (candidate: Story): Promise<boolean> => {
    if (tries++ >= most) return false;
    const night = await fails(candidate);
    if (night === null) return false;
    best = { ...candidate, nights: candidate.nights.slice(0, night + 1) };
    return true;
  };
  await attempt(story);
  for (let at = best.nights.length - 1; at >= 0; at--) {
    const now = best.nights[at];
    if (now === undefined) continue;
    const without = (part: Partial<Night>): Story => ({
      ...best,
      nights: best.nights.with(at, { ...now, ...part }),
    });
    if (await attempt(without({ events: [], damage: null, fault: null }))) continue;
    if (now.damage !== null) await attempt(without({ damage: null }));
    if (now.fault !== null) await attempt(without({ fault: null }));
    for (const event of now.events) {
      const left = best.nights[at];
      if (left === undefined) break;
      await attempt({
        ...best,
        nights: best.nights.with(at, { ...left, events: left.events.filter((other) => other !== event) }),
      });
    }
  }
  return best;
}
