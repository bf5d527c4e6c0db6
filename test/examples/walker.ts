// A person who uses the pages of examples/everything by their labels and buttons, in a real Chromium. Each page that the person
// looks at must be accessible, in light and dark colours, on a desktop and on a phone.
import axe from "axe-core";
import type { Browser, Locator, Page } from "playwright-core";
import { expect, vi } from "vitest";
import { addAuthenticator } from "../client/authenticator.js";
import { isWhole } from "../world/whole.js";

export interface Walker {
  readonly page: Page;
  /** Waits for the page with this heading, and checks it. */
  sees(heading: string): Promise<void>;
  type(label: string | RegExp, text: string): Promise<void>;
  press(button: string | RegExp): Promise<void>;
  follow(link: string): Promise<void>;
  /** Waits for a message: of an error, or of a change. */
  reads(role: "alert" | "status", text: string | RegExp): Promise<void>;
  section(heading: string): Locator;
  leave(): Promise<void>;
}

const looks = [
  { colorScheme: "light", width: 1100, height: 900 },
  { colorScheme: "dark", width: 390, height: 844 },
] as const;

/** The faults that the walkers of a file found. All lists must stay empty. */
export const found = { violations: [] as string[], policy: [] as string[], errors: [] as string[] };

/** The markup of each page that was checked. Only a whole run checks a page again when its markup comes back. */
export const checked = new Set<string>();

/** Without `scripts`, the browser loads none. The Content-Security-Policy forbids those inside a page. */
export async function openWalker(browser: Browser, url: string, { scripts = true } = {}): Promise<Walker> {
  const context = await browser.newContext();
  const page = await context.newPage();
  page.on("pageerror", (error) => found.errors.push(String(error)));
  page.on("console", (message) => {
    if (/content security policy/i.test(message.text())) found.policy.push(message.text());
  });
  if (!scripts)
    await page.route("**", (route) => (route.request().resourceType() === "script" ? route.abort() : route.fallback()));
  await page.goto(url);
  return {
    page,
    async sees(heading) {
      await expect.poll(() => page.locator("h1").allTextContents()).toEqual([heading]);
      await check(page, heading);
    },
    async type(label, text) {
      await unfold(page);
      await page.getByLabel(label, { exact: true }).filter({ visible: true }).first().fill(text);
    },
    async press(button) {
      await unfold(page);
      await page.getByRole("button", { name: button, exact: true }).first().click();
    },
    follow: (link) => page.getByRole("link", { name: link }).click(),
    async reads(role, text) {
      const expected = expect.poll(() => page.locator(`#${role}`).textContent());
      if (typeof text === "string") await expected.toBe(text);
      else await expected.toMatch(text);
    },
    section: (heading) =>
      page.locator("section").filter({ has: page.getByRole("heading", { name: heading, exact: true }) }),
    leave: () => context.close(),
  };
}

const unfold = (page: Page) =>
  page.evaluate(() => {
    for (const one of document.querySelectorAll("details")) one.open = true;
  });

/** The markup of a page without what is random in it: words with a digit, such as codes and times, and addresses. Tags stay. */
const markupOf = (html: string) =>
  html.replace(/[^\s"'<>=]+@[^\s"'<>=]+/g, "@").replace(/(?<!<\/?[\w-]*)[\w-]*\d[\w-]*/g, "0");

/** The axe of each rule, over everything that the page can unfold. */
async function check(page: Page, heading: string): Promise<void> {
  await unfold(page);
  const markup = markupOf(await page.evaluate(() => document.documentElement.outerHTML));
  if (checked.has(markup) && !isWhole) return;
  checked.add(markup);
  await page.evaluate(axe.source);
  for (const { colorScheme, ...viewport } of looks) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize(viewport);
    const { violations, width } = await page.evaluate(async () => ({
      violations: (await Reflect.get(window, "axe").run({ resultTypes: ["violations"] })).violations as {
        id: string;
        nodes: { html: string }[];
      }[],
      width: document.documentElement.scrollWidth,
    }));
    for (const { id, nodes } of violations)
      found.violations.push(`${heading}, ${colorScheme}: ${id}: ${nodes.map(({ html }) => html).join(" ")}`);
    if (width > viewport.width) found.violations.push(`${heading} is ${width} wide on a screen of ${viewport.width}`);
  }
}

/** Autofill would sign in before the test clicks, because a virtual authenticator does not wait. */
export async function openWithPasskeys(browser: Browser, url: string) {
  const walker = await openWalker(browser, "about:blank");
  await walker.page.addInitScript(() => {
    Object.defineProperty(PublicKeyCredential, "isConditionalMediationAvailable", { value: undefined });
  });
  const authenticator = await addAuthenticator(walker.page);
  await walker.page.goto(url);
  return { ...walker, authenticator };
}

/** Presses Tab until the element has the focus. */
export async function tabTo(page: Page, selector: string): Promise<void> {
  await vi.waitUntil(
    async () => {
      if (await page.evaluate((wanted) => document.activeElement?.matches(wanted), selector)) return true;
      await page.keyboard.press("Tab");
      return false;
    },
    { timeout: 60_000, interval: 5 },
  );
}
