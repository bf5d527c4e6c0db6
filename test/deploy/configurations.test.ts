// Every configuration that a file contains or a page prints has a test that runs it.
import { expect, it } from "vitest";
import { configurations } from "./configurations.js";
import { starts } from "./environments.js";
import { proxyConfigurations } from "./raw-proxies.js";

it("every configuration of a proxy that is shipped or printed is attacked with raw requests", () => {
  const attacked = proxyConfigurations.map(([name]) => name);
  expect([...configurations("proxy").keys()].sort()).toEqual(attacked.sort());
});

it("every environment for production that is shipped or printed is started by a test", () => {
  expect([...configurations("environment").keys()].sort()).toEqual(Object.keys(starts).sort());
});
