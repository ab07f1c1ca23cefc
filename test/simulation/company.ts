import type { Random } from './random.ts';

/** Somebody as HR knows them, whatever the export says. Dates are `yyyy-MM-dd`, '' for none. */
export type Employee = {
  readonly id: string;
  firstName: string;
  lastName: string;
  email: string;
  department: string;
  site: string;
  cost: string;
  title: string;
  status: 'Active' | 'On leave' | 'Terminated';
  readonly startDate: string;
  endDate: string;
  /** The night on which they left; null while they are employed. */
  leftOn: number | null;
  /** A leaver in whose row something else is broken as well. */
  untidy: boolean;
};

/** What happens in a company between two nights. The seed decides to whom. */
export type Event = {
  readonly kind:
    | 'join'
    | 'leave'
    | 'move'
    | 'rename'
    | 'address'
    | 'promote'
    | 'goOnLeave'
    | 'return'
    | 'rehire'
    | 'reorganise'
    /** The Warehouse, which has a training of its own, goes into another department. */
    | 'dissolve';
  readonly seed: string;
};

/** Values that an account may have of a person, by field. */
export const personalFields = ['firstName', 'lastName', 'email', 'department', 'title'] as const;
export type PersonalField = (typeof personalFields)[number];

/** A company that lives: who works there, and what was ever true of each. */
export type Company = {
  readonly employees: Map<string, Employee>;
  readonly everTrue: (id: string, field: PersonalField) => ReadonlySet<string>;
  readonly live: (event: Event, night: number, today: string) => void;
};

/** How ids are written. */
export type IdStyle = 'zeros' | 'letter' | 'plain';

const firstNames = [
  'Zoë',
  'Łucja',
  'Ana',
  'Björn',
  'Chidi',
  'Đorđe',
  'Émile',
  '花子',
  'Gus',
  'İpek',
  'Jürgen',
  'Šárka',
  'Ольга',
];
const lastNames = [
  'Okafor',
  "O'Neill",
  'de la Cruz',
  'Smith, Jr.',
  'Nguyễn',
  'Müller-Groß',
  '佐藤',
  'Wiśniewska',
  'Haddad "Ace"',
  'Çelik',
  'Petrov',
];
const departments = ['Warehouse', 'Finance', 'Sales', 'IT', 'Stores'];
const sites = ['Cork', 'Gdańsk', 'Bilbao'];
const costs = ['FIN', 'OPS', 'HQ'];
const titles = ['Picker', 'Clerk', 'Driver', 'Lead, night', 'Analyst'];

/**
 * People that are there on the first night. `canWrite`: whether HR's system can write a name; one that it cannot is damage,
 * and not how an ordinary company is.
 */
export function createCompany(
  random: Random,
  size: number,
  style: IdStyle,
  canWrite: (name: string) => boolean,
): Company {
  const first = firstNames.filter(canWrite);
  const family = lastNames.filter(canWrite);
  const employees = new Map<string, Employee>();
  const known = new Map<string, Map<PersonalField, Set<string>>>();
  let last = 100 + random.int(800);

  function remember(employee: Employee): void {
    const fields = known.get(employee.id) ?? new Map<PersonalField, Set<string>>();
    for (const field of personalFields)
      fields.set(field, (fields.get(field) ?? new Set()).add(employee[field].normalize('NFC')));
    known.set(employee.id, fields);
  }

  function hire(draw: Random, startDate: string): void {
    last += 1 + draw.int(3);
    const id = style === 'letter' ? `E${last}` : style === 'zeros' ? `${last}`.padStart(7, '0') : `7${last}`;
    const employee: Employee = {
      id,
      firstName: draw.pick(first),
      lastName: draw.pick(family),
      email: `p${last}@example.com`,
      department: draw.pick(departments),
      site: draw.pick(sites),
      cost: draw.pick(costs),
      title: draw.pick(titles),
      status: draw.chance(0.05) ? 'On leave' : 'Active',
      startDate,
      endDate: '',
      leftOn: null,
      untidy: false,
    };
    employees.set(id, employee);
    remember(employee);
  }

  for (let n = 0; n < size; n++)
    hire(random, `20${10 + random.int(14)}-0${1 + random.int(9)}-1${random.int(9)}`);

  const employed = (): Employee[] => [...employees.values()].filter(({ leftOn }) => leftOn === null);
  /** Another member of the list than the one that it is now. */
  const other = (draw: Random, list: readonly string[], now: string): string =>
    draw.pick(list.filter((value) => value !== now));

  function live(event: Event, night: number, today: string): void {
    const draw = random.fork(event.seed);
    const staff = employed();
    if (staff.length < 8 && event.kind === 'leave') return;
    if (event.kind === 'join') {
      hire(draw, today);
      return;
    }
    const gone = [...employees.values()].filter(({ leftOn }) => leftOn !== null && night - leftOn > 3);
    const candidates =
      event.kind === 'rehire'
        ? gone
        : event.kind === 'return'
          ? staff.filter(({ status }) => status === 'On leave')
          : staff.filter((one) => one.status === 'Active' && isOpenTo(event.kind, one));
    if (candidates.length === 0) return;
    const who = draw.pick(candidates);
    switch (event.kind) {
      case 'leave':
        who.status = 'Terminated';
        who.endDate = today;
        who.leftOn = night;
        who.untidy = draw.chance(0.3);
        break;
      case 'move':
        who.department = other(draw, departments, who.department);
        who.site = draw.pick(sites);
        who.cost = draw.pick(costs);
        break;
      case 'rename':
        if (draw.chance(0.5)) who.lastName = other(draw, family, who.lastName);
        else who.firstName = other(draw, first, who.firstName);
        break;
      case 'address':
        who.email = `${who.email.split('@')[0]?.split('.')[0]}.n${night}@example.com`;
        break;
      case 'promote':
        who.title = other(draw, titles, who.title);
        break;
      case 'goOnLeave':
        who.status = 'On leave';
        break;
      case 'return':
        who.status = 'Active';
        break;
      case 'rehire':
        who.status = 'Active';
        who.endDate = '';
        who.leftOn = null;
        who.untidy = false;
        break;
      case 'reorganise':
      case 'dissolve': {
        const from = event.kind === 'dissolve' ? 'Warehouse' : who.department;
        const to = other(draw, departments, from);
        for (const one of staff)
          if (one.department === from) {
            one.department = to;
            remember(one);
          }
        break;
      }
    }
    remember(who);
  }

  return {
    employees,
    everTrue: (id, field) => known.get(id)?.get(field) ?? new Set(),
    live,
  };
}

/**
 * Name and email never change between two good exports for one person: that is somebody else under the same id as far as
 * anybody can tell, and goes to review.
 */
function isOpenTo(kind: Event['kind'], { id }: Employee): boolean {
  const isEven = Number(id.slice(-1)) % 2 === 0;
  return kind === 'rename' ? isEven : kind === 'address' ? !isEven : true;
}

/** What people are enrolled in, as the rules of the configuration say it. */
export const targets = {
  'Payment fraud': (one: Employee) => one.cost === 'FIN',
  'Warehouse safety': (one: Employee) => one.department === 'Warehouse',
  'Cork evacuation': (one: Employee) => one.site === 'Cork',
} as const;
export type TargetName = keyof typeof targets;
export const targetNames = Object.keys(targets) as TargetName[];
