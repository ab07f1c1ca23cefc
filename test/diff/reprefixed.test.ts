import { expect, it } from 'vitest';
import type { Link } from '../../src/account.ts';
import type { Desired } from '../../src/diff/desired.ts';
import { createDiffer } from '../../src/diff/differ.ts';
import { hash53 } from '../../src/diff/hash-index.ts';
import { accountOf, complete, desired, linkOf, modelPlatform } from './model.ts';

// A part whose ids came under C- comes under X-. Its people have their account under the id before.

const numbers = ['1', '2', '3', '4'];
const emailOf = (number: string): string => `c-${number}@example.com`;
const human = (number: string, over: Parameters<typeof desired>[1] = {}): Desired =>
  desired(`X-${number}`, {
    first: `FirstC-${number}`,
    last: `LastC-${number}`,
    email: emailOf(number),
    ...over,
  });
const known = (number: string): Link =>
  linkOf(`C-${number}`, `u-${number}`, { emailHash: hash53(emailOf(number)) });

function night(people: readonly Desired[], links: readonly Link[] = numbers.map(known)) {
  const differ = createDiffer({
    ...modelPlatform,
    fields: modelPlatform.fields.filter(({ readBack }) => readBack),
  });
  for (const person of people) differ.person(person, 0);
  for (const link of links) differ.link(link);
  differ.settleParts({ standings: ['whole'], onBoth: 'reject', lastIn: () => [0], prefixes: ['X-'] });
  differ.accounts(numbers.map((number) => accountOf(`u-${number}`, `C-${number}`)));
  differ.settleAccounts();
  const { respelled, changes, adoptions } = differ.finish({ ...complete, absenceIsDue: () => true });
  return {
    pairs: respelled.pairs.map(({ id, was, by }) => `${was} ${id} ${by ?? 'people'}`),
    waiting: respelled.waiting,
    lines: [...changes()].map(({ kind, person }) => `${kind} ${person}`),
    moved: [...adoptions].map(({ person, from }) => `${from} ${person}`),
  };
}

it('is known by what is left without the prefix; who is new in it waits', () => {
  expect(night([...numbers.map((number) => human(number)), human('9')])).toEqual({
    pairs: numbers.map((number) => `C-${number} X-${number} prefix`),
    waiting: 1,
    lines: [],
    moved: [],
  });
});

it.each([
  ['with the new prefix before it', 'X-C-'],
  ['as it was', 'C-'],
])('goes over where HR names the id before, %s', (_, before) => {
  const moved = numbers.map((number) => human(number, { previousId: `${before}${number}` }));
  expect(night([...moved, human('9')])).toEqual({
    pairs: [],
    waiting: 0,
    lines: ['create X-9'],
    moved: numbers.map((number) => `C-${number} X-${number}`),
  });
});

it('leaves alone whose former id HR names, where the others of the part are put aside', () => {
  const people = numbers.map((number) => human(number, number === '2' ? { previousId: 'X-C-2' } : {}));
  expect(night(people)).toMatchObject({
    pairs: ['1', '3', '4'].map((number) => `C-${number} X-${number} prefix`),
    lines: [],
    moved: ['C-2 X-2'],
  });
});

it('is none where the same digits are of people with other emails', () => {
  const others = numbers.map((number) =>
    human(number, { first: 'Some', email: `other-${number}@example.com` }),
  );
  expect(night(others)).toMatchObject({
    pairs: [],
    lines: [
      ...numbers.map((number) => `create X-${number}`),
      ...numbers.map((number) => `deactivate C-${number}`),
    ],
  });
});

it('is judged by those who are to have an account: rows of people who left long ago tell nothing', () => {
  const stay = ['5', '6', '7'].map((number) => human(number));
  const old = numbers.map((number) => human(number, { terminated: true, email: null }));
  const links = [...numbers.map(known), ...stay.map(({ id }) => linkOf(id, null))];
  expect(night([...stay, ...old, human('9')], links)).toMatchObject({
    pairs: [],
    waiting: 0,
    lines: expect.arrayContaining(['create X-9', ...numbers.map((number) => `deactivate C-${number}`)]),
  });
});
