// The schemas of the server and the shapes of src/wire/ agree in both directions, so that neither gets a member alone.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, expectTypeOf, it } from "vitest";
import type { z } from "zod";
import type { accessList, accountExport, confirmationBegun, ownAccount } from "../../dist/http/rest/routes/account.js";
import type { apiKeyList, newApiKey } from "../../dist/http/rest/routes/api-keys.js";
import type { connectionList, connectView } from "../../dist/http/rest/routes/connect.js";
import type {
  addedPasskey,
  newRecoveryCodes,
  passkeyList,
  passkeySetUp,
  totpSetUp,
} from "../../dist/http/rest/routes/factors.js";
import type { waysIn } from "../../dist/http/rest/routes/login.js";
import type { emailChangeBegun, mailBegun, registered, registrationBegun } from "../../dist/http/rest/routes/mail.js";
import type { outsideBegun } from "../../dist/http/rest/routes/outside.js";
import type { issuedToken } from "../../dist/http/rest/routes/services.js";
import type { currentSession, sessionList } from "../../dist/http/rest/routes/sessions.js";
import type { grant } from "../../dist/http/rest/schemas.js";
import type {
  AccessView,
  AccountExport,
  AccountView,
  PasskeyListing,
  PasskeyView,
  SessionView,
} from "../../dist/wire/account.js";
import type { ApiKeyView, NewApiKey } from "../../dist/wire/api-keys.js";
import type * as begun from "../../dist/wire/begun.js";
import type { ConnectionView, ConnectView } from "../../dist/wire/connect.js";
import type { ClientSession, Grant, RecoveryCodes, WaysIn } from "../../dist/wire/login.js";
import type { IssuedToken } from "../../dist/wire/services.js";

/** Without the members that can be absent, because zod adds undefined to their types. The names of the members stay. */
type Whole<T> = T extends readonly (infer E)[]
  ? readonly Whole<E>[]
  : T extends object
    ? { readonly [K in keyof T]-?: Whole<Exclude<T[K], undefined>> }
    : T;

/** The value that the server sends under a schema. */
type Sent<S extends z.ZodType> = Whole<z.output<S>>;

/** Shapes of RFCs, and of what verifiers read. No client of Ampho has them. */
const withoutShape = ["jwkSet", "consentGiven", "feedPage", "openApiDocument", "introspection"];

describe("the wire shapes", () => {
  it("this file compares the schema of every response, except those without a shape", () => {
    const folder = path.resolve(import.meta.dirname, "../../src/http/rest/routes");
    const outputs = readdirSync(folder).flatMap((name) =>
      [...readFileSync(path.join(folder, name), "utf8").matchAll(/\boutput: (\w+),/g)].map(([, schema = ""]) => schema),
    );
    const own = readFileSync(import.meta.filename, "utf8");
    expect(outputs.length).toBeGreaterThan(30);
    expect(
      outputs.filter((schema) => !own.includes(`Sent<typeof ${schema}>`) && !withoutShape.includes(schema)),
    ).toEqual([]);
  });

  it("the shapes of an account are those of its schemas", () => {
    expectTypeOf<Sent<typeof ownAccount>>().toEqualTypeOf<Whole<AccountView>>();
    expectTypeOf<Sent<typeof passkeyList>>().toEqualTypeOf<Whole<PasskeyListing>>();
    expectTypeOf<Sent<typeof accessList>>().toEqualTypeOf<Whole<AccessView>>();
    expectTypeOf<Sent<typeof accountExport>>().toEqualTypeOf<Whole<AccountExport>>();
    expectTypeOf<Sent<typeof sessionList>>().toEqualTypeOf<Whole<{ readonly sessions: readonly SessionView[] }>>();
  });

  it("the shapes of a session and a login are those of their schemas", () => {
    expectTypeOf<Sent<typeof currentSession>>().toEqualTypeOf<Whole<ClientSession>>();
    expectTypeOf<Sent<typeof grant>>().toEqualTypeOf<Whole<Grant>>();
    expectTypeOf<Sent<typeof registered>>().toEqualTypeOf<Whole<Grant & RecoveryCodes>>();
    expectTypeOf<Sent<typeof newRecoveryCodes>>().toEqualTypeOf<Whole<Grant & RecoveryCodes>>();
    expectTypeOf<Sent<typeof addedPasskey>>().toEqualTypeOf<
      Whole<Grant & RecoveryCodes & { readonly passkey: PasskeyView }>
    >();
    expectTypeOf<Sent<typeof waysIn>>().toEqualTypeOf<Whole<WaysIn>>();
  });

  it("the shapes of API keys and of service accounts are those of their schemas", () => {
    expectTypeOf<Sent<typeof newApiKey>>().toEqualTypeOf<Whole<NewApiKey>>();
    expectTypeOf<Sent<typeof apiKeyList>>().toEqualTypeOf<Whole<{ readonly api_keys: readonly ApiKeyView[] }>>();
    expectTypeOf<Sent<typeof connectView>>().toEqualTypeOf<Whole<ConnectView>>();
    expectTypeOf<Sent<typeof connectionList>>().toEqualTypeOf<
      Whole<{ readonly connections: readonly ConnectionView[] }>
    >();
    expectTypeOf<Sent<typeof issuedToken>>().toEqualTypeOf<Whole<IssuedToken>>();
  });

  it("the shapes of what was begun are those of their schemas", () => {
    expectTypeOf<Sent<typeof passkeySetUp>>().toEqualTypeOf<Whole<begun.PasskeySetUp>>();
    expectTypeOf<Sent<typeof totpSetUp>>().toEqualTypeOf<Whole<begun.TotpSetUp>>();
    expectTypeOf<Sent<typeof confirmationBegun>>().toEqualTypeOf<begun.ConfirmationBegun>();
    expectTypeOf<Sent<typeof emailChangeBegun>>().toEqualTypeOf<Whole<begun.EmailChangeBegun>>();
    expectTypeOf<Sent<typeof mailBegun>>().toEqualTypeOf<Whole<begun.MailBegun>>();
    expectTypeOf<Sent<typeof registrationBegun>>().toEqualTypeOf<Whole<begun.RegistrationBegun>>();
    expectTypeOf<Sent<typeof outsideBegun>>().toEqualTypeOf<Whole<begun.OutsideBegun>>();
  });
});

it("the room wire emits no code", () => {
  const folder = path.resolve(import.meta.dirname, "../../dist/wire");
  const files = readdirSync(folder).filter((name) => name.endsWith(".js"));
  expect(files.length).toBeGreaterThan(0);
  for (const name of files)
    expect(
      readFileSync(path.join(folder, name), "utf8")
        .replace(/^\/\/.*$/gm, "")
        .trim(),
      name,
    ).toBe("export {};");
});
