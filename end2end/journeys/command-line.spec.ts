// What the command line has to do with the dashboard: a machine is let in, and what it forwarded is seen beside the event.

import { sendEvent } from "../harness/api.ts";
import { expectAccessible } from "../harness/access.ts";
import { ANA } from "../harness/dashboard.ts";
import { shoot } from "../harness/screenshots.ts";
import { type Project, expect, test } from "../harness/test.ts";

test.use({ account: ANA });

interface DeviceCode {
  device_code: string;
  user_code: string;
}

/** A machine that asks to come in, as `hookstream login` does. */
async function ask({ api }: Project): Promise<DeviceCode> {
  return await api.post<DeviceCode>("/device/code", { device_name: "Ana's laptop" });
}

test("a machine is let in by its code", async ({ dashboard, page, project }) => {
  const code = await ask(project);
  await dashboard.open("/device");
  await dashboard.expectPage("Sign in a machine");
  await shoot(page, "device");
  await dashboard.field("Code").fill("BBBB-BBBB");
  await dashboard.button("Continue").click();
  await dashboard.alive();
  await dashboard.expectError("Code", /not known, or has expired/);
  await dashboard.field("Code").fill(code.user_code.toLowerCase().replace("-", " "));
  await dashboard.button("Continue").click();
  await dashboard.alive();
  await expect(page.getByText("Ana's laptop")).toBeVisible();
  await expect(page.getByText(code.user_code, { exact: true })).toBeVisible();
  await expect(page.getByText("127.0.0.1")).toBeVisible();
  await expectAccessible(page);
  await shoot(page, "device-confirm");
  await dashboard.button("Let it in").click();
  await expect(page.getByText("The machine is signed in")).toBeVisible();
  const answer = await project.api.send("POST", "/device/token", { device_code: code.device_code });
  expect(answer.status).toBe(200);
  await dashboard.open(`${project.path}/settings/keys`);
  await expect(page.getByRole("row").filter({ hasText: "Ana's laptop" })).toContainText("read, write");
});

test("a machine is refused", async ({ dashboard, page, project }) => {
  const code = await ask(project);
  await dashboard.open(`/device?code=${code.user_code}`);
  await dashboard.button("Refuse").click();
  await expect(page.getByText("The machine was refused")).toBeVisible();
  const answer = await project.api.send("POST", "/device/token", { device_code: code.device_code });
  expect(await answer.json()).toMatchObject({ error: "access_denied" });
});

test("what a listener did stands beside the event", async ({ dashboard, page, project }) => {
  const source = await project.api.createSource("shop");
  const event = await sendEvent(source.ingest_url, { type: "order.placed" });
  await dashboard.open(`${project.path}/events/${event}`);
  await expect(page.getByRole("heading", { name: "Forwarded to a local server" })).toHaveCount(0);
  const forward = { listener: "Ana's laptop", target: "http://localhost:3000/hooks", started_at: new Date().toISOString() };
  await project.api.post(`/events/${event}/forwards`, {
    ...forward,
    latency_ms: 12,
    response_status: 200,
    response_headers: [["content-type", "text/plain"]],
    response_body: "thanks",
  });
  // The page hears of it.
  await expect(page.getByRole("heading", { name: "Forwarded to a local server" })).toBeVisible();
  await project.api.post(`/events/${event}/forwards`, { ...forward, latency_ms: 3, error: "Connection refused" });
  const forwarded = page.getByRole("region", { name: "Forwarded to a local server" });
  await expect(forwarded.getByText("Connection refused").first()).toBeVisible();
  await forwarded.getByText("#1").click();
  await expect(forwarded.getByText("http://localhost:3000/hooks").first()).toBeVisible();
  await expect(forwarded.getByText("thanks")).toBeVisible();
  await expectAccessible(page);
  await shoot(page, "event-forwarded");
});

test.describe("without JavaScript", () => {
  test.use({ javaScriptEnabled: false });

  test("a machine is let in as well", async ({ complaints, dashboard, page, project }) => {
    complaints.foresee(/^request failed: GET \S+\.js: csp$/);
    const code = await ask(project);
    await dashboard.open("/device");
    await dashboard.field("Code").fill(code.user_code);
    await dashboard.button("Continue").click();
    await dashboard.button("Let it in").click();
    await expect(page.getByText("The machine is signed in")).toBeVisible();
    const answer = await project.api.send("POST", "/device/token", { device_code: code.device_code });
    expect(answer.status).toBe(200);
  });
});
