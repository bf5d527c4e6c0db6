// A real Chromium: the installed one, or else the one from Debian's packages, which is then installed.
import { accessSync, constants } from "node:fs";
import { type Browser, chromium } from "playwright-core";
import { installFromDebian } from "../world/debian.js";

const paths = [
  process.env["CHROMIUM_PATH"],
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/usr/bin/google-chrome-stable",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];

/** The features that Playwright disables (its chromiumSwitches.ts). Chromium reads only the last flag, that of this file. */
const disabledByPlaywright = [
  "AvoidUnnecessaryBeforeUnloadCheckSync",
  "DestroyProfileOnBrowserClose",
  "HttpsUpgrades",
  "HttpsFirstBalancedModeAutoEnable",
  "LensOverlay",
  "MediaRouter",
  "PaintHolding",
  "ThirdPartyStoragePartitioning",
  "AvoidCorsURLLoaderRestartOnRedirect",
  "OptimizationHints",
  "NetworkTimeServiceQuerying",
  "PreconnectToSearch",
  "AimEnabled",
];

/** Each window would start two more processes: for a menu of the address bar, and for a page that might come next. */
const processesOfWindows = [
  "PreloadTopChromeWebUI",
  "WebUIOmniboxPopup",
  "WebUIOmniboxAimPopup",
  "SpareRendererForSitePerProcess",
];

const flags = [
  `--disable-features=${[...disabledByPlaywright, ...processesOfWindows].join(",")}`,
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** The installation takes a minute or two. */
export const browserTimeoutMs = 300_000;

/** The limit of each wait of Playwright, whose own 30 s pass on a busy machine. */
const waitMs = 120_000;

export async function openBrowser(...more: readonly string[]): Promise<Browser> {
  const executablePath = findChromium() ?? installChromium();
  const browser = await chromium.launch({ executablePath, args: [...flags, ...more], timeout: waitMs });
  return browser.on("context", (context) => context.setDefaultTimeout(waitMs));
}

function findChromium(): string | undefined {
  return paths.find((file) => {
    try {
      if (file === undefined) return false;
      accessSync(file, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function installChromium(): string {
  installFromDebian("Chromium (CHROMIUM_PATH names another one than Debian's)", "chromium");
  const found = findChromium();
  if (found === undefined)
    throw new Error("Chromium was installed, but is at none of the known paths. Set CHROMIUM_PATH.");
  return found;
}
