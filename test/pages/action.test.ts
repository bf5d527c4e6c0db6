// The snippet of docs/guides/pages.md for an action that needs a newer login, as a reader copies it.
import { writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { expect, it, onTestFinished } from "vitest";
import type { Ampho } from "../../dist/index.js";
import { snippets } from "../docs/snippets.js";
import { openWorld } from "../world/ampho.js";
import { freshFolder } from "../world/folder.js";

declare global {
  /** The instance of the snippet. */
  var shop: Ampho | undefined;
}

interface Pay {
  pay(headers: Headers, form: FormData): Promise<unknown>;
}

it("an action that needs a newer login keeps the form, and works after the proof", async () => {
  const world = await openWorld({ cookies: true, pages: true });
  globalThis.shop = world.ampho;
  onTestFinished(() => {
    globalThis.shop = undefined;
  });
  const folder = freshFolder();
  const files = snippets("docs/guides/pages.md", "pay.js");
  for (const [name, text] of Object.entries({ ...files, "ampho.js": "export const ampho = globalThis.shop;\n" }))
    writeFileSync(path.join(folder, name), text);
  writeFileSync(path.join(folder, "package.json"), JSON.stringify({ type: "module" }));
  const { pay }: Pay = await import(/* @vite-ignore */ pathToFileURL(path.join(folder, "pay.js")).href);
  const user = await world.user("ann");
  const form = new FormData();
  form.set("amount", "20");
  // As a browser sends a form of the application.
  const headersOf = (token: string) =>
    new Headers({
      origin: "https://shop.example",
      "sec-fetch-site": "same-origin",
      ...(token !== "" && { cookie: `__Host-ampho-token=${token}` }),
    });
  const kept = (prove: string) => ({ prove, fields: { amount: "20" } });
  expect(await pay(headersOf(""), form)).toEqual(kept("/account/sign-in?to=%2Fcart"));
  const { token } = await world.session(user);
  world.clock.advance(301);
  expect(await pay(headersOf(token), form)).toEqual(kept("/account/confirm?to=%2Fcart"));
  expect(await pay(headersOf((await world.session(user)).token), form)).toEqual({ done: "Paid 20 as ann" });
  const foreign = headersOf(token);
  foreign.set("sec-fetch-site", "cross-site");
  await expect(pay(foreign, form)).rejects.toMatchObject({ code: "cross_site" });
});
