import { unlink } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  opsgenieReceiver,
  slackReceiver,
  startMailReceiver,
  teamsReceiver,
} from '../../../sandbox/receivers/index.ts';
import { type Sandbox, startSandbox } from '../../../sandbox/server.ts';
import { startSparkwise } from '../../../sandbox/sparkwise/index.ts';
import type { AlertChannelConfig } from '../../../src/config/schema.ts';
import { pausePlatforms, resumePlatforms } from '../../../src/actions/pause.ts';
import { changed, people, person, type Row } from '../../support/company.ts';
import {
  dayMs,
  hourMs,
  minuteMs,
  openWorld,
  personal,
  sparkwise,
  startPagerduty,
  type TestCustomer,
  type World,
} from './world.ts';

// Seen working 3: each state from a real cause, at strict receivers of every kind: begin, end, nothing in between.
const size = 60;
const rounds = 20;

const cleanups: (() => Promise<void>)[] = [];
const raw: (() => string)[] = [];
type Sparkwise = Awaited<ReturnType<typeof startSparkwise>>;

async function serve(): Promise<Sparkwise> {
  const served = await startSparkwise();
  cleanups.push(served.sandbox.close);
  return served;
}

/** Remembers what a receiver was sent, for the canary. */
function keep(server: Sandbox): Sandbox {
  cleanups.push(server.close);
  raw.push(() => server.log.map((entry) => `${entry.path} ${entry.body}`).join('\n'));
  return server;
}

async function allChannels() {
  const pagerduty = await startPagerduty();
  keep(pagerduty.server);
  const opsgenie = opsgenieReceiver('genie');
  const slack = slackReceiver('/slack');
  const teams = teamsReceiver('/teams');
  const mail = await startMailReceiver();
  cleanups.push(mail.close);
  raw.push(() => mail.mails.map((one) => one.raw).join('\n'));
  const urls = {
    opsgenie: keep(await startSandbox(opsgenie)).url,
    slack: keep(await startSandbox(slack)).url,
    teams: keep(await startSandbox(teams)).url,
  };
  const channels: AlertChannelConfig[] = [
    pagerduty.channel,
    { type: 'opsgenie', apiKey: 'genie', url: urls.opsgenie },
    { type: 'slack', webhookUrl: `${urls.slack}/slack` },
    { type: 'teams', webhookUrl: `${urls.teams}/teams` },
    {
      type: 'email',
      smtp: `smtp://${mail.address}?tls.rejectUnauthorized=false`,
      from: 'rollcall@acme.example',
      to: 'oncall@acme.example',
    },
  ];
  return { channels, pagerduty, opsgenie, slack, teams, mail };
}

let world: World;
let ears: Awaited<ReturnType<typeof allChannels>>;
let academy: Sparkwise;
let broken: Sparkwise;
let refusing: Sparkwise;
let shrinking: Sparkwise;
let acme: TestCustomer;
let late: TestCustomer;
let same: TestCustomer;
let unreadable: TestCustomer;

