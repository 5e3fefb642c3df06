// Accessibility, checked on the page as it stands.

import { AxeBuilder } from "@axe-core/playwright";
import { type Page, expect } from "@playwright/test";

const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"];

type ColorScheme = "light" | "dark";

export async function expectAccessible(page: Page, themes: ColorScheme[] = ["light", "dark"]): Promise<void> {
  for (const colorScheme of themes) {
    await page.emulateMedia({ colorScheme });
    await settled(page);
    const { violations } = await new AxeBuilder({ page }).withTags(RULES).analyze();
    const found = violations.flatMap(({ id, help, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id} (${help}) at ${target.join(" ")}: ${failureSummary}`),
    );
    expect.soft(found, `${page.url()} in ${colorScheme} colours`).toEqual([]);
  }
  await page.emulateMedia({ colorScheme: null });
}

/** Waits until nothing fades: what is old is, while what is new is asked for. */
async function settled(page: Page): Promise<void> {
  await expect(page.locator("[data-open]")).toHaveCount(0);
  await page.evaluate(async () => {
    const ends = document.getAnimations().filter((it) => it.effect?.getTiming().iterations !== Infinity);
    await Promise.allSettled(ends.map((it) => it.finished));
  });
}
