// Who may come in, and what they see.

import { Api } from "../harness/api.ts";
import { ANA, Dashboard, type Person } from "../harness/dashboard.ts";
import { expect, test, watch } from "../harness/test.ts";

const BEN: Person = {
  name: "Ben Okafor",
  email: "ben@example.org",
  organization: "Another company",
  password: "staple battery horse",
};

test("signing up, out and in", async ({ complaints, dashboard, page }) => {
  complaints.foresee(/status of (401|422)/);
  await dashboard.signUp();
  const overview = dashboard.project;
  await expect(page.getByText(ANA.organization)).toBeVisible();
  await dashboard.signOut();

  // What was asked for is where the sign-in leads, once it succeeds.
  await dashboard.open(`${overview}/events?status=failed`);
  await dashboard.expectPage("Sign in");
  await dashboard.signIn(ANA.email, "not the password");
  await dashboard.expectError("Password", "Or the e-mail address is wrong.");
  const refusal = await page.getByRole("alert").textContent();
  await dashboard.signIn("nobody@example.com", ANA.password);
  await expect(page.getByRole("alert"), "it does not tell which of the two was wrong").toHaveText(refusal ?? "");
  await expect(dashboard.field("E-mail")).toHaveValue("nobody@example.com");
  await dashboard.signIn(` ${ANA.email.toUpperCase()} `, ANA.password);
  await dashboard.expectPage("Events");
  await expect(page).toHaveURL(new RegExp(`${overview}/events\\?status=failed$`));

  // An address of somebody else is taken already.
  await dashboard.signOut();
  await dashboard.link("Sign up").click();
  await dashboard.fillSignUp({ ...BEN, email: ANA.email });
  await dashboard.button("Sign up").click();
  await dashboard.expectError("E-mail", /Cannot be used for a new account; sign in if it is yours\./);
  await expect(dashboard.field("Your name")).toHaveValue(BEN.name);
  await dashboard.field("E-mail").fill(BEN.email);
  await dashboard.button("Sign up").click();
  await dashboard.expectPage("Overview");
  expect(dashboard.project).not.toBe(overview);
});

