// A person's own account: a second factor, a forgotten password, sessions, a provider.

import { ANA, Dashboard } from "../harness/dashboard.ts";
import { earlierOneTimeCode, oneTimeCode } from "../harness/one-time-code.ts";
import { pathIn } from "../harness/post-office.ts";
import { shoot } from "../harness/screenshots.ts";
import { expect, test, watch } from "../harness/test.ts";

test.use({ account: ANA });

test("a second factor is set up, asked for, and turned off", async ({ complaints, dashboard, page, project }) => {
  complaints.foresee(/status of 422/);
  await page.locator("summary.person").click();
  await dashboard.link("Your account").click();
  await expect(page).toHaveURL(new RegExp(`${project.path}/settings/account$`));
  await shoot(page, "account");
  await dashboard.link("Set up a second factor").click();
  await dashboard.expectPage("Second factor");
  await expect(page.getByRole("img", { name: "QR code for an authenticator app" })).toBeVisible();
  await shoot(page, "second-factor");
  const key = await page.getByLabel("Or type this key").inputValue();
  await dashboard.field("Code").fill("000000");
  await dashboard.field("Your password").fill(ANA.password);
  await dashboard.button("Turn on the second factor").click();
  await dashboard.expectError("Code", "Is not the one that the app shows now.");
  await dashboard.field("Code").fill(await earlierOneTimeCode(key));
  await dashboard.field("Your password").fill(ANA.password);
  await dashboard.button("Turn on the second factor").click();
  await expect(page.getByText("The second factor is on")).toBeVisible();
  await shoot(page, "recovery-codes");
  const codes = (await page.locator("pre").first().innerText()).match(/[a-z2-7]{4}(-[a-z2-7]{4}){3}/g) ?? [];
  expect(codes).toHaveLength(10);
  await page.reload();
  await expect(page.getByText("The recovery codes were shown already")).toBeVisible();

  await dashboard.open(project.path);
  await dashboard.signOut();
  await dashboard.open(`/sign-in?next=${encodeURIComponent(`${project.path}/events`)}`);
  await dashboard.signIn(ANA.email, ANA.password);
  await dashboard.expectPage("Enter your code");
  await shoot(page, "sign-in-code");
  await dashboard.field("Code").fill("123456");
  await dashboard.button("Sign in").click();
  await dashboard.expectError("Code", "Is wrong, or was used already.");
  await dashboard.field("Code").fill(oneTimeCode(key));
  await dashboard.button("Sign in").click();
  await dashboard.expectPage("Events");

  await dashboard.open(`${project.path}/settings/account`);
  await dashboard.field("Code").fill(codes[0] ?? "");
  await dashboard.field("Password to turn it off").fill(ANA.password);
  await dashboard.button("Turn off the second factor").click();
  await expect(page.getByRole("status").getByText("Second factor turned off")).toBeVisible();
  await expect(dashboard.link("Set up a second factor")).toBeVisible();
});

test("signing out everywhere", async ({ browser, complaints, dashboard, page, project, server }) => {
  complaints.foresee(/status of 401/);
  const context = await browser.newContext({ baseURL: server.url });
  await watch(context, complaints);
  const elsewhere = new Dashboard(await context.newPage());
  await elsewhere.open("/sign-in");
  await elsewhere.signIn(ANA.email, ANA.password);
  await elsewhere.expectPage("Overview");

  await dashboard.open(`${project.path}/settings/account`);
  const table = page.getByRole("table", { name: "Sessions" });
  await expect(table.getByRole("row").filter({ hasText: "Chrome on Linux" })).toHaveCount(2);
  await expect(table.getByRole("row").filter({ hasText: "this one" })).toHaveCount(1);
  await page.locator("summary").filter({ hasText: "Sign out everywhere" }).click();
  const dialog = page.getByRole("dialog", { name: "Sign out everywhere?" });
  await dialog.getByRole("button", { name: "Sign out everywhere" }).click();
  await dashboard.expectPage("Sign in");
  await elsewhere.open(project.path);
  await elsewhere.expectPage("Sign in");
  await context.close();
});

test("a password and a name are changed", async ({ complaints, dashboard, page, project }) => {
  complaints.foresee(/status of 422/);
  await dashboard.open(`${project.path}/settings/account`);
  await dashboard.field("Your name").fill("Ana Ruiz");
  await dashboard.button("Change name").click();
  await expect(page.getByRole("status").getByText("Name changed")).toBeVisible();
  await expect(page.locator("summary.person")).toContainText("Ana Ruiz");
  await dashboard.field("Current password").fill(ANA.password);
  await dashboard.field("New password").fill("Password123");
  await dashboard.button("Change password").click();
  await dashboard.expectError("New password", /Is one of the most common/);
  await dashboard.field("New password").fill("an entirely new phrase");
  await dashboard.field("Current password").fill(ANA.password);
  await dashboard.button("Change password").click();
  await expect(page.getByRole("status").getByText("Password changed")).toBeVisible();
  await dashboard.signOut();
  await dashboard.signIn(ANA.email, "an entirely new phrase");
  await dashboard.expectPage("Overview");
});

