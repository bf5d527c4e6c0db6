// Makes pictures of the pages of Ampho into the folder of the first argument: light, dark, on a phone, at 200 % zoom, and from right
// to left. Look at them after a change of src/pages.
// Usage: npm run build && node scripts/page-pictures.mjs /tmp/pages
// Without an argument it makes those of docs/pictures, which the first page of the site shows.
import { mkdirSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";
import { chromium } from "playwright-core";
import { mount } from "../dist/adapters/node.js";
import { createAmpho } from "../dist/index.js";

const docs = new URL("../docs/pictures", import.meta.url).pathname;
const [folder = docs, language = "en"] = process.argv.slice(2);
const port = 3199;
const origin = `http://localhost:${port}`;
const password = "violet kettle harbour morning";
const shown = { light: { colorScheme: "light", viewport: { width: 480, height: 620 }, cut: true } };
const every = {
  light: { colorScheme: "light", viewport: { width: 1280, height: 800 } },
  dark: { colorScheme: "dark", viewport: { width: 1100, height: 800 } },
  phone: { colorScheme: "light", viewport: { width: 360, height: 740 } },
  // A window of 1100 points has 550 at 200 %.
  zoom: { colorScheme: "light", viewport: { width: 550, height: 400 } },
  rtl: { colorScheme: "light", viewport: { width: 700, height: 800 }, dir: "rtl" },
};

mkdirSync(folder, { recursive: true });
const mails = [];
const ampho = await createAmpho({
  databaseUrl: "sqlite::memory:",
  pages: true,
  appUrl: origin,
  appName: "Shop",
  mailLogin: true,
  registration: "open",
  mail: async (mail) => void mails.push(mail),
  factors: { "*": "optional", admin: "required" },
  providers: { acme: { issuer: "https://id.example", client_id: "a", client_secret: "0".repeat(32), label: "Acme" } },
  connect: "registered",
  scopes: { "*": ["articles:read", "articles:write"] },
  scopeTexts: { "articles:read": "Read your articles", "articles:write": "Write articles for you" },
  log: () => undefined,
});
const returns = "https://reader.example/callback";
const { id: reader } = await ampho.services.add({
  name: "reader",
  scopes: [],
  client: { redirects: [returns], userScopes: ["articles:read", "articles:write"], public: true },
});
await ampho.users.create({ login: "alice", password });
await ampho.users.create({ login: "carol", password, roles: ["admin"] });
const pages = mount(ampho);
const server = createServer((request, response) => pages(request, response, () => response.end()));
await new Promise((resolve) => server.listen(port, "127.0.0.1", resolve));
const browser = await chromium.launch({
  executablePath: process.env["CHROMIUM_PATH"] ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});
const context = await browser.newContext({ locale: language });
const page = await context.newPage();

async function shoot(name) {
  if (folder === docs && !["sign-in", "account", "connect"].includes(name)) return;
  for (const [look, { colorScheme, viewport, dir = "ltr", cut }] of Object.entries(folder === docs ? shown : every)) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize(viewport);
    await page.evaluate((value) => {
      document.documentElement.dir = value;
    }, dir);
    const file = folder === docs ? `pages-${name}.png` : `${name}-${look}.png`;
    await page.screenshot({ path: path.join(folder, file), fullPage: cut !== true });
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (overflow > 0) process.stderr.write(`${name} is ${overflow} points too wide: ${look}\n`);
  }
}
const go = (at) => page.goto(`${origin}/account${at}`);
const submit = (action) => page.locator(`form[action$="/account/${action}"] button`).first().click();
async function signIn(login, secret = password) {
  await go("/sign-in");
  await page.fill("[name=login]", login);
  await page.fill("[name=password]", secret);
  await submit("sign-in");
}

await go("/sign-in");
await shoot("sign-in");
await signIn("alice", "wrong");
await shoot("sign-in-wrong");
await go("/register");
await shoot("register");
await page.fill("[name=email]", "ann@example.org");
await submit("register");
await shoot("register-finish");
await go("/forgot");
await shoot("forgot");
await page.fill("[name=login]", "alice");
await submit("forgot");
await shoot("forgot-finish");
await go("/link");
await shoot("link-paste");
while (mails.length === 0) await new Promise((resolve) => setImmediate(resolve));
const [link = ""] = /http:\S+#\S+/.exec(mails[0].text) ?? [];
await page.goto(link);
await page.waitForSelector("[name=match]");
await shoot("link-register");
await page.goto(`${origin}/account/link?ampho_error=link_needed&ampho_needed=mail,login`);
await shoot("link-needed");
await go("/nothing");
await shoot("not-found");
await signIn("carol");
await shoot("enrol");
await signIn("alice");
await shoot("account");
const asked = { response_type: "code", code_challenge: "x".repeat(43), code_challenge_method: "S256" };
await go(`/connect?${new URLSearchParams({ ...asked, client_id: reader, redirect_uri: returns })}`);
await shoot("connect");
await go("");
await submit("totp/begin");
await shoot("app");
await go("");
await page.evaluate(() => {
  for (const one of document.querySelectorAll("details")) one.open = true;
});
await shoot("account-open");
await go("/confirm");
await shoot("confirm");
await go("/confirm?factor");
await shoot("confirm-factor");
await browser.close();
server.closeAllConnections();
server.close();
await ampho.close();
