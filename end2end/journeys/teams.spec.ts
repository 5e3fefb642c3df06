// A team: who comes in by an invitation, what they may do, how they go, and what the audit log keeps of it.

import { expectAccessible } from "../harness/access.ts";
import { ANA, Dashboard } from "../harness/dashboard.ts";
import { shoot } from "../harness/screenshots.ts";
import { expect, test, watch } from "../harness/test.ts";

const BEN = { name: "Ben Okafor", email: "ben@example.org", password: "staple battery horse" };

test.use({ account: ANA });

test("somebody is invited, joins, gets another role, and is removed", async ({ browser, complaints, dashboard, page, project, server }) => {
  test.setTimeout(120_000);
  complaints.foresee(/status of (403|404|409|422)/);
  await dashboard.go("Settings");
  await dashboard.link("Team").click();
  await expect(page.getByRole("table", { name: "Members" })).toContainText(ANA.email);
  await dashboard.field("E-mail").fill("ben@example");
  await dashboard.button("Send invitation").click();
  await expect(page.getByRole("alert")).toBeVisible();
  await dashboard.field("E-mail").fill(BEN.email);
  await page.getByRole("radio", { name: /^Viewer/ }).check();
  await dashboard.button("Send invitation").click();
  const link = await dashboard.field("Link").inputValue();
  expect(link).toContain("/invitation/");
  await expect(page.getByRole("table", { name: "Invitations" })).toContainText(BEN.email);
  await expectAccessible(page);
  await shoot(page, "team");
  // It is shown once.
  await page.reload();
  await dashboard.alive();
  await expect(page.getByRole("table", { name: "Invitations" })).toContainText(BEN.email);
  await expect(dashboard.field("Link")).toHaveCount(0);

  // Ben has no account yet, and another browser.
  const context = await browser.newContext({ baseURL: server.url });
  await watch(context, complaints);
  const hisPage = await context.newPage();
  const his = new Dashboard(hisPage);
  await his.open(new URL(link).pathname);
  await his.expectPage("Invitation");
  await expect(hisPage.getByText(`invites you to ${ANA.organization}, as viewer.`)).toBeVisible();
  await expectAccessible(hisPage);
  await shoot(hisPage, "invitation");
  await his.field("Your name").fill(BEN.name);
  await his.field("Password").fill("Password123");
  await his.button("Sign up and join").click();
  await his.expectError("Password", /Is one of the most common/);
  await his.field("Password").fill(BEN.password);
  await his.button("Sign up and join").click();
  await his.expectPage("Overview");
  expect(his.project).toBe(project.path);
  await his.go("Sources");
  await expect(his.link("New source")).toHaveCount(0);
  await his.open(`${project.path}/settings/audit-log`);
  await his.expectPage("Your role does not allow this");

  // A member may change things, at once.
  await page.reload();
  await dashboard.alive();
  const members = page.getByRole("table", { name: "Members" });
  const row = members.getByRole("row").filter({ hasText: BEN.email });
  await row.locator("summary").filter({ hasText: "Viewer" }).click();
  await row.getByRole("button", { name: "Member", exact: true }).click();
  await expect(page.getByRole("status").getByText("Role changed")).toBeVisible();
  await expect(row.locator("summary").filter({ hasText: "Member" })).toBeVisible();
  await his.open(`${project.path}/sources`);
  await expect(his.link("New source").first()).toBeVisible();

  // The link has worked once.
  await his.open(new URL(link).pathname);
  await expect(hisPage.getByText("The invitation was accepted already")).toBeVisible();

  await row.locator("summary").filter({ hasText: "Remove" }).click();
  await page.getByRole("dialog", { name: `Remove ${BEN.name}?` }).getByRole("button", { name: "Remove member" }).click();
  await expect(members).not.toContainText(BEN.email);
  const answer = await hisPage.goto(`${project.path}/sources`);
  expect(answer?.status()).toBe(404);
  await context.close();

  // The log has all of it, newest first.
  await dashboard.link("Audit log").click();
  const entries = page.locator(".audit-entry");
  await expect(entries.first()).toContainText("member.remove");
  for (const action of ["invitation.create", "member.join", "member.update"]) {
    await expect(entries.filter({ hasText: action })).toHaveCount(1);
  }
  const changed = entries.filter({ hasText: "member.update" });
  await changed.locator("summary").first().click();
  await expect(changed.locator(".diff-line.gone")).toContainText(['"role": "viewer"']);
  await expect(changed.locator(".diff-line.new")).toContainText(['"role": "member"']);
  await expectAccessible(page);
  await shoot(page, "audit-log");
  await changed.getByRole("link", { name: "this action" }).click();
  await expect(page).toHaveURL(/action=member\.update/);
  await expect(entries).toHaveCount(1);
  const download = page.waitForEvent("download");
  await dashboard.link("Export CSV").click();
  expect((await download).suggestedFilename()).toBe("audit-log.csv");
});

test("projects of several organizations are switched between on the same page", async ({ dashboard, page, project }) => {
  await dashboard.go("Settings");
  await dashboard.link("Organization").click();
  await shoot(page, "organization");
  await expectAccessible(page);
  await dashboard.link("New organization").last().click();
  await dashboard.expectPage("New organization");
  await dashboard.field("Name").fill("Second & Sons");
  await dashboard.button("Create organization").click();
  await dashboard.expectPage("Overview");
  const second = dashboard.project;
  expect(second).not.toBe(project.path);
  await dashboard.go("Events");
  const switcher = page.getByLabel("Switch the project");
  await switcher.click();
  const list = page.locator(".sidebar .menu-list").first();
  await expect(list).toContainText(ANA.organization);
  await expect(list).toContainText("Second & Sons");
  await shoot(page, "switcher", { inWindow: true });
  await page.locator(`a.menu-item[href="${project.path}/events"]`).click();
  await dashboard.expectPage("Events");
  expect(dashboard.project).toBe(project.path);
  await expect(page.locator(".person-org")).toHaveText(ANA.organization);

  // The only owner cannot leave; the organization can be deleted.
  await dashboard.open(`${second}/settings/organization`);
  await page.locator("summary").filter({ hasText: "Delete organization" }).click();
  const dialog = page.getByRole("dialog", { name: "Delete Second & Sons?" });
  await dialog.getByLabel(/^Type Second & Sons to confirm/).fill("Second & Sons");
  await dialog.getByRole("button", { name: "Delete organization" }).click();
  await dashboard.expectPage("Overview");
  expect(dashboard.project).toBe(project.path);
  await switcher.click();
  await expect(list).not.toContainText("Second & Sons");
});
