// The dashboard as people use it: by the words on the page. Works with and without JavaScript.

import { type Locator, type Page, expect } from "@playwright/test";

export interface Person {
  name: string;
  email: string;
  organization: string;
  password: string;
}

export const ANA: Person = {
  name: "Ana Gómez",
  email: "ana@example.com",
  organization: "Example & Co",
  password: "correct horse battery",
};

/** A destination, with the labels of the form as names; what is left out keeps the form's default. */
export interface DestinationFields {
  name: string;
  url: string;
  timeoutMs?: number;
  waits?: string;
  attempts?: number;
}

/** A signing secret as Stripe gives it. */
export const STRIPE_SECRET = "whsec_kJ8vTq2LmZx4RbW7Yc0NfHs6";

export class Dashboard {
  readonly page: Page;
  readonly #hydrates: boolean;

  /** `hydrates` is false for a browser without JavaScript. */
  constructor(page: Page, hydrates = true) {
    this.page = page;
    this.#hydrates = hydrates;
  }

  /** Loads the page at the path and waits until it has come alive. */
  async open(path: string): Promise<void> {
    await this.page.goto(path);
    await this.alive();
  }

  /** Waits until the page that the server drew answers to clicks without being loaded anew. */
  async alive(): Promise<void> {
    if (this.#hydrates) await expect(this.page.locator("html")).toHaveAttribute("data-alive", "true", { timeout: 20_000 });
  }

  /** The control with this label, or with one that begins so. Fields that are hidden do not count. */
  field(label: string): Locator {
    return this.page.getByLabel(new RegExp(`^${escaped(label)}`)).filter({ visible: true });
  }

  /** The error beside the control with this label. */
  async expectError(label: string, message: string | RegExp): Promise<void> {
    await expect(this.field(label)).toHaveAttribute("aria-invalid", "true");
    await expect(this.field(label)).toHaveAccessibleDescription(message);
  }

  button(name: string): Locator {
    return this.page.getByRole("button", { name, exact: true });
  }

  link(name: string): Locator {
    return this.page.getByRole("link", { name, exact: true });
  }

  /** The page with this title is shown. */
  async expectPage(title: string | RegExp): Promise<void> {
    await expect(this.page.getByRole("heading", { level: 1, name: title, exact: true })).toBeVisible();
  }

  /** Goes to a page by the sidebar. */
  async go(
    name: "Overview" | "Events" | "Dead letters" | "Sources" | "Destinations" | "Connections" | "Replays" | "Settings",
  ): Promise<void> {
    await this.page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name, exact: true }).click();
    await this.expectPage(name);
  }

  /** The path of the project that is shown: `/p/env_…`. */
  get project(): string {
    const path = /^\/p\/env_[0-9a-f]{32}/.exec(new URL(this.page.url()).pathname);
    if (path === null) throw new Error(`${this.page.url()} is not a page of a project`);
    return path[0];
  }

  async signUp(person: Person = ANA): Promise<void> {
    await this.open("/sign-up");
    await this.fillSignUp(person);
    await this.button("Sign up").click();
    await this.expectPage("Overview");
  }

  async fillSignUp({ name, email, organization, password }: Person): Promise<void> {
    await this.field("Your name").fill(name);
    await this.field("E-mail").fill(email);
    await this.field("Organization").fill(organization);
    await this.field("Password").fill(password);
  }

  /** Fills in the form on the page for signing in and sends it. */
  async signIn(email: string, password: string): Promise<void> {
    await this.field("E-mail").fill(email);
    await this.field("Password").fill(password);
    await this.button("Sign in").click();
  }

  async signOut(): Promise<void> {
    const menu = this.page.locator("summary.person");
    await menu.click();
    await this.button("Sign out").click();
    await this.expectPage("Sign in");
  }

  /** Makes a source for Stripe, beginning on any page of the project, and returns its ingest URL. */
  async createStripeSource(name: string, secret = STRIPE_SECRET): Promise<string> {
    await this.go("Sources");
    await this.link("New source").first().click();
    await this.link("Stripe").click();
    await this.expectPage("New Stripe source");
    await this.field("Name").fill(name);
    await this.field("Signing secret").fill(secret);
    await this.button("Create source").click();
    await this.expectPage(name);
    return await this.page.getByLabel("Ingest URL", { exact: true }).inputValue();
  }

  /** Makes a destination, beginning on any page of the project, and returns its signing secret. */
  async createDestination({ name, url, timeoutMs, waits, attempts }: DestinationFields): Promise<string> {
    await this.go("Destinations");
    await this.link("New destination").first().click();
    await this.expectPage("New destination");
    await this.link("HTTP").click();
    await this.expectPage("New HTTP destination");
    await this.field("Name").fill(name);
    await this.field("URL").fill(url);
    if (timeoutMs !== undefined) await this.field("Timeout").fill(String(timeoutMs));
    if (waits !== undefined) await this.field("Waits").fill(waits);
    if (attempts !== undefined) await this.field("Attempts").fill(String(attempts));
    await this.button("Create destination").click();
    await this.expectPage(name);
    const secret = this.page.getByLabel("Signing secret", { exact: true });
    await expect(secret).toHaveValue(/^whsec_/);
    return await secret.inputValue();
  }

  /** Connects the two, beginning on any page of the project. */
  async createConnection(source: string, destination: string): Promise<void> {
    await this.go("Connections");
    await this.link("New connection").first().click();
    await this.expectPage("New connection");
    await this.field("Source").selectOption(source);
    await this.field("Destination").selectOption(destination);
    await this.button("Create connection").click();
    await this.expectPage("Connections");
    await expect(this.link(`${source} to ${destination}`)).toBeVisible();
  }

  /** The card of the delivery to this destination, in the inspector. */
  delivery(destination: string): Locator {
    return this.page
      .getByRole("region", { name: "Deliveries" })
      .getByRole("article")
      .filter({ has: this.link(destination) });
  }

  /** The attempt of this number within a delivery. */
  attempt(delivery: Locator, number: number): Locator {
    return delivery.getByRole("group").filter({ hasText: new RegExp(`^#\\s*${number}\\b`) });
  }
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
