import { mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { person } from '../../support/company.ts';
import { startService, type TestService, tokens } from '../service.ts';
import { type Browser, startBrowser, whyNoBrowser } from './browser.ts';

const missing = await whyNoBrowser();
if (missing !== null) console.warn(`no screenshots are made: ${missing}`);

/** `ROLLCALL_SCREENSHOTS=write` puts them where the docs show them; else they are made and thrown away. */
const kept = process.env['ROLLCALL_SCREENSHOTS'] === 'write';
const docs = resolve(import.meta.dirname, '../../../docs/pages');

describe.skipIf(missing !== null)('screenshots of invented people', { timeout: 90_000 }, () => {
  let service: TestService;
  let browser: Browser;
  let folder: string;

  beforeAll(async () => {
    service = await startService(Array.from({ length: 240 }, (_, n) => person(n)));
    browser = await startBrowser(service.url);
    folder = kept ? docs : await mkdtemp(join(tmpdir(), 'rollcall-screenshots-'));
    await mkdir(folder, { recursive: true });
    for (let night = 0; night < 4; night++) {
      await service.export(
        Array.from({ length: 240 }, (_, n) => person(n, { status: n < night * 2 ? 'Terminated' : 'Active' })),
      );
      await service.sync();
    }
    // A site closes.
    await service.export(
      Array.from({ length: 240 }, (_, n) =>
        person(n, { status: n < 6 || (n >= 20 && n < 60) ? 'Terminated' : 'Active' }),
      ),
    );
    await service.sync();
  }, 90_000);
  afterAll(async () => {
    await browser?.close();
    await service?.close();
    if (!kept) await rm(folder, { recursive: true, force: true });
  });

  test.each(['light', 'dark'] as const)('in %s', async (colorScheme) => {
    const [held] = await service.opened.store.runs.held('alpha');
    expect(held?.held.deactivate).toBe(40);
    for (const [name, path, viewport] of [
      ['overview', '/', { width: 1000, height: 620 }],
      ['run', `/runs/${held?.id}`, { width: 1000, height: 900 }],
      ['phone', `/runs/${held?.id}`, { width: 360, height: 740 }],
    ] as const) {
      const context = await browser.open({ viewport, colorScheme });
      const page = await context.newPage();
      await page.goto(`${service.url}/login`);
      await page.getByLabel('Token').fill(tokens.operator);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.waitForURL(`${service.url}/`);
      await page.goto(`${service.url}${path}`);
      const fold = page.locator('summary').first();
      if ((await fold.count()) > 0) await fold.click();
      const file = join(folder, `${name}-${colorScheme}.png`);
      await page.screenshot({ path: file });
      const { size } = await stat(file);
      expect(size).toBeGreaterThan(5_000);
      expect(size).toBeLessThan(150_000);
      await context.close();
    }
    expect(browser.complaints()).toEqual([]);
  });
});
