import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startKeepnet } from '../../../sandbox/keepnet/index.ts';
import { addGroup, addTraining, addUser, joinGroup } from '../../../sandbox/keepnet/seed.ts';
import { type Sandbox, type SandboxPlatform, startSandbox } from '../../../sandbox/server.ts';
import { startSparkwise } from '../../../sandbox/sparkwise/index.ts';
import { parseArguments } from '../../../src/cli/arguments.ts';
import { alerts } from '../../../src/cli/commands/alerts.ts';
import { sync } from '../../../src/cli/commands/sync.ts';
import type { Cli, Command, ExitStatus, Opened } from '../../../src/cli/context.ts';
import { createAlerting } from '../../../src/alerts/watch/alerting.ts';
import { laneBackoffMs } from '../../../src/alerts/watch/outbox.ts';
import { settleLaunch } from '../../../src/jobs/launch/launch.ts';
import { pausePlatforms, resumePlatforms } from '../../../src/actions/pause.ts';
import { createLog } from '../../../src/log.ts';
import { people, person } from '../../support/company.ts';
import { dayMs, minuteMs, openWorld, sparkwise, startPagerduty, type World } from './world.ts';

const cleanups: (() => Promise<void>)[] = [];
let world: World;
let deaf: Awaited<ReturnType<typeof startSparkwise>>;
let beating: Awaited<ReturnType<typeof startSparkwise>>;
let keepnet: Awaited<ReturnType<typeof startKeepnet>>;
let pagerduty: Awaited<ReturnType<typeof startPagerduty>>;
let pings: Sandbox;

const html = { do: 'answer', response: { status: 200, text: '<html></html>' } } as const;
const outOfOrder = {
  times: Number.POSITIVE_INFINITY,
  effect: { do: 'answer', response: { status: 503 } },
} as const;

beforeAll(async () => {
  const pinged: SandboxPlatform = {
    classify: () => ({ kind: 'read', items: 0 }),
    tooMany: () => ({ status: 429 }),
    handle: () => ({ status: 200, text: 'OK' }),
  };
  [deaf, beating] = [await startSparkwise(), await startSparkwise()];
  keepnet = await startKeepnet();
  pagerduty = await startPagerduty();
  pings = await startSandbox(pinged);
  cleanups.push(
    ...[deaf.sandbox, beating.sandbox, keepnet.sandbox, pagerduty.server, pings].map(({ close }) => close),
  );
  world = await openWorld({
    deaf: { platforms: { academy: sparkwise(deaf) }, channels: [pagerduty.channel], remindAfter: '2d' },
    beating: {
      platforms: { academy: sparkwise(beating, { heartbeatUrl: `${pings.url}/academy` }) },
      config: { alerts: { heartbeatUrl: `${pings.url}/all`, channels: [] } },
    },
    training: {
      platforms: {
        awareness: {
          provider: 'keepnet',
          mode: 'full',
          baseUrl: keepnet.sandbox.url,
          ...keepnet.credentials,
          rate: '1000/s',
          enrollments: [{ target: 'Staff', when: 'false', training: 'Lock it', name: 'Autumn', send: true }],
        },
      },
    },
  });
}, 180_000);
afterAll(async () => {
  await world?.close();
  for (const cleanup of cleanups.splice(0)) await cleanup();
});

