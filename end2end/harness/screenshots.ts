// Pictures of the page as it stands, when SCREENSHOTS names a folder for them.

import { join } from "node:path";

import type { Page } from "@playwright/test";

const WIDTHS = [1440, 390];
const HEIGHT = 900;

/** The whole page; of what opens on top of one, `inWindow` takes what the window shows. */
export async function shoot(page: Page, name: string, { inWindow = false } = {}): Promise<void> {
  const folder = process.env.SCREENSHOTS;
  if (folder === undefined || folder === "") return;
  const before = page.viewportSize();
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: HEIGHT });
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      // What is fixed to the window stands where the window is, in a picture of the whole page too.
      if (!inWindow) await page.evaluate(() => scrollTo(0, 0));
      await page.screenshot({ path: join(folder, `${name}-${width}-${colorScheme}.png`), fullPage: !inWindow });
    }
  }
  await page.emulateMedia({ colorScheme: null });
  if (before !== null) await page.setViewportSize(before);
}
