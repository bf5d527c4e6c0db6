// The pages in a language that is written from right to left, in a real Chromium on the width of a phone.
import { expect, it } from "vitest";
import { browserTimeoutMs, openBrowser } from "../client/browser.js";
import { rightToLeft } from "../world/right-to-left.js";
import { openShop, visitor } from "./shop.js";

const timeout = browserTimeoutMs + 60_000;

it("every page begins at the right, no page is too wide, and addresses and codes stay as they are", {
  timeout,
}, async () => {
  const browser = await openBrowser();
  try {
    const shop = await openShop({ languages: [rightToLeft], apiKeys: 5, scopes: { "*": ["articles:read"] } });
    const { open, register } = visitor(shop, browser, { scripts: true });
    const walker = await open("/account");
    await register(walker, "ann@example.org");
    const { page } = walker;
    await page.setExtraHTTPHeaders({ "accept-language": "he" });
    await page.setViewportSize({ width: 360, height: 740 });
    for (const path of ["account", "account/access", "account/sign-in", "account/register", "account/forgot"]) {
      await page.goto(`${shop.origin}/${path}`);
      const shown = await page.evaluate(() => ({
        direction: getComputedStyle(document.body).direction,
        width: document.documentElement.scrollWidth,
        endsAt: document.querySelector("h1")?.getBoundingClientRect().right ?? 0,
        fields: [...document.querySelectorAll("input[type=email], code")].map((one) => getComputedStyle(one).direction),
      }));
      expect([path, shown.direction, shown.width]).toEqual([path, "rtl", 360]);
      expect(shown.endsAt, path).toBeGreaterThan(300);
      expect(new Set(["ltr", ...shown.fields])).toEqual(new Set(["ltr"]));
    }
  } finally {
    await browser.close();
  }
});
