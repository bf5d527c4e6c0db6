// A person with scripts walks through every page in a real Chromium. Each page must be accessible.
//
// The sample: a page is checked once for each markup, in light and dark colours. A whole run checks it each time that it is seen.
import { everyPageWasAccessible, useBrowser, walkThroughPages } from "./walking.js";

useBrowser();
walkThroughPages(true);
everyPageWasAccessible(70);
