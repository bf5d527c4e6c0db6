// Visits every page of the site in Chromium, once on a desktop in light colours and once on a phone in dark colours.
import { mkdirSync } from "node:fs";
import path from "node:path";
import axe from "axe-core";
import type { Browser, Page } from "playwright-core";

export interface Visit {
  /** Violations of axe, as "RULE: SELECTOR". */
  readonly violations: readonly string[];
  /** The addresses of links, pictures, scripts and styles. */
  readonly addresses: readonly string[];
  readonly anchors: readonly string[];
  /** The things that are wider than the screen: the page itself, or tables. */
  readonly tooWide: readonly string[];
  readonly tables: number;
  /** The file of the screenshot, of pages for readers. Pages that only show code have none. */
  readonly picture: string | undefined;
}

interface Device {
  readonly name: string;
  readonly viewport: { readonly width: number; readonly height: number };
  readonly colorScheme: "light" | "dark";
}

export const devices: readonly Device[] = [
  { name: "desktop", viewport: { width: 1280, height: 800 }, colorScheme: "light" },
  { name: "phone", viewport: { width: 390, height: 844 }, colorScheme: "dark" },
];

/** The visits by path, and the problems that the browser reports: errors, and requests to another host. */
export async function visitAll(
  browser: Browser,
  device: Device,
  site: string,
  pages: readonly string[],
  folder: string,
): Promise<{ readonly visits: ReadonlyMap<string, Visit>; readonly problems: readonly string[] }> {
  const { name, ...options } = device;
  const context = await browser.newContext(options);
  const problems: string[] = [];
  const origin = new URL(site).origin;
  context.on("request", (request) => {
    const url = new URL(request.url());
    if (url.origin !== origin && url.protocol !== "data:") problems.push(`a request to ${url.href}`);
  });
  context.on("console", (message) => {
    if (message.type() === "error") problems.push(`${message.page()?.url()}: ${message.text()}`);
  });
  context.on("weberror", (error) => problems.push(`${error.page()?.url()}: ${error.error().message}`));
  mkdirSync(path.join(folder, name), { recursive: true });
  const visits = new Map<string, Visit>();
  const page = await context.newPage();
  for (const each of pages) {
    await page.goto(`${site}${each}`);
    await mounted(page);
    const picture = each.startsWith("examples/")
      ? undefined
      : path.join(folder, name, `${each.replaceAll("/", "_")}.png`);
    if (picture !== undefined) await page.screenshot({ path: picture });
    visits.set(each, { ...(await measure(page)), violations: await violationsOf(page, visits.size === 0), picture });
  }
  await context.close();
  return { visits, problems };
}

/** Waits until the scripts of the page have taken it over. */
export async function mounted(page: Page): Promise<void> {
  await page.waitForFunction(() => {
    const app: (Element & { readonly _vnode?: object }) | null = document.querySelector("#app");
    return app?._vnode !== undefined;
  });
}

/**
 * The violations of axe. Its time grows faster than the number of elements, so of the words of code in the same colours
 * only the first one stays an element. The sidebar is the same on each page.
 */
async function violationsOf(page: Page, withSidebar: boolean): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  const excluded = withSidebar ? [] : [".VPSidebar"];
  const { violations } = await page.evaluate((excluded) => {
    const known = new Set<string | null>();
    for (const word of document.querySelectorAll(".shiki span[style]")) {
      const colours = word.getAttribute("style");
      if (known.has(colours)) word.replaceWith(word.textContent ?? "");
      known.add(colours);
    }
    return (globalThis as unknown as { readonly axe: typeof axe }).axe.run(
      { exclude: excluded },
      { resultTypes: ["violations"] },
    );
  }, excluded);
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target.join(" ")}`));
}

async function measure(page: Page): Promise<Omit<Visit, "violations" | "picture">> {
  return page.evaluate(() => {
    const all = (selector: string) => [...document.querySelectorAll(selector)];
    const screen = document.documentElement.clientWidth;
    const tables = all("table");
    const room = (table: Element) => table.parentElement?.getBoundingClientRect().right ?? screen;
    const wide = tables.filter(
      (table) => table.scrollWidth > table.clientWidth + 2 || table.getBoundingClientRect().right > room(table) + 1,
    );
    return {
      addresses: [
        ...all("a[href]").map((link) => (link as HTMLAnchorElement).href),
        ...all("link[href]").map((link) => (link as HTMLLinkElement).href),
        ...all("[src]").map((element) => (element as HTMLImageElement).src),
      ],
      anchors: all("[id]").map(({ id }) => id),
      tooWide: [
        ...(document.documentElement.scrollWidth > screen ? ["the page"] : []),
        ...wide.map((table) => `the table "${table.textContent?.trim().slice(0, 60)}"`),
      ],
      tables: tables.length,
    };
  });
}

/** The part of the pixels of a picture that differ from its most frequent colour. */
export async function inkOf(page: Page, png: Buffer): Promise<number> {
  return page.evaluate(async (base64) => {
    const blob = new Blob([Uint8Array.from(atob(base64), (char) => char.charCodeAt(0))]);
    const bitmap = await createImageBitmap(blob);
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
    if (context === null) throw new Error("The browser has no canvas.");
    context.drawImage(bitmap, 0, 0);
    const pixels = new Uint32Array(context.getImageData(0, 0, bitmap.width, bitmap.height).data.buffer);
    const counts = new Map<number, number>();
    // Every seventh pixel is enough, and much faster.
    const sample = pixels.filter((_pixel, at) => at % 7 === 0);
    for (const pixel of sample) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
    return 1 - Math.max(...counts.values()) / sample.length;
  }, png.toString("base64"));
}