test.describe("with mail", () => {
  test.use({ sendsMail: true });

  test("a forgotten password is replaced", async ({ dashboard, page, postOffice }) => {
    await dashboard.open("/sign-in");
    await dashboard.link("Forgot your password?").click();
    await dashboard.expectPage("Forgot your password?");
    await dashboard.field("E-mail").fill(ANA.email);
    await dashboard.button("Send the link").click();
    await expect(page.getByText("Look into your mail")).toBeVisible();
    const letter = await postOffice.letter(ANA.email, "Choose a new hookstream password");
    await dashboard.open(pathIn(letter));
    await dashboard.expectPage("Choose a new password");
    await expect(page.getByText(ANA.email)).toBeVisible();
    await shoot(page, "reset-password");
    await dashboard.field("New password").fill("an entirely new phrase");
    await dashboard.button("Change password").click();
    await dashboard.expectPage("Sign in");
    await expect(page.getByText("Password changed")).toBeVisible();
    await dashboard.signIn(ANA.email, "an entirely new phrase");
    await dashboard.expectPage("Overview");
    await dashboard.open(pathIn(letter));
    await expect(page.getByText("This link does not work")).toBeVisible();
  });

  test("without JavaScript too", async ({ browser, postOffice, server }) => {
    const context = await browser.newContext({ baseURL: server.url, javaScriptEnabled: false });
    const page = await context.newPage();
    const dashboard = new Dashboard(page, false);
    await dashboard.open("/forgot-password");
    await dashboard.field("E-mail").fill(ANA.email);
    await dashboard.button("Send the link").click();
    await expect(page.getByText("Look into your mail")).toBeVisible();
    await dashboard.open(pathIn(await postOffice.letter(ANA.email, "Choose a new hookstream password")));
    await dashboard.field("New password").fill("Password123");
    await dashboard.button("Change password").click();
    await expect(page.getByText(/one of the most common/).first()).toBeVisible();
    await dashboard.field("New password").fill("an entirely new phrase");
    await dashboard.button("Change password").click();
    await dashboard.expectPage("Sign in");
    await dashboard.signIn(ANA.email, "an entirely new phrase");
    await dashboard.expectPage("Overview");
    await context.close();
  });
});

test.describe("with an OpenID provider", () => {
  const BEN = { name: "Ben Okri", email: "ben@example.com" };
  test.use({ atProvider: { "7": BEN, "248": ANA } });

  test("somebody new comes by it", async ({ complaints, dashboard, page }) => {
    complaints.foresee(/status of 422/);
    await dashboard.open("/sign-in");
    await shoot(page, "sign-in-provider");
    await dashboard.link("Sign in with Acme").click();
    await dashboard.link(BEN.name).click();
    await dashboard.expectPage("Overview");
    await expect(page.locator("summary.person")).toContainText(BEN.name);
    await dashboard.open(`${dashboard.project}/settings/account`);
    await expect(page.getByText("Your account is connected.")).toBeVisible();
    await shoot(page, "account-provider");
    await dashboard.field("Password to disconnect").fill("a guess");
    await dashboard.button("Disconnect").click();
    await dashboard.expectError("Password to disconnect", /^Is not your current password\. If you came by Acme/);
    await dashboard.signOut();
    await dashboard.open("/sign-in?next=/account");
    await dashboard.link("Sign in with Acme").click();
    await dashboard.link(BEN.name).click();
    await dashboard.expectPage("Account");
  });

  test("an account is connected with it", async ({ dashboard, page }) => {
    await dashboard.open("/sign-in");
    await dashboard.link("Sign in with Acme").click();
    await dashboard.link(ANA.name).click();
    await dashboard.expectPage("Sign in");
    await expect(page.getByText("There is an account with your address")).toBeVisible();
    await shoot(page, "sign-in-provider-refused");
    await dashboard.signIn(ANA.email, ANA.password);
    await dashboard.expectPage("Overview");
    await dashboard.open("/account");
    await dashboard.link("Connect with Acme").click();
    await dashboard.link(ANA.name).click();
    await expect(page.getByText("You can sign in with it from now on.")).toBeVisible();
    await shoot(page, "account-provider-connected");
    await dashboard.field("Password to disconnect").fill(ANA.password);
    await dashboard.button("Disconnect").click();
    await expect(page.getByRole("status").getByText("Disconnected")).toBeVisible();
    await expect(dashboard.link("Connect with Acme")).toBeVisible();
    await expect(page.getByText("You can sign in with it from now on.")).toBeHidden();
    await shoot(page, "account-provider-none");
  });
});
