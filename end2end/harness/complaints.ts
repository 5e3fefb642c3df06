// Whatever a page complains about: a journey fails when there is anything it did not foresee.

import type { Page } from "@playwright/test";

export class Complaints {
  readonly #found: string[] = [];
  readonly #foreseen: RegExp[] = [];

  watch(page: Page): void {
    page.on("console", (message) => {
      const { url } = message.location();
      this.#found.push(`console ${message.type()}: ${message.text()} (${url})`);
    });
    page.on("pageerror", (error) => this.#found.push(`page error: ${error.stack ?? error.message}`));
    page.on("requestfailed", (request) => {
      const reason = request.failure()?.errorText ?? "unknown";
      // Leaving a page ends what it still loads.
      if (reason === "net::ERR_ABORTED") return;
      this.#found.push(`request failed: ${request.method()} ${request.url()}: ${reason}`);
    });
  }

  /** Allows complaints that match: a refusal with status 4xx, for one, is reported by the browser. */
  foresee(pattern: RegExp): void {
    this.#foreseen.push(pattern);
  }

  get unforeseen(): string[] {
    return this.#found.filter((text) => !this.#foreseen.some((pattern) => pattern.test(text)));
  }
}
