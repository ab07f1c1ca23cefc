import { access } from 'node:fs/promises';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { serversRequired } from '../../support/servers.ts';

const executablePath = process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium';
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Why there is no browser here; null when there is one. Where the servers are required, it is required too. */
export async function whyNoBrowser(): Promise<string | null> {
  const found = await access(executablePath).then(
    () => true,
    () => false,
  );
  if (found) return null;
  if (serversRequired) throw new Error(`${executablePath} is required and not there`);
  return `${executablePath} is not installed`;
}

/** A browser, and everything about it that a page of ours must not cause. */
export type Browser = {
  readonly open: (options?: BrowserContextOptions) => Promise<BrowserContext>;
  /** Requests to anybody else, refusals of the policy, errors of scripts. */
  readonly complaints: () => readonly string[];
  readonly close: () => Promise<void>;
};

/** Starts Chromium with an empty profile; every page it opens is watched. */
export async function startBrowser(ownUrl: string): Promise<Browser> {
  const home = await mkdtemp(join(tmpdir(), 'rollcall-chromium-'));
  const browser = await chromium.launch({
    executablePath,
    args: flags,
    headless: true,
    env: { ...process.env, HOME: home },
  });
  const complaints: string[] = [];
  const watch = (page: Page): void => {
    page.on('request', (request) => {
      const url = request.url();
      if (!url.startsWith(ownUrl) && !url.startsWith('data:')) complaints.push(`request to ${url}`);
    });
    page.on('console', (message) => {
      // What a refused form answers is told by the browser as well.
      if (message.type() === 'error' && !message.text().includes('Failed to load resource'))
        complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('dialog', (dialog) => {
      complaints.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
  };
  return {
    open: async (options = {}) => {
      const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'Europe/Dublin', ...options });
      context.on('page', watch);
      return context;
    },
    complaints: () => complaints,
    close: async () => {
      await browser.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** Violations of WCAG 2.2 AA on a page, in words. */
export async function violationsOn(page: Page): Promise<readonly string[]> {
  const { violations } = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'])
    .analyze();
  return violations.map(({ id, help, nodes }) => `${id}: ${help}: ${nodes[0]?.html ?? ''}`);
}

/** How far a page is wider than its window, in px. */
export async function overflowOf(page: Page): Promise<number> {
  return page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
}