describe('a channel that fails', () => {
  it('does not keep the others waiting, is tried again later, and hears only what still holds', async () => {
    const customer = world.customer('deaf');
    await customer.export(people(20));
    await customer.run();
    // PagerDuty is out of order; the webhook is not.
    pagerduty.server.fail(outOfOrder);
    deaf.sandbox.fail({ times: Number.POSITIVE_INFINITY, effect: html });
    await customer.run();
    expect(customer.heard()).toEqual(['begin RUN_FAILED']);
    expect((await world.store.alerts.pending('deaf')).map(({ channels }) => channels)).toEqual([[1]]);
    const tries = pagerduty.server.log.length;
    await world.alerting.tick();
    await world.alerting.settled(1_000);
    expect(pagerduty.server.log.length).toBe(tries);

    // Once it is back the message arrives, once.
    pagerduty.server.clearFaults();
    world.clock.nowMs += laneBackoffMs;
    await world.alerting.tick();
    await world.alerting.settled(1_000);
    expect(
      [...pagerduty.receiver.state.values()].map(({ triggers, resolved }) => [triggers.length, resolved]),
    ).toEqual([[1, false]]);
    expect(await world.store.alerts.pending('deaf')).toEqual([]);

    // What began and ended while it was away again: only the end, which is all that matters now.
    pagerduty.server.fail(outOfOrder);
    deaf.sandbox.clearFaults();
    await customer.run();
    deaf.sandbox.fail({ times: Number.POSITIVE_INFINITY, effect: html });
    await customer.run();
    deaf.sandbox.clearFaults();
    await customer.run();
    expect(customer.heard()).toEqual(['end RUN_FAILED', 'begin RUN_FAILED', 'end RUN_FAILED']);
    pagerduty.server.clearFaults();
    pagerduty.server.clearLog();
    world.clock.nowMs += 20 * minuteMs;
    // Another process takes over: what waits is in the store.
    const heir = createAlerting({ deps: world.engine.deps });
    await heir.evaluate('deaf');
    expect(await heir.settled(10_000)).toBe(true);
    expect(pagerduty.server.log).toHaveLength(1);
    expect([...pagerduty.receiver.state.values()].map(({ resolved }) => resolved)).toEqual([true]);
    expect(await world.store.alerts.pending('deaf')).toEqual([]);
    expect(customer.heard()).toEqual([]);
  });
});

describe('a pause without an end', () => {
  it('is told of after a day, and again while it lasts', async () => {
    const customer = world.customer('deaf');
    const of = world.engine.deps.customers.get('deaf') ?? expect.fail();
    await pausePlatforms(world.engine.deps, {
      customer: of,
      platform: undefined,
      untilMs: null,
      reason: null,
      actor: 'jo',
    });
    await customer.look();
    world.clock.nowMs += dayMs - minuteMs;
    await world.alerting.tick();
    await world.alerting.settled(10_000);
    expect(customer.heard()).toEqual([]);
    world.clock.nowMs += 2 * minuteMs;
    await world.alerting.tick();
    await world.alerting.settled(10_000);
    expect(customer.heard()).toEqual(['begin PAUSE_OUTLIVED']);
    expect(customer.messages.at(-1)?.summary).toContain('without an end');
    world.clock.nowMs += 2 * dayMs;
    await world.alerting.tick();
    await world.alerting.settled(10_000);
    expect(customer.heard()).toEqual(['reminder PAUSE_OUTLIVED']);
    await resumePlatforms(world.engine.deps, { customer: of, platform: undefined });
    await customer.look();
    expect(customer.heard()).toEqual(['end PAUSE_OUTLIVED']);
  });
});

describe('heartbeats', () => {
  const pinged = () => {
    const paths = pings.log.map(({ path }) => path).toSorted();
    pings.clearLog();
    return paths;
  };

  it('are pinged after a run that ended applied or unchanged, and after no other', async () => {
    const customer = world.customer('beating');
    await customer.export(people(20));
    expect((await customer.run()).status).toBe('applied');
    expect(pinged()).toEqual(['/academy', '/all']);
    expect((await customer.run()).status).toBe('unchanged');
    expect(pinged()).toEqual(['/academy', '/all']);
    beating.sandbox.fail({ times: Number.POSITIVE_INFINITY, effect: html });
    expect((await customer.run()).status).toBe('failed');
    beating.sandbox.clearFaults();
    await customer.export(people(10));
    expect((await customer.run()).status).toBe('withheld');
    expect(pinged()).toEqual([]);
    await customer.export(people(20));
  });
});

describe('a training whose sending has an unknown outcome', () => {
  it('is told until a person has settled it', async () => {
    const { company } = keepnet.state;
    const group = addGroup(company, { name: 'Staff' });
    addTraining(company, { name: 'Lock it' });
    for (const number of [1, 2, 3])
      joinGroup(company, group, addUser(company, { email: `p${number}@example.com` }));
    keepnet.sandbox.fail({ path: /\/send$/, effect: { do: 'drop', applied: true } });
    const customer = world.customer('training');
    await customer.export(people(5));
    expect((await customer.run('awareness')).status).toBe('partial');
    expect(customer.heard()).toEqual(['begin LAUNCH_UNKNOWN']);
    expect(customer.messages[0]?.nextStep).toBe(
      'Look it up on awareness; then rollcall targets awareness --settle "Autumn" sent or rollcall targets awareness --settle "Autumn" unsent',
    );
    for (let run = 0; run < 5; run++) await customer.run('awareness');
    for (let look = 0; look < 20; look++) await customer.look();
    expect(customer.heard()).toEqual([]);
    expect(company.enrollments.rows().map(({ sends }) => sends)).toEqual([1]);
    const of = world.engine.deps.customers.get('training') ?? expect.fail();
    const platform = of.platforms.get('awareness') ?? expect.fail();
    await settleLaunch(world.engine.deps, of, platform, 'Autumn', 'sent', 'jo');
    expect((await customer.run('awareness')).status).not.toBe('failed');
    expect(customer.heard()).toEqual(['end LAUNCH_UNKNOWN']);
  });
});

