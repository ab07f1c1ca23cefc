import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { person, type Row } from '../../support/company.ts';
import { startService, type TestService, tokens } from '../service.ts';
import { type Browser, overflowOf, startBrowser, violationsOn, whyNoBrowser } from './browser.ts';

const missing = await whyNoBrowser();
if (missing !== null) console.warn(`the pages are not tried in a browser: ${missing}`);

/** Names that a page has to show and not obey. */
const hostile: Readonly<Record<number, Partial<Row>>> = {
  1: { firstName: '<img src=x onerror=alert(1)>', lastName: '=HYPERLINK("x")' },
  2: { firstName: 'محمد', lastName: 'العلي' },
};

/** 80 people; the first `leavers` have left, those of `moved` have another last name. */
const company = (leavers: number, moved = 0): Row[] =>
  Array.from({ length: 80 }, (_, n) =>
    person(n, {
      ...hostile[n],
      ...(n >= 80 - moved ? { lastName: `Newname ${n}` } : {}),
      status: n < leavers ? 'Terminated' : 'Active',
    }),
  );

describe.skipIf(missing !== null)('a reviewer', { timeout: 90_000 }, () => {
  let service: TestService;
  let browser: Browser;

  beforeAll(async () => {
    service = await startService(company(0));
    browser = await startBrowser(service.url);
    await service.sync();
  }, 90_000);
  afterAll(async () => {
    await browser?.close();
    await service?.close();
  });

  async function signIn(context: BrowserContext, token: string = tokens.operator): Promise<Page> {
    const page = await context.newPage();
    await page.goto(`${service.url}/login`);
    await page.getByLabel('Token').fill(token);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.waitForURL(`${service.url}/`);
    return page;
  }
  async function as(
    token: string,
    options: BrowserContextOptions,
    work: (page: Page, context: BrowserContext) => Promise<void>,
  ): Promise<void> {
    const context = await browser.open(options);
    await work(await signIn(context, token), context);
    await context.close();
    expect(browser.complaints()).toEqual([]);
  }
  const sound = async (page: Page): Promise<void> => {
    expect.soft(await violationsOn(page), page.url()).toEqual([]);
    expect.soft(await overflowOf(page), page.url()).toBeLessThanOrEqual(0);
  };
  const heading = (page: Page) => page.getByRole('heading', { level: 1 }).textContent();
  const phone = { viewport: { width: 360, height: 740 } };

  test('finds who is held and why, rejects by phone with a reason, and takes it back', async () => {
    await service.export(company(12));
    const run = await service.sync();
    expect(run.held.deactivate).toBe(12);
    await as(tokens.operator, phone, async (page) => {
      await sound(page);
      await page.getByRole('link', { name: /See who and why/ }).click();
      await sound(page);
      await page.locator('summary').first().click();
      expect(await page.getByRole('rowheader', { name: /<img src=x/ }).isVisible()).toBe(true);
      expect(await page.getByRole('rowheader', { name: 'محمد العلي' }).isVisible()).toBe(true);
      await page.getByRole('button', { name: 'Reject all 12' }).click();
      await sound(page);
      await page.getByLabel('Why').fill('HR is asked');
      await page.getByRole('button', { name: 'Reject', exact: true }).click();
      await page.getByText('HR is asked').waitFor();
      await sound(page);
      expect((await service.sync()).planned.deactivate).toBe(0);
      await page.goto(service.url);
      await page.getByRole('link', { name: '12 rejected' }).click();
      await page.getByRole('button', { name: 'Take the rejection back' }).click();
      await page.getByText('took that back').waitFor();
    });
    const [rejection] = await service.opened.store.decisions.rejectionsOf(run.id);
    expect(rejection).toMatchObject({ actor: 'operator-a', via: 'page', reason: 'HR is asked', changes: 12 });
    expect(rejection?.withdrawn_by).toBe('operator-a, page');
  });

  test('without scripts: approves some, and sees that the rest waits', async () => {
    // The one that the withdrawal asked for.
    await expect
      .poll(async () => (await service.opened.store.runs.held('alpha')).length, { timeout: 20_000 })
      .toBe(1);
    const [old] = await service.opened.store.runs.held('alpha');
    await as(tokens.operator, { ...phone, javaScriptEnabled: false }, async (page) => {
      await page.getByRole('link', { name: /See who and why/ }).click();
      await page.locator('summary').first().click();
      for (const id of ['010000', '010001']) await page.getByLabel(`Choose ${id}`).check();
      await page.getByRole('button', { name: 'Approve ticked' }).click();
      expect(await heading(page)).toBe('Approve 2 changes of 2 people on academy?');
      await page.getByRole('button', { name: 'Approve', exact: true }).click();
      await expect
        .poll(
          async () => {
            await page.reload();
            return heading(page);
          },
          { timeout: 20_000, interval: 500 },
        )
        .toBe('academy: held');
      expect(await page.content()).toContain('10 deactivations wait for a decision');
      await page.goto(`${service.url}/runs/${old?.id}`);
      expect(await page.content()).toContain('2 approved, 10 not: judged anew');
    });
  });

  test('two at once: the second is told what the first did; a viewer cannot decide', async () => {
    const [held] = await service.opened.store.runs.held('alpha');
    const path = `${service.url}/runs/${held?.id}`;
    await as(tokens.viewer, {}, async (page) => {
      await page.goto(path);
      expect(await page.getByText('Your token may look, not decide.').isVisible()).toBe(true);
      expect(await page.getByRole('button', { name: /Approve|Reject/ }).count()).toBe(0);
      await sound(page);
    });
    await as(tokens.both, {}, async (second) => {
      await second.goto(path);
      await second.getByRole('button', { name: 'Tick all' }).click();
      await second.getByRole('button', { name: 'Approve ticked' }).click();
      await as(tokens.operator, {}, async (first) => {
        await first.goto(path);
        await first.getByRole('button', { name: /^Approve all/ }).click();
        await first.getByRole('button', { name: 'Approve', exact: true }).click();
        // Progress comes over server-sent events: nothing is pressed here.
        await expect.poll(() => heading(first), { timeout: 20_000 }).toBe('academy: applied');
        await sound(first);
      });
      await second.getByRole('button', { name: 'Approve', exact: true }).click();
      expect(await second.getByRole('alert').textContent()).toContain('was approved already by operator-a');
      await sound(second);
    });
  });

  test('a hold that a newer run replaced is refused with what changed', async () => {
    await service.export(company(24));
    const old = await service.sync();
    await as(tokens.operator, {}, async (page) => {
      await page.goto(`${service.url}/runs/${old.id}`);
      await page.getByRole('button', { name: /^Approve all/ }).click();
      await service.export(company(27));
      const next = await service.sync();
      await page.getByRole('button', { name: 'Approve', exact: true }).click();
      const said = await page.getByRole('alert').textContent();
      expect(said).toContain(`replaced by ${next.id}`);
      expect(said).toContain('3 people more and 0 fewer');
    });
    expect((await service.opened.store.runs.held('alpha')).map(({ held }) => held.deactivate)).toEqual([15]);
  });

  test('rejects one site of a hold by phone; the rest waits, and the rejection is taken back', async () => {
    const [held] = await service.opened.store.runs.held('alpha');
    const all = held?.held.deactivate ?? 0;
    await as(tokens.operator, phone, async (page) => {
      await page.goto(`${service.url}/runs/${held?.id}`);
      const site = page.getByRole('checkbox', { name: /^Ireland \d+: / }).first();
      const some = Number(/\d+/.exec((await site.locator('xpath=..').textContent()) ?? '')?.[0]);
      expect(some).toBeGreaterThan(0);
      await site.check();
      await page.getByRole('button', { name: 'Reject ticked' }).click();
      expect(await heading(page)).toBe(`Reject ${some} changes of ${some} people on academy?`);
      await sound(page);
      await page.getByLabel('Why').fill('Ireland stays open');
      await page.getByRole('button', { name: 'Reject', exact: true }).click();
      await page.getByRole('heading', { name: 'What was rejected' }).waitFor();
      await page.getByRole('heading', { name: `${all - some} deactivations wait for a decision` }).waitFor();
      await sound(page);
      await page.getByRole('button', { name: 'Take the rejection back' }).click();
      await page.getByRole('heading', { name: `${all} deactivations wait for a decision` }).waitFor();
    });
    expect(await service.opened.store.runs.find(held?.id ?? '')).toMatchObject({
      hash: held?.hash,
      decided: null,
    });
  });

  test('by keyboard alone: past the navigation, tick, on to the last look; and back with nothing decided', async () => {
    const [held] = await service.opened.store.runs.held('alpha');
    await as(tokens.operator, { viewport: { width: 1280, height: 900 } }, async (page) => {
      await page.goto(`${service.url}/runs/${held?.id}`);
      const focused = (): Promise<string> =>
        page.evaluate(
          'document.activeElement?.id || document.activeElement?.value || document.activeElement?.textContent || ""',
        );
      await page.keyboard.press('Tab');
      expect(await focused()).toBe('To the content');
      expect(await page.getByRole('link', { name: 'To the content' }).boundingBox()).toMatchObject({ x: 16 });
      await page.keyboard.press('Enter');
      expect(await focused()).toBe('main');
      const tabTo = async (wanted: RegExp): Promise<void> => {
        for (let presses = 0; presses < 80; presses++) {
          await page.keyboard.press('Tab');
          if (wanted.test(await focused())) return;
        }
        throw new Error(`${wanted} is not reached by Tab`);
      };
      await tabTo(/^g-/);
      await page.keyboard.press('Space');
      await tabTo(/^approve$/);
      // What has the focus is not behind the bar.
      expect(await page.locator('button:focus').isVisible()).toBe(true);
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { level: 1, name: /^Approve \d+ changes? of \d+ pe/ }).waitFor();
      await tabTo(/^Back, nothing decided$/);
      await page.keyboard.press('Enter');
      await page.waitForURL(`${service.url}/runs/${held?.id}`);
    });
    expect((await service.opened.store.runs.find(held?.id ?? ''))?.decided).toBeNull();
  });

  test('printed, it is a record: everybody by name, folded or not, and no buttons', async () => {
    const [held] = await service.opened.store.runs.held('alpha');
    await as(tokens.viewer, { colorScheme: 'dark' }, async (page) => {
      await page.goto(`${service.url}/runs/${held?.id}`);
      // Playwright takes what is in a closed fold for hidden, whatever the style says.
      const isShown = (): Promise<boolean> =>
        page.evaluate("document.querySelector('details th[scope=row]').checkVisibility()");
      expect(await isShown()).toBe(false);
      await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
      expect(await isShown()).toBe(true);
      expect(await page.getByText(/^Printed by viewer-a, /).isVisible()).toBe(true);
      expect(await page.locator('nav, button, input').filter({ visible: true }).count()).toBe(0);
      // Black on white, whatever the screen is.
      expect(await page.evaluate('getComputedStyle(document.body).backgroundColor')).toBe(
        'rgb(255, 255, 255)',
      );
      expect((await page.pdf({ format: 'A4' })).length).toBeGreaterThan(10_000);
    });
  });

  test('every page is sound, light and dark, wide and narrow, and names nobody in its title', async () => {
    const paths = [
      '/',
      '/runs',
      '/people',
      '/people/010001?customer=alpha',
      '/review',
      '/results',
      '/history',
    ];
    for (const options of [
      { ...phone, colorScheme: 'dark' },
      { viewport: { width: 1280, height: 900 }, colorScheme: 'light' },
    ] as const)
      await as(tokens.both, options, async (page) => {
        for (const path of paths) {
          const answer = await page.goto(`${service.url}${path}`);
          expect.soft(answer?.status(), path).toBe(200);
          await sound(page);
          expect.soft(await page.title(), path).not.toMatch(/img|HYPERLINK/);
        }
        await page.goto(`${service.url}/people`);
        await page.getByLabel(/Employee id/).fill('person.2@example.com');
        await page.getByRole('button', { name: 'Find' }).click();
        await sound(page);
        // What was looked for stands in no address.
        expect(page.url()).toBe(`${service.url}/people`);
        await page.getByRole('link', { name: '010002' }).first().click();
        await page.getByRole('heading', { level: 1, name: 'محمد العلي' }).waitFor();
      });
  });

  test('the queues are looked at without a request to anybody else', async () => {
    const context = await browser.open();
    const page = await signIn(context, tokens.both);
    await page.goto(`${service.url}/queues/`);
    await page.getByText('rollcall-sync').first().waitFor();
    await context.close();
    expect(browser.complaints()).toEqual([]);
  });
});
