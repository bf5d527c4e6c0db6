// Makes pictures of the pages of Ampho, light, dark and on a phone, into the folder of the first argument. Look at them after a change
// of src/pages: npm run build && node scripts/page-pictures.mjs /tmp/pages
import { mkdirSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";
import { chromium } from "playwright-core";
import { mount } from "../dist/adapters/node.js";
import { createAmpho } from "../dist/index.js";

const [folder = "pages-pictures", language = "en"] = process.argv.slice(2);
const port = 3199;
const origin = `http://localhost:${port}`;
const password = "violet kettle harbour morning";
const looks = {
  light: { colorScheme: "light", viewport: { width: 1100, height: 800 } },
  dark: { colorScheme: "dark", viewport: { width: 1100, height: 800 } },
  phone: { colorScheme: "light", viewport: { width: 360, height: 740 } },
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
  log: () => undefined,
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
  for (const [look, { colorScheme, viewport }] of Object.entries(looks)) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize(viewport);
    await page.screenshot({ path: path.join(folder, `${name}-${look}.png`), fullPage: true });
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
