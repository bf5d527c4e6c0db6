// The page of examples/express from the packed tarball, in a real Chromium.
import path from "node:path";
import { expect, it } from "vitest";
import { browserTimeoutMs, openBrowser } from "../client/browser.js";
import { atEndOfFile } from "../world/clean-up.js";
import { installPacked } from "./packed.js";
import { prepare, start } from "./running.js";
import { expectSignInPage } from "./sign-in-page.js";

const password = "violet kettle harbour morning";

it(
  "a user signs in on the page of the Express example, sees a guarded route, and signs out",
  async () => {
    const consumer = await installPacked(["express"]);
    atEndOfFile(() => consumer.remove());
    const env = prepare(consumer, password);
    const [running, browser] = await Promise.all([
      start(path.join(consumer.folder, "express"), env, "server.js"),
      openBrowser(),
    ]);
    atEndOfFile(() => browser.close());
    await expectSignInPage(browser, running.url, password);
    const { code, stderr } = await running.stop();
    expect([code === 0 || code === null, stderr]).toEqual([true, ""]);
  },
  browserTimeoutMs,
);
