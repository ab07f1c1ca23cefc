import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BrowserContext, Page } from 'playwright-core';
import { person, type Row } from '../../support/company.ts';
import { startService, type TestService, tokens } from '../service.ts';
import { type Browser, overflowOf, startBrowser, violationsOn, whyNoBrowser } from './browser.ts';

const missing = await whyNoBrowser();
if (missing !== null) console.warn(`the pages are not tried in a browser: ${missing}`);

/** Names that a page has to show and not obey. */
const hostile = {
  1: { firstName: '<img src=x onerror=alert(1)>', lastName: '=HYPERLINK("x")' },
  2: { firstName: 'محمد', lastName: 'العلي' },
} as const;

const company = (leavers: number): Row[] =>
  Array.from({ length: 80 }, (_, n) =>
    person(n, {
      ...(n in hostile ? hostile[n as keyof typeof hostile] : {}),
      status: n < leavers ? 'Terminated' : 'Active',
    }),
  );

describe.skipIf(missing !== null)('a reviewer', { timeout: 60_000 }, () => {
  let service: TestService;
  let browser: Browser;

  beforeAll(async () => {
    service = await startService(company(0));
    browser = await startBrowser(service.url);
    await service.sync();
  }, 60_000);
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
  const sound = async (page: Page): Promise<void> => {
    expect.soft(await violationsOn(page), page.url()).toEqual([]);
    expect.soft(await overflowOf(page), page.url()).toBeLessThanOrEqual(0);
  };

  test('finds who is held and why, approves by phone, and sees it done', async () => {
    await service.export(company(12));
    const run = await service.sync();
    expect(run.held.deactivate).toBe(12);
    const context = await browser.open({ viewport: { width: 360, height: 740 } });
    const page = await signIn(context);
    await sound(page);
    await page.getByRole('link', { name: /See who and why/ }).click();
    await sound(page);
    await page.locator('summary').first().click();
    expect(await page.content()).toContain('&lt;img src=x');
    await page.getByRole('button', { name: 'Approve all 12' }).click();
    await sound(page);
    await page.getByRole('button', { name: 'Approve', exact: true }).click();
    await expect
      .poll(() => page.getByRole('heading', { level: 1 }).textContent(), { timeout: 20_000 })
      .toContain('applied');
    await sound(page);
    expect(await page.content()).toContain('operator-a');
    await context.close();
    expect(browser.complaints()).toEqual([]);
  });
});
