// A real Chromium: the one that is installed, or Debian's, which is installed where that is possible.
import { execFileSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { type Browser, chromium } from "playwright-core";

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
  const missing = "These tests need Chromium: `apt-get install chromium`, or set CHROMIUM_PATH to one.";
  if (process.getuid?.() !== 0) throw new Error(missing);
  try {
    execFileSync("apt-get", ["update", "-q"], { stdio: "ignore" });
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    execFileSync("apt-get", ["install", "-y", "-q", "--no-install-recommends", "chromium"], { stdio: "ignore", env });
  } catch (cause) {
    throw new Error(missing, { cause });
  }
  const found = findChromium();
  if (found === undefined) throw new Error(missing);
  return found;
}
