// A link scanner in a real Chromium. It opens every link of a mail, runs the scripts of the page and presses all its
// buttons, as security gateways do with incoming mail.
import { createServer } from "node:http";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, it } from "vitest";
import { mount } from "../../dist/adapters/node.js";
import { browserTimeoutMs, openBrowser } from "../client/browser.js";
import { grantOf, password } from "../world/ampho.js";
import { listening } from "../world/listen.js";
import { addPerson, asked, askedReset, begin, finishReset, logInBy, openMailing, raiseAlarm } from "./mailboxes.js";
import { onBothDatabases } from "./owners.js";

const ann = "ann@x.example";

/** A landing page that sends the link as soon as it is open, and has a button for each flow. */
const landing = `<!doctype html><title>Shop</title>
<form><input name="match" inputmode="numeric"><button>Continue</button></form>
<button>Sign in</button> <button>Register</button> <button>Set the password</button> <input type="submit" value="Yes">
<script type="module">
  const link = new URLSearchParams(location.hash.slice(1)).get("ampho") ?? "";
  const secret = "the scanner's own password";
  const purposes = [["login", {}], ["register/finish", { password: secret }], ["password/reset/finish", { new_password: secret }]];
  async function send() {
    const match = document.querySelector("[name=match]").value;
    for (const [path, more] of purposes) {
      const body = JSON.stringify({ link, ...more, ...(match === "" ? {} : { match }) });
      const response = await fetch("/api/security/" + path, { method: "POST", headers: { "content-type": "application/json" }, body });
      document.title = path + " " + response.status + " " + (await response.text());
      outcomes.push(document.title);
    }
    pressed += 1;
  }
  globalThis.outcomes = [];
  globalThis.pressed = 0;
  for (const button of document.querySelectorAll("button, [type=submit]"))
    button.addEventListener("click", (event) => (event.preventDefault(), send()));
  await send();
</script>`;

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
}, browserTimeoutMs);
afterAll(() => browser?.close());

