// The pictures of docs/ as a browser draws them, in light and in dark colours.
import { readdirSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { browserTimeoutMs, openBrowser } from "../client/browser.js";

const folder = path.resolve(import.meta.dirname, "../../docs/pictures");
const pictures = readdirSync(folder).filter((name) => name.endsWith(".svg") && !name.startsWith("badge-"));

let browser: Browser;
beforeAll(async () => {
  browser = await openBrowser();
}, browserTimeoutMs);
afterAll(() => browser?.close());

describe.each(["light", "dark"] as const)("in %s colours", (colorScheme) => {
  it.each(pictures)("the words of %s are inside the picture, do not overlap and have enough contrast", async (name) => {
    const page = await browser.newPage({ colorScheme });
    await page.goto(pathToFileURL(path.join(folder, name)).href);
    const found = await page.evaluate((dark) => {
      const channels = (colour: string) => (colour.match(/[\d.]+/g) ?? []).slice(0, 3).map(Number);
      const luminance = (colour: string) => {
        const [red = 0, green = 0, blue = 0] = channels(colour).map((each) =>
          each / 255 <= 0.04045 ? each / 255 / 12.92 : ((each / 255 + 0.055) / 1.055) ** 2.4,
        );
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
      };
      const texts = [...document.querySelectorAll("text")].map((element) => ({ element, box: element.getBBox() }));
      const rects = [...document.querySelectorAll("rect")].map((element) => ({ element, box: element.getBBox() }));
      const [, , width = 0, height = 0] = (document.documentElement.getAttribute("viewBox") ?? "")
        .split(" ")
        .map(Number);
      return texts.map(({ element, box }, at) => {
        const contains = (outer: DOMRect) =>
          box.x >= outer.x &&
          box.x + box.width <= outer.x + outer.width &&
          box.y >= outer.y &&
          box.y + box.height <= outer.y + outer.height;
        const under = rects
          .filter((rect) => contains(rect.box) && getComputedStyle(rect.element).fill !== "none")
          .at(-1);
        const ground =
          under === undefined
            ? dark
              ? "rgb(13, 17, 23)"
              : "rgb(255, 255, 255)"
            : getComputedStyle(under.element).fill;
        const [low = 0, high = 0] = [luminance(ground), luminance(getComputedStyle(element).fill)].sort(
          (a, b) => a - b,
        );
        return {
          words: element.textContent ?? "",
          inside: contains(new DOMRect(0, 0, width, height)),
          overlaps: texts
            .slice(0, at)
            .some(
              (other) =>
                other.box.x < box.x + box.width &&
                box.x < other.box.x + other.box.width &&
                other.box.y + 3 < box.y + box.height &&
                box.y + 3 < other.box.y + other.box.height,
            ),
          contrast: (high + 0.05) / (low + 0.05),
        };
      });
    }, colorScheme === "dark");
    await page.close();
    expect(found.length).toBeGreaterThan(5);
    expect(found.filter(({ inside, overlaps, contrast }) => !inside || overlaps || contrast < 4.5)).toEqual([]);
  });
});