beforeAll(async () => {
  ears = await allChannels();
  [academy, broken, refusing, shrinking] = [await serve(), await serve(), await serve(), await serve()];
  const shared = { channels: ears.channels };
  world = await openWorld({
    acme: {
      ...shared,
      roster: { maxRejected: '10%' },
      platforms: {
        academy: sparkwise(academy),
        broken: sparkwise(broken),
        refusing: sparkwise(refusing),
        shrinking: sparkwise(shrinking),
        silent: sparkwise(await serve(), { staleAfter: '2h' }),
        paused: sparkwise(await serve()),
      },
    },
    late: {
      ...shared,
      roster: { expected: { maxAge: '26h' } },
      platforms: { academy: sparkwise(await serve()) },
    },
    same: { ...shared, platforms: { academy: sparkwise(await serve()) } },
    unreadable: {
      ...shared,
      platforms: { academy: sparkwise(await serve()), other: sparkwise(await serve()) },
    },
  });
  acme = world.customer('acme');
  late = world.customer('late');
  same = world.customer('same');
  unreadable = world.customer('unreadable');
}, 180_000);
afterAll(async () => {
  await world?.close();
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

const running = ['academy', 'broken', 'refusing', 'shrinking'] as const;
const idOf = (n: number): string => person(n).id;
const sorted = (heard: readonly string[]): readonly string[] => heard.toSorted();

/** Somebody with rights on the platform renames a person there. */
function meddle(): void {
  const user = academy.state.byRemoteId.get(idOf(55));
  if (user === undefined) throw new Error('not there');
  user.lastName = 'Renamed by hand';
}

async function runAll(customer: TestCustomer, platforms: readonly string[]): Promise<readonly string[]> {
  return (await Promise.all(platforms.map((platform) => customer.run(platform)))).map(({ status }) => status);
}

describe('each state, from a real cause', () => {
  it('says nothing while all is well', async () => {
    await acme.export(people(size));
    expect(await runAll(acme, [...running, 'silent'])).toEqual(Array(5).fill('applied'));
    expect(await runAll(acme, running)).toEqual(Array(4).fill('unchanged'));
    expect(acme.heard()).toEqual([]);
  });

  it('tells each of ten states of six platforms once when it begins, and once when it is over', async () => {
    // A pause that outlives its end, and a platform whose runs have stopped.
    await pausePlatforms(world.engine.deps, {
      customer: world.engine.deps.customers.get('acme') ?? expect.fail(),
      platform: 'paused',
      untilMs: world.clock.nowMs + hourMs,
      reason: 'vendor migration',
      actor: 'jo',
    });
    await acme.look();
    expect(acme.heard()).toEqual([]);
    world.clock.nowMs += 3 * hourMs;
    await world.alerting.tick();
    await world.alerting.settled(10_000);
    expect(sorted(acme.heard())).toEqual(['begin PAUSE_OUTLIVED', 'begin PLATFORM_STALE']);

    // The causes of the others.
    const leavers = Object.fromEntries([1, 2, 3, 4, 5, 6, 7, 8].map((n) => [idOf(n), { status: 'Left' }]));
    const troubled: Row[] = changed([...people(size), person(size + 1)], {
      ...leavers,
      [idOf(50)]: { lastName: 'Changed' },
      [idOf(30)]: { status: 'Sabbatical' },
    });
    academy.state.unprocessable.add(idOf(50));
    academy.state.add({ firstName: 'Not', lastName: 'Ours', remoteId: idOf(size + 1), active: false });
    const html = { status: 200, text: '<html>maintenance</html>' };
    const mend = broken.sandbox.fail({
      kind: 'read',
      times: Infinity,
      effect: { do: 'answer', response: html },
    });
    const let_in = refusing.sandbox.fail({
      times: Infinity,
      effect: { do: 'answer', response: { status: 401, json: { success: false, error: null, data: null } } },
    });
    const gone = shrinking.state.users.slice(0, 20);
    for (const user of gone) shrinking.state.remove(user.remoteId ?? '');

    const begun: string[] = [];
    for (let exports = 1; exports <= 3; exports++) {
      meddle();
      await acme.export(troubled);
      expect(await runAll(acme, running)).toEqual(['held', 'failed', 'failed', 'withheld']);
      begun.push(...acme.heard());
    }
    expect(sorted(begun)).toEqual([
      'begin CHANGES_UNDONE',
      'begin ITEMS_FAILING',
      'begin PEOPLE_IN_REVIEW',
      'begin PEOPLE_REJECTED',
      'begin REMOVALS_WITHHELD',
      'begin RUN_FAILED',
      'begin RUN_HELD',
      'begin SIGN_IN_REFUSED',
    ]);
    const held = acme.messages.find(({ kind }) => kind === 'RUN_HELD');
    const run = await world.store.runs.find(held?.runId ?? (held as unknown as { run: string }).run);
    expect(held?.nextStep).toContain(`rollcall approve ${run?.id} --hash ${run?.hash}`);
    expect(held?.nextStep).toContain(`rollcall reject ${run?.id}`);

    // Twenty rounds of runs: nothing new, no word.
    for (let round = 0; round < rounds; round++) {
      meddle();
      await runAll(acme, running);
    }
    expect(acme.heard()).toEqual([]);

    // One more person fails: news, once, with the one that is new.
    academy.state.unprocessable.add(idOf(51));
    await acme.export(changed(troubled, { [idOf(51)]: { lastName: 'Changed' } }));
    meddle();
    await acme.run('academy');
    meddle();
    await acme.run('academy');
    expect(acme.heard()).toEqual(['news ITEMS_FAILING']);
    expect(acme.messages.at(-1)?.details['new']).toBe(idOf(51));

    // All is mended.
    academy.state.unprocessable.clear();
    academy.state.remove(idOf(size + 1));
    mend();
    let_in();
    for (const user of gone) shrinking.state.add(user);
    await resumePlatforms(world.engine.deps, {
      customer: world.engine.deps.customers.get('acme') ?? expect.fail(),
      platform: 'paused',
    });
    await acme.export(people(size + 1));
    await runAll(acme, [...running, 'silent']);
    await runAll(acme, [...running, 'silent']);
    expect(sorted(acme.heard())).toEqual([
      'end CHANGES_UNDONE',
      'end ITEMS_FAILING',
      'end PAUSE_OUTLIVED',
      'end PEOPLE_IN_REVIEW',
      'end PEOPLE_REJECTED',
      'end PLATFORM_STALE',
      'end REMOVALS_WITHHELD',
      'end RUN_FAILED',
      'end RUN_HELD',
      'end SIGN_IN_REFUSED',
    ]);
    expect(await world.store.alerts.open('acme')).toEqual([]);
  }, 180_000);

  it('tells of a late roster, and when a fresh one came', async () => {
    await late.export(people(size));
    await late.run('academy', 'schedule');
    world.clock.nowMs += 30 * hourMs;
    for (let round = 0; round < rounds; round++) expect((await late.run()).status).toBe('withheld');
    expect(late.heard()).toEqual(['begin ROSTER_LATE']);
    await late.export(people(size));
    await late.run();
    expect(late.heard()).toEqual(['end ROSTER_LATE']);
  });

  it('tells of a roster that stays the same, night after night', async () => {
    await same.export(people(size));
    for (let night = 0; night < rounds; night++) {
      // Somebody copies the old file: its time is new, its content is not.
      await same.export(people(size));
      expect((await same.run('academy', 'schedule')).status).not.toBe('failed');
      if (night < 3) expect(same.heard()).toEqual([]);
      world.clock.nowMs += dayMs - minuteMs;
    }
    expect(same.heard()).toEqual(['begin ROSTER_UNCHANGED']);
    await same.export(people(size + 1));
    await same.run('academy', 'schedule');
    expect(same.heard()).toEqual(['end ROSTER_UNCHANGED']);
  });

  it('tells once of a roster that cannot be read, however many platforms it is for', async () => {
    await unreadable.export(people(size));
    await runAll(unreadable, ['academy', 'other']);
    await unlink(unreadable.rosterFile);
    for (let round = 0; round < rounds / 2; round++)
      expect(await runAll(unreadable, ['academy', 'other'])).toEqual(['failed', 'failed']);
    expect(unreadable.heard()).toEqual(['begin ROSTER_UNREADABLE']);
    expect(unreadable.messages.at(-1)?.nextStep).toMatch(/^rollcall check; .*rollcall sync$/);
    await unreadable.export(people(size));
    await runAll(unreadable, ['academy', 'other']);
    expect(unreadable.heard()).toEqual(['end ROSTER_UNREADABLE']);
  });

  it('told every channel the same, in the form of its vendor', () => {
    const said = [acme, late, same, unreadable].flatMap(({ messages }) => messages);
    const begun = said.filter(({ event }) => event === 'begin').map(({ key }) => key);
    expect(begun.length).toBe(13);
    expect([...ears.pagerduty.receiver.state.keys()].toSorted()).toEqual(begun.toSorted());
    for (const [key, incident] of ears.pagerduty.receiver.state) {
      const news = said.filter((message) => message.key === key && message.event === 'news').length;
      expect(incident.triggers).toHaveLength(1 + news);
      expect(incident.resolved).toBe(true);
    }
    expect([...ears.opsgenie.state.keys()].toSorted()).toEqual(begun.toSorted());
    expect([...ears.opsgenie.state.values()].every(({ closed }) => closed)).toBe(true);
    expect(ears.slack.state).toHaveLength(said.length);
    expect(ears.teams.state).toHaveLength(said.length);
    expect(ears.mail.mails).toHaveLength(said.length);
  });

  it('named nobody, and no credential', () => {
    const everything =
      raw.map((text) => text()).join('\n') +
      JSON.stringify([acme, late, same, unreadable].map(({ messages }) => messages));
    expect(everything.length).toBeGreaterThan(10_000);
    const secrets = [...personal(people(size + 1)), 'Renamed by hand', academy.apiKey, 'example.com'];
    for (const secret of secrets) expect(everything).not.toContain(secret);
    for (const secret of secrets) expect(world.logged()).not.toContain(secret);
  });
});
