// The description of the REST API in a browser.

import { ANA } from "../harness/dashboard.ts";
import { expect, test } from "../harness/test.ts";
import { shoot } from "../harness/screenshots.ts";

test.use({ account: ANA });

test("the REST API is shown, and tried with a key", async ({ page, project, server }) => {
  await project.api.createSource("shop");
  const asked: string[] = [];
  page.on("request", (request) => asked.push(request.url()));
  await page.goto("/docs");
  await expect(page.getByRole("heading", { name: /^hookstream/ })).toBeVisible();
  await page.locator("#operations-tag-Sources").getByRole("button", { name: "Expand operation" }).click();
  const operation = page.locator("#operations-Sources-listSources");
  await expect(operation).toBeVisible();

  await page.getByRole("button", { name: "Authorize" }).first().click();
  const dialog = page.locator(".auth-container").filter({ hasText: "X-API-Key" });
  await dialog.getByRole("textbox").fill(server.made?.api_key ?? "");
  await dialog.getByRole("button", { name: "Apply credentials" }).click();
  await dialog.getByRole("button", { name: "Close" }).click();

  await operation.getByRole("button").first().click();
  await operation.getByRole("button", { name: "Try it out" }).click();
  await operation.getByRole("button", { name: "Execute" }).click();
  const answer = operation.locator(".live-responses-table");
  await expect(answer).toContainText("200");
  await expect(answer).toContainText("shop");
  await shoot(page, "api-docs");
  expect(asked.filter((url) => !url.startsWith(server.url) && !url.startsWith("data:")), "nothing is asked of others").toEqual([]);
});
