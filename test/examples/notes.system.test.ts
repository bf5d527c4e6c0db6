// examples/notes in a real Chromium, on PostgreSQL: an account from its registration to its deletion, which leaves no note.
import { readFileSync } from "node:fs";
import path from "node:path";
import pg from "pg";
import type { Page } from "playwright-core";
import { expect, test } from "vitest";
import { generateJwk } from "../../dist/signing-keys/generate.js";
import { browserTimeoutMs, openBrowser } from "../client/browser.js";
import { startServer } from "../docs/start.js";
import { codeAt } from "../gate/owners.js";
import { atEndOfFile } from "../world/clean-up.js";
import { freePort } from "../world/free-port.js";
import { useDatabase } from "../world/use-postgres.js";
import { installPacked } from "./packed.js";

const database = useDatabase();
const password = "violet kettle harbour morning";
// The browser without a window has a name of its own.
const userAgent =
  "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36";
const root = path.resolve(import.meta.dirname, "../..");

/** Creates the table, as its file states. Returns a function that counts its rows. */
async function createNotes(): Promise<() => Promise<number>> {
  const owner = new pg.Client({ connectionString: database.ownerUrl });
  await owner.connect();
  await owner.query(readFileSync(path.join(root, "examples/notes/notes.sql"), "utf8"));
  await owner.query(`grant select, insert on notes to ${pg.escapeIdentifier(new URL(database.runtimeUrl).username)}`);
  atEndOfFile(() => owner.end());
  return async () => Number((await owner.query("select count(*) as n from notes")).rows[0]?.n);
}

const submit = async (tab: Page, form: string, fields: Readonly<Record<string, string>> = {}) => {
  for (const [name, value] of Object.entries(fields)) await tab.fill(`#${form} [name=${name}]`, value);
  await tab.click(`#${form} button`);
};
const shown = (tab: Page, text: string) => expect.poll(() => tab.textContent("body")).toContain(text);

test(
  "a user of the Notes example registers, writes, sets up an app, ends a session and deletes the account with its notes",
  async () => {
    await database.empty();
    const rowCount = await createNotes();
    const consumer = await installPacked(["notes"]);
    atEndOfFile(() => consumer.remove());
    const port = await freePort();
    const url = `http://localhost:${port}`;
    const env = {
      PATH: process.env["PATH"],
      AMPHO_SECURITY_KEY: JSON.stringify(generateJwk("EdDSA")),
      AMPHO_DATABASE_URL: database.runtimeUrl,
      AMPHO_APP_URL: url,
      AMPHO_SECURITY_REGISTRATION: "open",
      PORT: String(port),
    };
    const server = startServer("exec node server.js", path.join(consumer.folder, "notes"), env);
    atEndOfFile(() => server.stop());
    await expect.poll(() => server.output()).toContain(url);
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    const browser = await openBrowser();
    atEndOfFile(() => browser.close());
    const tab = await (await browser.newContext({ userAgent })).newPage();
    const other = await (await browser.newContext({ userAgent })).newPage();

    await tab.goto(url);
    await submit(tab, "register", { email: "ann@example.org" });
    const codes = () => server.output().match(/\d\d \d\d \d\d \d\d/g) ?? [];
    await expect.poll(codes).toHaveLength(1);
    await submit(tab, "confirm", { code: codes()[0] ?? "", password });
    await submit(tab, "add", { text: "Water the heron." });
    await shown(tab, "Water the heron.");

    const begun = tab.waitForResponse((response) => response.url().endsWith("/totp"));
    await submit(tab, "setUp");
    const { secret } = await (await begun).json();
    await expect.poll(() => tab.locator("#codes svg").count()).toBe(1);
    await submit(tab, "confirmApp", { code: codeAt(secret, Date.now() / 1000) });
    await shown(tab, "Keep these recovery codes:");
    const recovery = ((await tab.textContent("#codes")) ?? "").split(": ")[1]?.split(" ")[0] ?? "";

    await other.goto(url);
    await submit(other, "signIn", { email: "ann@example.org", password });
    await expect.poll(() => other.textContent("[role=alert]")).toMatch(/second factor/i);
    await submit(other, "signIn", { email: "ann@example.org", password, code: recovery });
    await shown(other, "Water the heron.");
    await submit(tab, "signOut");
    await submit(tab, "signIn", { email: "ann@example.org", password, code: codeAt(secret, Date.now() / 1000 + 30) });
    await shown(tab, "Chrome, here\nChrome");
    await submit(tab, "endOthers");
    await expect.poll(() => tab.textContent("#sessions")).toBe("Chrome, here");
    await submit(other, "add", { text: "A note of an ended session." });
    await shown(other, "The session has ended.");

    expect(await rowCount()).toBe(1);
    tab.once("dialog", async (dialog) => {
      await expect.poll(codes).toHaveLength(2);
      await dialog.accept(codes()[1]);
    });
    await submit(tab, "remove");
    await expect.poll(() => tab.isVisible("#signIn")).toBe(true);
    expect(await rowCount()).toBe(0);
  },
  browserTimeoutMs,
);