/** Serves the landing page and the API on one origin. */
async function openShop(ground: Parameters<typeof openMailing>[0]): ReturnType<typeof openMailing> {
  const server = createServer();
  const { port } = await listening(server);
  const world = await openMailing(ground, { appUrl: `http://localhost:${port}/` });
  server.on("request", async (request, response) => {
    const { method = "GET", url = "/" } = request;
    if (!url.startsWith("/api/")) {
      response.writeHead(200, { "content-type": "text/html" }).end(landing);
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(Buffer.from(chunk));
    const bodied = method === "GET" || method === "HEAD" ? {} : { body: Buffer.concat(chunks) };
    const headers = { "content-type": request.headers["content-type"] ?? "" };
    const received = await world.ampho.fetch(new Request(`http://localhost${url}`, { method, headers, ...bodied }));
    response.writeHead(received.status, { "content-type": "application/json" }).end(await received.text());
  });
  return world;
}

/** Opens the mail as a scanner does. Returns the responses that the page got. */
async function scan(html: string): Promise<readonly string[]> {
  const context = await browser.newContext();
  const mail = await context.newPage();
  await mail.setContent(html);
  const links = await mail
    .locator("a[href]")
    .evaluateAll((anchors) => anchors.map((anchor) => String(Reflect.get(anchor, "href"))));
  expect(links.length).toBeGreaterThan(0);
  const outcomes: string[] = [];
  for (const link of links) {
    for (const method of ["GET", "HEAD", "OPTIONS"]) await fetch(link, { method });
    const page = await context.newPage();
    await page.goto(link);
    await page.waitForFunction(() => Reflect.get(globalThis, "pressed") === 1);
    const buttons = page.locator("button, [type=submit]");
    for (let at = 0; at < (await buttons.count()); at += 1) {
      await buttons.nth(at).click();
      await page.waitForFunction((before) => Number(Reflect.get(globalThis, "pressed")) >= before, at + 2);
    }
    outcomes.push(...(await page.evaluate(() => Reflect.get(globalThis, "outcomes") as string[])));
  }
  await context.close();
  return outcomes;
}

onBothDatabases((ground) => {
  it("a scanner that opens links, runs scripts and presses all buttons uses nothing up and gets no session", async () => {
    const world = await openShop(ground);
    await addPerson(world, ann, password);
    const before = await ground.sql(world, "select id from ampho_sessions");
    const spent = await ground.sql(world, "select hash from ampho_spent");
    const login = await asked(world, ann);
    const reset = await askedReset(world, ann);
    const registration = await begin(world, "/register", { email: "new@x.example" });
    const registering = await world.mail("register");
    for (const { html } of [login.mail, reset.mail, registering]) {
      const outcomes = await scan(html);
      expect(outcomes.length).toBeGreaterThan(10);
      for (const outcome of outcomes) expect(outcome).toMatch(/match_needed|transaction_over/);
      expect(outcomes.join()).toContain("match_needed");
    }
    expect(await ground.sql(world, "select id from ampho_sessions")).toEqual(before);
    expect(await ground.sql(world, "select hash from ampho_spent")).toEqual(spent);
    expect(await ground.sql(world, "select id from ampho_users")).toHaveLength(1);
    // Every link still works for the person who asked.
    grantOf(await logInBy(world, { link: login.mail.link, match: login.match }));
    expect((await finishReset(world, { transaction: reset.transaction, link: reset.mail.link })).status).toBe(204);
    const body = { link: registering.link, match: registration.match, password };
    grantOf(await world.call("POST", "/register/finish", { body }));
  });

  it("the alarm of a notice does nothing until the page of the application sends it", async () => {
    const world = await openShop(ground);
    const { token } = await addPerson(world, ann, password);
    const { transaction, mail } = await askedReset(world, ann);
    expect((await finishReset(world, { transaction, code: mail.code })).status).toBe(204);
    const { html, alarm } = await world.mail("password_changed");
    const live = grantOf(await logInBy(world, { login: ann, password: "amber tulip canoe walnut" }));
    await scan(html);
    expect((await world.call("GET", "/session", { bearer: live.token })).status).toBe(200);
    expect((await raiseAlarm(world, alarm)).status).toBe(204);
    expect((await world.call("GET", "/session", { bearer: live.token })).status).toBe(401);
    expect(token).toBeTruthy();
  });

  it("a scanner that opens the page of an alarm link, presses every button and sends every form changes nothing", async () => {
    const server = createServer();
    const { port } = await listening(server);
    const origin = `http://localhost:${port}`;
    const world = await openMailing(ground, { appUrl: `${origin}/account/link` });
    // The pages are in another process, because they turn cookies on.
    const pages = mount((await world.another({ pages: true, appUrl: origin })).ampho);
    server.on("request", (request, response) => pages(request, response, () => response.writeHead(404).end()));
    await addPerson(world, ann, password);
    const live = grantOf(await logInBy(world, { login: ann, password }));
    const { html, alarm } = await world.mail("new_device");
    const rows = () =>
      Promise.all(
        ["users", "accounts", "sessions", "spent", "passkeys", "totp"].map((table) =>
          ground.sql(world, `select * from ampho_${table} order by 1`),
        ),
      );
    const before = await rows();
    const context = await browser.newContext();
    const mail = await context.newPage();
    await mail.setContent(html);
    const links = await mail
      .locator("a[href]")
      .evaluateAll((anchors) => anchors.map((anchor) => String(Reflect.get(anchor, "href"))));
    expect(links.filter((link) => link.includes("#ampho-alarm="))).not.toEqual([]);
    let pressed = 0;
    for (const link of links)
      for (const press of ["click", "submit"] as const) {
        const page = await context.newPage();
        const open = async () => {
          await page.goto("about:blank");
          await page.goto(link);
          await page.waitForSelector("h1:text-is('This was not me')");
        };
        await open();
        const count = await page.locator("button").count();
        expect(count).toBeGreaterThan(0);
        for (let at = 0; at < count; at += 1) {
          if (at > 0) await open();
          const button = page.locator("button").nth(at);
          // A form that a script sends is not checked by the browser.
          if (press === "click") await button.click();
          else
            await Promise.all([page.waitForNavigation(), button.evaluate((one) => Reflect.get(one, "form").submit())]);
          pressed += 1;
        }
        await page.close();
      }
    await context.close();
    expect(pressed).toBeGreaterThanOrEqual(2);
    expect(await rows()).toEqual(before);
    expect((await world.call("GET", "/session", { bearer: live.token })).status).toBe(200);
    expect((await raiseAlarm(world, alarm)).status).toBe(204);
    expect((await world.call("GET", "/session", { bearer: live.token })).status).toBe(401);
  });
});
