import { expectTypeOf, test } from "vitest";
import type { Configuration, ConfigurationOptions } from "../../dist/config/configuration.js";
import type { Duration } from "../../dist/duration.js";

test("the configuration has the types of the table", () => {
  expectTypeOf<Configuration["tokenTtl"]>().toEqualTypeOf<number>();
  expectTypeOf<Configuration["tokenAudience"]>().toEqualTypeOf<readonly string[] | undefined>();
  expectTypeOf<Configuration["restPrefix"]>().toEqualTypeOf<string>();
  expectTypeOf<Configuration["renewByToken"]>().toEqualTypeOf<number>();
  expectTypeOf<Configuration["databaseMigrate"]>().toEqualTypeOf<"auto" | "off">();
  expectTypeOf<Configuration["scopes"]>().toEqualTypeOf<Readonly<Record<string, readonly string[]>>>();
  expectTypeOf<Configuration>().not.toHaveProperty("key");
});

test("options in code have the types of the table and can be undefined", () => {
  expectTypeOf<ConfigurationOptions["tokenTtl"]>().toEqualTypeOf<Duration | undefined>();
  expectTypeOf<ConfigurationOptions["port"]>().toEqualTypeOf<number | undefined>();
  expectTypeOf<ConfigurationOptions["key"]>().toEqualTypeOf<string | object | undefined>();
  expectTypeOf<ConfigurationOptions["tokenAudience"]>().toEqualTypeOf<string | readonly string[] | undefined>();
  expectTypeOf<ConfigurationOptions["databaseUrl"]>().toEqualTypeOf<string | undefined>();
  expectTypeOf<ConfigurationOptions>().not.toHaveProperty("tokenTll");
});
