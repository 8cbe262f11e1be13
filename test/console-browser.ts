import { existsSync } from 'node:fs';
import { join } from 'node:path';
import axe, { type AxeResults } from 'axe-core';
import { type Browser, chromium, type Locator, type Page } from 'playwright-core';

/** Debian's package `chromium`. */
const CHROMIUM = '/usr/bin/chromium';
export const hasChromium = existsSync(CHROMIUM);
/** A page on a machine that also runs servers, a relay and projectors. */
const PATIENCE_MS = 60_000;

export const openBrowser = (): Promise<Browser> =>
  // As root it has no sandbox; what it opens is ours.
  chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-dev-shm-usage'] });

/** A page of the console, signed in, that remembers whatever it complained about. */
export class ConsolePage {
  readonly page: Page;
  /** Errors, and what the content security policy has refused. */
  readonly complaints: string[] = [];

  private constructor(page: Page) {
    this.page = page;
    page.on('pageerror', error => this.complaints.push(error.message));
    page.on('console', message => {
      if (message.type() === 'error') this.complaints.push(message.text());
    });
  }

  static of(page: Page): ConsolePage {
    page.setDefaultTimeout(PATIENCE_MS);
    return new ConsolePage(page);
  }

  static async open(
    browser: Browser,
    url: string,
    role: 'Viewer' | 'Operator',
    options: Parameters<Browser['newContext']>[0] = {},
  ): Promise<ConsolePage> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    const page = await context.newPage();
    const opened = ConsolePage.of(page);
    await page.goto(url);
    await page.getByRole('button', { name: role }).click();
    await page.getByRole('heading', { name: 'Stores' }).waitFor();
    return opened;
  }

  store(name: string): Locator {
    return this.page.getByRole('article', { name, exact: true });
  }

  dialog(title: string): Locator {
    return this.page.getByRole('dialog', { name: title });
  }

  /** Opens the dialog of a button, gives a reason, and confirms. */
  async act(button: Locator, title: string, confirm: string, fill?: (dialog: Locator) => Promise<void>): Promise<void> {
    await button.click();
    const dialog = this.dialog(title);
    await fill?.(dialog);
    await dialog.getByLabel('Reason').fill('the console under test');
    await dialog.getByRole('button', { name: confirm, exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
  }

  /** Waits until the text is there. */
  async sees(where: Locator, text: string | RegExp): Promise<void> {
    await where.getByText(text).first().waitFor();
  }

  /** What axe-core finds wrong, in words. */
  async violations(): Promise<readonly string[]> {
    await this.page.evaluate(axe.source);
    const { violations } = await this.page.evaluate<AxeResults>('axe.run()');
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`));
  }

  /** For human eyes, when CONSOLE_SCREENSHOTS names a folder. */
  async shoot(name: string): Promise<void> {
    const folder = process.env.CONSOLE_SCREENSHOTS;
    if (folder) await this.page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
  }

  close(): Promise<void> {
    return this.page.context().close();
  }
}