/** A command as it would run on the command line. */
async function command(
  name: string,
  of: Command,
  args: readonly string[],
  opened?: Opened,
): Promise<{ exit: ExitStatus; out: string }> {
  let out = '';
  const sink = (take: (text: string) => void): Writable =>
    new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        take(chunk.toString());
        done();
      },
    });
  const cli: Cli = {
    out: sink((text) => {
      out += text;
    }),
    err: sink(() => undefined),
    isTerminal: false,
    env: {},
    redisUrl: undefined,
    databaseUrl: undefined,
    log: createLog({ level: 'silent', destination: { write: () => undefined } }),
    signal: AbortSignal.timeout(20_000),
    now: () => world.clock.nowMs,
    ask: async () => false,
  };
  const exit = await of.run(cli, parseArguments(name, of, args), async () => opened ?? expect.fail('opened'));
  return { exit, out };
}

describe('rollcall alerts test', () => {
  const file = async (): Promise<string> => {
    const home = dirname(world.customer('deaf').rosterFile);
    expect(await readdir(home)).toContain('rollcall.yaml');
    return join(home, 'rollcall.yaml');
  };

  it('sends one to each channel and says what became of it', async () => {
    const before = world.customer('deaf').messages.length;
    const { exit, out } = await command('alerts', alerts, ['test', '-c', await file()]);
    expect(out).toMatch(/channel +outcome +detail\nwebhook +delivered\npagerduty +delivered\n/);
    expect(exit).toBe(0);
    expect(
      world
        .customer('deaf')
        .messages.slice(before)
        .map(({ event }) => event),
    ).toEqual(['test']);
    world.customer('deaf').heard();
  });

  it('exits 1 when one failed, without its address or key', async () => {
    pagerduty.server.fail({ times: 1, effect: { do: 'answer', response: { status: 400, text: 'no' } } });
    const { exit, out } = await command('alerts', alerts, ['test', '--json', '-c', await file()]);
    expect(exit).toBe(1);
    expect(JSON.parse(out)).toEqual({
      channels: [
        { channel: 'webhook', ok: true },
        { channel: 'pagerduty', ok: false, error: 'HTTP 400: it refused the message or the key' },
      ],
    });
  });

  it('refuses other words', async () => {
    await expect(command('alerts', alerts, ['tset'])).rejects.toMatchObject({ code: 'USAGE' });
  });
});

describe('rollcall sync without a service', () => {
  it('tells on-call at its end, and its own outcome stands', async () => {
    const customer = world.customer('deaf');
    customer.heard();
    await customer.run();
    // No service: nobody watches the runs.
    await world.alerting.stop();
    const of = world.engine.deps.customers.get('deaf') ?? expect.fail();
    const { engine, store } = world;
    const opened: Opened = {
      customers: [of],
      customer: of,
      actor: 'command',
      store,
      queues: engine.deps.queues,
      engine,
      close: async () => undefined,
    };
    deaf.state.unprocessable.add(person(3).id);
    await customer.export(
      people(21).map((row) => (row.id === person(3).id ? { ...row, lastName: 'New' } : row)),
    );
    world.clock.nowMs += minuteMs;
    pagerduty.server.fail(outOfOrder);
    const { exit, out } = await command('sync', sync, ['--json'], opened);
    expect(JSON.parse(out).runs[0].status).toBe('partial');
    expect(exit).toBe(4);
    expect(customer.heard()).toEqual(['begin ITEMS_FAILING']);

    pagerduty.server.clearFaults();
    deaf.state.unprocessable.clear();
    world.clock.nowMs += minuteMs;
    expect((await command('sync', sync, ['--json'], opened)).exit).toBe(0);
    expect(customer.heard()).toEqual(['end ITEMS_FAILING']);
    expect(await world.store.alerts.pending('deaf')).toEqual([]);
  });
});
