// A real Chromium: the one that is installed, or Debian's, which is installed where that is possible.
import { accessSync, constants } from "node:fs";
import { type Browser, chromium } from "playwright-core";
import { installFromDebian } from "../world/debian.js";

const places = [
  process.env["CHROMIUM_PATH"],
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/usr/bin/google-chrome-stable",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

const flags = [
  ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
];

/** Installing takes a minute or two. */
export const browserTimeoutMs = 300_000;

export async function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: findChromium() ?? installChromium(), args: flags });
}

function findChromium(): string | undefined {
  return places.find((place) => {
    try {
      if (place === undefined) return false;
      accessSync(place, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function installChromium(): string {
  installFromDebian("Chromium (another than Debian's by CHROMIUM_PATH)", "chromium");
  const found = findChromium();
  if (found === undefined) throw new Error("chromium is installed, and is nowhere to be found.");
  return found;
}
