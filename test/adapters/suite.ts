// The same tests for every framework, on a real listening server.
import { describe } from "vitest";
import type { Host } from "./host.js";
import { describeCookies } from "./suite-cookies.js";
import { describeEndpoints } from "./suite-endpoints.js";
import { describeGuards } from "./suite-guards.js";
import { describePages } from "./suite-pages.js";

export function describeHost(host: Host): void {
  describe(host.name, () => {
    describeGuards(host);
    describeEndpoints(host);
    describeCookies(host);
    describePages(host);
  });
}
