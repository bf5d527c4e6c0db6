// Each parameter with a wrong value, beside all that rules about several parameters read: a message, and never a crash.
import { expect, it } from "vitest";
import { optionName, parameters } from "../../dist/config/parameters.js";
import { ConfigurationError, createAmpho } from "../../dist/index.js";
import { settings } from "../connect/connections.js";
import { newKey } from "../world/tokens.js";

const working = { ...settings, key: newKey("key-1"), databaseUrl: "sqlite::memory:", pages: true, apiKeys: 2 };

it.each(Object.keys(parameters))("a wrong %s is a message", async (name) => {
  const given = { ...working, log: () => undefined, [optionName(name)]: Symbol("wrong") };
  await expect(createAmpho(given as object)).rejects.toBeInstanceOf(ConfigurationError);
});
