// The documentation site: built from docs/ with the packages of its lock file, and used in Chromium. A folder
// beside this file keeps a picture of each page.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildSite, serveSite } from "../../scripts/site.mjs";
import { browserTimeoutMs, openBrowser } from "../client/browser.js";
import { readPage } from "../docs/evidence.js";
import { devices, inkOf, mounted, type Visit, visitAll } from "./visit.js";

const root = path.resolve(import.meta.dirname, "../..");
const screenshots = path.join(import.meta.dirname, "screenshots");
const { version } = JSON.parse(readPage("package.json")) as { readonly version: string };

let folder: string;
let server: Awaited<ReturnType<typeof serveSite>>;
let browser: Browser;
let files: readonly string[];
let pages: readonly string[];
let site: string;

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "ampho-site-"));
  buildSite(folder);
  server = await serveSite(folder, 0);
  site = `${server.url}${version}/`;
  files = readdirSync(path.join(folder, version), { recursive: true, encoding: "utf8" });
  pages = files.filter((file) => file.endsWith(".html"));
  // The browser finds no other host, as a machine without a network.
  browser = await openBrowser("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost");
}, browserTimeoutMs + 600_000);

afterAll(async () => {
  await browser?.close();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("every page", () => {
  let visited: ReadonlyMap<string, Awaited<ReturnType<typeof visitAll>>>;
  beforeAll(async () => {
    rmSync(screenshots, { recursive: true, force: true });
    const all = devices.map(
      async (device) => [device.name, await visitAll(browser, device, site, pages, screenshots)] as const,
    );
    visited = new Map(await Promise.all(all));
  }, 600_000);

  /** One line for each finding of a visit. */
  function findings(device: string, of: (visit: Visit, page: string) => readonly string[]): readonly string[] {
    const visits = [...(visited.get(device)?.visits ?? [])];
    expect(visits).toHaveLength(pages.length);
    return visits.flatMap(([page, visit]) => of(visit, page).map((each) => `${page}: ${each}`));
  }

  it("the site has every page of docs/", () => {
    const docs = readdirSync(path.join(root, "docs"), { recursive: true, encoding: "utf8" });
    const expected = docs.filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`);
    expect(expected.length).toBeGreaterThan(40);
    const built = expected.map((name) => name.replace(/README\.md$/, "index.md").replace(/\.md$/, ".html"));
    expect(pages).toEqual(expect.arrayContaining(["index.html", "CHANGELOG.html", "CONTRIBUTING.html", ...built]));
  });

  it.each(devices)("axe finds no violation on a $name", ({ name }) => {
    expect(findings(name, ({ violations }) => violations)).toEqual([]);
  });

  it.each(devices)("neither a page nor a table is wider than a $name", ({ name }) => {
    expect(findings(name, ({ tooWide }) => tooWide)).toEqual([]);
    const tables = [...(visited.get(name)?.visits.values() ?? [])].map((visit) => visit.tables);
    expect(tables.reduce((sum, each) => sum + each)).toBeGreaterThan(90);
  });

  it.each(devices)("the browser reports no error and no request to another host on a $name", ({ name }) => {
    expect(visited.get(name)?.problems).toEqual([]);
  });

  it("every link leads to a page and an anchor of the site", () => {
    const visits = visited.get("desktop")?.visits ?? new Map<string, Visit>();
    const dead = ({ addresses }: Visit): readonly string[] =>
      addresses.filter((address) => {
        if (!address.startsWith(server.url)) return false;
        const { pathname, hash } = new URL(address);
        const file = decodeURIComponent(pathname).replace(/\/$/, "/index.html").slice(1);
        const anchors = visits.get(path.posix.relative(version, file))?.anchors;
        return (
          !existsSync(path.join(folder, file)) || (hash !== "" && !anchors?.includes(decodeURIComponent(hash.slice(1))))
        );
      });
    expect(findings("desktop", dead)).toEqual([]);
    expect(findings("desktop", ({ addresses }) => addresses).length).toBeGreaterThan(5_000);
  });

  it.each(devices)("no screenshot on a $name is blank", async ({ name }) => {
    const page = await browser.newPage();
    const blank = [];
    const pictures = [...(visited.get(name)?.visits ?? [])].flatMap(([each, { picture }]) =>
      picture === undefined ? [] : [[each, picture] as const],
    );
    expect(pictures.length).toBeGreaterThan(50);
    for (const [each, picture] of pictures) if ((await inkOf(page, readFileSync(picture))) < 0.005) blank.push(each);
    await page.close();
    expect(blank).toEqual([]);
  });
});

describe("the built files", () => {
  it("no page, style or script loads a file from another host", () => {
    const foreign = files
      .filter((file) => /\.(?:html|css|js)$/.test(file))
      .flatMap((file) => {
        const text = readFileSync(path.join(folder, version, file), "utf8");
        const loads = file.endsWith(".html")
          ? /<(?:script|link|img|iframe|source)\b[^>]*\b(?:src|href)="(?:[a-z]+:)?\/\/[^>]*>/g
          : /(?:@import\s*|url\(\s*|\bimport\s*\(?\s*|\bfrom\s*)["']?(?:https?:)?\/\/[\w.-]+/g;
        return [...text.matchAll(loads)].map(([found]) => `${file}: ${found}`);
      });
    expect(foreign).toEqual([]);
  });

  it("a policy in each page forbids scripts, styles and fonts of other hosts", () => {
    for (const page of pages) {
      const html = readFileSync(path.join(folder, version, page), "utf8");
      expect(html, page).toMatch(/Content-Security-Policy" content="default-src 'self'; script-src 'self' 'sha256-/);
    }
  });
});

describe("a reader", () => {
  let page: Page;
  beforeAll(async () => {
    page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  });
  const open = async (name: string): Promise<void> => {
    await page.goto("about:blank");
    await page.goto(`${site}${name}`);
    await mounted(page);
  };
  const focused = () => page.evaluate(() => document.activeElement?.textContent?.trim() ?? "");

  it("one screen shows what Ampho is, what it is not, and how to start", async () => {
    await page.goto(server.url);
    await page.waitForURL(site);
    await mounted(page);
    const text = await page.locator(".landing").textContent();
    for (const each of [
      "is the security layer for HTTP APIs",
      "What it is not",
      "SAML",
      "npm install ampho",
      "listen(3000)",
    ])
      expect(text).toContain(each);
    const bottoms = await page
      .locator(".landing > :not(.features, .shots)")
      .evaluateAll((parts) => parts.map((part) => part.getBoundingClientRect().bottom));
    expect(Math.max(...bottoms)).toBeLessThanOrEqual(800);
  });

  it("below the first screen are the features and pictures of the pages", async () => {
    expect(await page.locator(".landing .features li").count()).toBeGreaterThan(5);
    const widths = await page
      .locator(".landing .shots img")
      .evaluateAll((pictures) => pictures.map((picture) => (picture as HTMLImageElement).naturalWidth));
    expect(widths).toHaveLength(2);
    expect(Math.min(...widths)).toBeGreaterThan(400);
  });

  it("the sidebar has each page of docs/README.md under its heading", async () => {
    const [, ...parts] = readPage("docs/README.md").split(/^## /m);
    const pathOf = (file: string): string => `/${version}/${file.replace(/README\.md$/, "").replace(/\.md$/, ".html")}`;
    const expected = parts.map((part) => [
      part.split("\n", 1)[0],
      ...new Set([...part.matchAll(/\]\(([^)#]+)/g)].map(([, href = ""]) => pathOf(path.posix.join("docs", href)))),
    ]);
    await open("docs/");
    const groups = await page.locator(".VPSidebarItem.level-0").all();
    // The pages of the API are below their own page.
    const direct = ".level-1 > .item a";
    const shown = await Promise.all(
      groups.map(async (group) => [
        await group.locator("h2").textContent(),
        ...(await group
          .locator(direct)
          .evaluateAll((links) => links.map((link) => (link as HTMLAnchorElement).pathname))),
      ]),
    );
    expect(shown).toEqual(expected);
  });

  it("the search finds a word without a network, and opens its page", async () => {
    await open("");
    await page.keyboard.press("Control+k");
    await page.fill("#localsearch-input", "revoke");
    const first = page.locator("#localsearch-list a").first();
    await first.waitFor();
    expect(await first.textContent()).toMatch(/revo[ck]/i);
    const target = await first.evaluate((link) => (link as HTMLAnchorElement).href);
    await page.keyboard.press("Enter");
    await page.waitForURL(target);
    await expect.poll(() => page.locator(".vp-doc").textContent()).toMatch(/revo[ck]/i);
  });

  it("the keyboard chooses a framework, and a link to a framework opens its tab", async () => {
    await open("docs/guides/frameworks.html");
    const tabs = page.locator("[role=tablist]").first();
    await tabs.locator("[role=tab]").first().focus();
    expect(await focused()).toBe("Express");
    for (const [key, name, code] of [
      ["ArrowRight", "Fastify", "app.register(mount(ampho))"],
      ["End", "node:http", "export const server = createServer("],
      ["ArrowRight", "Express", 'from "ampho/express"'],
      ["ArrowLeft", "node:http", "export const server = createServer("],
      ["Home", "Express", 'from "ampho/express"'],
    ] as const) {
      await page.keyboard.press(key);
      await expect.poll(focused).toBe(name);
      expect(await tabs.locator('[aria-selected="true"]').textContent()).toBe(name);
      const panel = page.locator(`[role=tabpanel]:not([hidden])`).first();
      expect(await panel.textContent()).toContain(code);
    }
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement?.closest("[role=tabpanel]")?.ariaLabel ?? "inside")).toBe(
      "inside",
    );
    await open("docs/guides/frameworks.html#koa");
    await expect.poll(() => page.locator("#koa").isVisible()).toBe(true);
    await expect
      .poll(() => page.locator("#koa").evaluate((heading) => heading.getBoundingClientRect().top))
      .toBeLessThan(300);
  });

  it("dark colours stay on the next page", async () => {
    await open("docs/");
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    expect(await background()).toBe("rgb(255, 255, 255)");
    await page.locator(".VPNavBarAppearance button").click();
    await expect.poll(background).not.toBe("rgb(255, 255, 255)");
    await open("docs/start/concepts.html");
    expect(await background()).not.toBe("rgb(255, 255, 255)");
  });

  it("the switch lists the version of a later build, and opens it", async () => {
    const list = path.join(folder, "versions.json");
    expect(JSON.parse(readFileSync(list, "utf8"))).toContain(version);
    writeFileSync(list, JSON.stringify(["9.9.9", version]));
    mkdirSync(path.join(folder, "9.9.9"));
    writeFileSync(path.join(folder, "9.9.9/index.html"), "<!doctype html><title>9.9.9</title>");
    await open("docs/");
    const choice = page.locator(".VPNavBar .version");
    await expect.poll(() => choice.locator("option").allInnerTexts()).toEqual(["9.9.9", version]);
    expect(await choice.inputValue()).toBe(version);
    await choice.selectOption("9.9.9");
    await page.waitForURL(`${server.url}9.9.9/`);
  });
});