test.describe("with an account", () => {
  test.use({ account: ANA });

  test("a sign-in leads to no other site", async ({ dashboard, page, server }) => {
    for (const next of ["https://example.com/", "//example.com/", "/\\example.com/", "javascript:alert(1)"]) {
      await dashboard.open(`/sign-in?next=${encodeURIComponent(next)}`);
      await dashboard.signIn(ANA.email, ANA.password);
      await dashboard.expectPage("Overview");
      expect(new URL(page.url()).origin).toBe(server.url);
    }
  });

  test("a project shows nothing of another", async ({ complaints, dashboard, page, project }) => {
    const { api } = project;
    const source = await api.createSource("shop");
    await fetch(source.ingest_url, { method: "POST", body: "hello" });
    await dashboard.go("Sources");
    await expect(dashboard.link("shop")).toBeVisible();

    const switcher = page.getByLabel("Switch the project");
    await switcher.click();
    await dashboard.link("New project").click();
    await dashboard.expectPage("New project");
    await dashboard.field("Name").fill("staging");
    await page.getByRole("radio", { name: /^Test/ }).check();
    await dashboard.button("Create project").click();
    await dashboard.expectPage("Overview");
    await expect(switcher).toContainText("staging");
    await expect(switcher).toContainText("test");
    const staging = dashboard.project;
    expect(staging).not.toBe(project.path);
    await dashboard.go("Sources");
    await expect(page.getByRole("heading", { name: "No source yet" })).toBeVisible();
    await dashboard.go("Events");
    await expect(page.getByRole("heading", { name: "No event yet" })).toBeVisible();

    await switcher.click();
    await page.getByRole("link", { name: /production/ }).click();
    await expect(switcher).toContainText("production");
    // The list stays, and is that of the other project.
    await dashboard.expectPage("Events");
    expect(dashboard.project).toBe(project.path);
    await dashboard.go("Sources");
    await expect(dashboard.link("shop")).toBeVisible();

    // An id of one project means nothing in the other.
    complaints.foresee(/status of 404/);
    const answer = await page.goto(`${staging}/sources/${source.id}`);
    expect(answer?.status()).toBe(404);
    await dashboard.expectPage("There is nothing here");

    // A project is renamed, keeps its events for a week, and is deleted, all from its settings.
    await dashboard.open(`${staging}/settings`);
    await dashboard.field("Name").fill("sandbox");
    await dashboard.button("Rename project").click();
    await expect(switcher).toContainText("sandbox");
    await expect(page.getByRole("status").getByText("Project renamed")).toBeVisible();
    await dashboard.field("Keep events for").fill("7");
    await dashboard.button("Change retention").click();
    await expect(page.getByRole("status").getByText("Retention changed")).toBeVisible();
    await expect(page.getByText("7 days", { exact: true })).toBeVisible();
    await page.locator("summary").filter({ hasText: "Delete project" }).click();
    const dialog = page.getByRole("dialog", { name: "Delete sandbox?" });
    await dialog.getByLabel(/^Type sandbox to confirm/).fill("sandbox");
    await dialog.getByRole("button", { name: "Delete project" }).click();
    await dashboard.expectPage("Overview");
    await expect(switcher).toContainText("production");
    await switcher.click();
    await expect(page.getByRole("link", { name: /sandbox/ })).toHaveCount(0);
  });

  test("another account finds nothing at these addresses", async ({ browser, complaints, project, receiver, server }) => {
    complaints.foresee(/status of 404/);
    const { api } = project;
    const source = await api.createSource("shop-of-ana");
    const destination = await api.createDestination("orders-of-ana", receiver.url);
    const connection = await api.createConnection(source, destination);
    const posted = await fetch(source.ingest_url, { method: "POST", body: "hello" });
    const { event_id: event } = (await posted.json()) as { event_id: string };

    const context = await browser.newContext({ baseURL: server.url });
    await watch(context, complaints);
    const page = await context.newPage();
    const ben = new Dashboard(page);
    await ben.signUp(BEN);
    const own = ben.project;
    const things = [
      `sources/${source.id}`,
      `sources/${source.id}/edit`,
      `destinations/${destination.id}`,
      `destinations/${destination.id}/edit`,
      `connections/${connection.id}`,
      `events/${event}`,
    ];
    const foreign = ["", "/events", "/sources", "/destinations", "/connections", "/settings", "/settings/keys"];
    const addresses = [
      ...foreign.map((path) => `${project.path}${path}`),
      ...things.flatMap((path) => [`${project.path}/${path}`, `${own}/${path}`]),
      `${own}/events/evt_of_nobody`,
      "/p/env_0",
      "/no-such-page",
    ];
    for (const address of addresses) {
      const answer = await context.request.get(address);
      expect.soft(answer.status(), address).toBe(404);
      expect.soft(await answer.text(), address).not.toMatch(/of-ana/);
    }
    for (const address of [`${project.path}/events/${event}`, `${own}/sources/${source.id}`, "/no-such-page"]) {
      await page.goto(address);
      await ben.alive();
      await ben.expectPage("There is nothing here");
      await ben.link("Go to the overview").click();
      await ben.expectPage("Overview");
      expect(ben.project).toBe(own);
    }
    await context.close();
  });

  test("an API key is shown once, works, and ends", async ({ dashboard, page, project, server }) => {
    await dashboard.go("Settings");
    await dashboard.link("API keys").click();
    const table = page.getByRole("table", { name: "API keys" });
    await expect(table.getByRole("row").filter({ hasText: "bootstrap" })).toBeVisible();
    await dashboard.field("Name").fill("deploy-pipeline");
    await page.getByRole("checkbox", { name: /^write/ }).uncheck();
    await dashboard.button("Create API key").click();
    const shown = page.getByLabel("API key", { exact: true });
    await expect(shown).toHaveValue(/^hs_live_[0-9a-f]{64}$/);
    const key = await shown.inputValue();
    const row = table.getByRole("row").filter({ hasText: "deploy-pipeline" });
    await expect(row).toContainText(key.slice(0, 12));
    await expect(row.getByRole("cell").nth(2)).toHaveText("read");
    await expect(dashboard.field("Name"), "the form is for the next key").toHaveValue("");

    await page.reload();
    await expect(row).toBeVisible();
    await expect(shown, "it is shown once").toHaveCount(0);
    expect(await page.content()).not.toContain(key);
    await dashboard.alive();

    const api = new Api(server.url, key);
    await project.api.createSource("shop");
    const sources = await api.get<{ data: { name: string }[] }>("/sources");
    expect(sources.data.map(({ name }) => name)).toEqual(["shop"]);
    expect((await api.send("POST", "/sources", { name: "another" })).status).toBe(403);

    await row.locator("summary").filter({ hasText: "Revoke" }).click();
    await page.getByRole("dialog", { name: "Revoke this API key?" }).getByRole("button", { name: "Revoke API key" }).click();
    await expect(page.getByRole("status").getByText("API key revoked")).toBeVisible();
    await expect(row).toContainText("revoked");
    await expect(row.locator("summary"), "what has ended is neither revoked nor rotated again").toHaveCount(0);
    expect((await api.send("GET", "/sources")).status).toBe(401);
  });
});
