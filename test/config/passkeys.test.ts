// The parameters of passkeys: the relying party and its origins come from them alone.
import { describe, expect, it } from "vitest";
import { relatedOriginsOf, relyingPartyOf } from "../../dist/factors/passkey/relying-party.js";
import { read, rejection } from "./read.js";

const partyOf = (env: Readonly<Record<string, string>>) => relyingPartyOf(read(env));
const app = { AMPHO_APP_URL: "https://login.app.example/start" };

describe("AMPHO_APP_URL", () => {
  it("its host is the relying party, and its origin can use the passkeys", () => {
    expect(partyOf(app)).toEqual({
      id: "login.app.example",
      name: "login.app.example",
      origins: ["https://login.app.example"],
    });
    expect(partyOf({ AMPHO_APP_URL: "http://localhost:3000", AMPHO_APP_NAME: "Shop" })).toEqual({
      id: "localhost",
      name: "Shop",
      origins: ["http://localhost:3000"],
    });
  });

  it("no passkeys are offered without it, with an IP address, or with AMPHO_SECURITY_PASSKEYS=false", () => {
    for (const env of [
      {},
      { ...app, AMPHO_SECURITY_PASSKEYS: "false" },
      { AMPHO_APP_URL: "https://192.0.2.7/" },
      { AMPHO_APP_URL: "https://[2001:db8::7]/" },
    ])
      expect(partyOf(env)).toBeUndefined();
  });

  it.each([
    "app.example",
    "http://app.example/",
    "ftp://app.example/",
    "https://app.example/?a=1",
    "https://app.example/#a",
    "https://ann:secret@app.example/",
    "https://",
  ])("%s is no value of AMPHO_APP_URL", (value) => {
    const message = rejection({ AMPHO_APP_URL: value });
    expect(message).toContain("AMPHO_APP_URL must be a URL such as https://app.example/");
    expect(message.split("\n")).toHaveLength(1);
  });
});

describe("rp of AMPHO_SECURITY_PASSKEYS", () => {
  it.each(["login.app.example", "app.example", "example"])("the relying party can be the host or %s above it", (id) => {
    expect(partyOf({ ...app, AMPHO_SECURITY_PASSKEYS: JSON.stringify({ rp: id }) })).toMatchObject({
      id,
      origins: ["https://login.app.example"],
    });
  });

  it.each(["shop.login.app.example", "pp.example", "in.app.example", "app.example.net", "*.app.example"])(
    "the relying party cannot be %s, which a browser would reject",
    (id) => {
      expect(rejection({ ...app, AMPHO_SECURITY_PASSKEYS: JSON.stringify({ rp: id }) })).toContain(
        `The rp of AMPHO_SECURITY_PASSKEYS must be login.app.example, the host of AMPHO_APP_URL, or a domain above it, but is "${id}".`,
      );
    },
  );

  it.each([
    "App.Example",
    "https://app.example",
    "app.example:443",
    "app.example/",
    "192.0.2.7",
    "0x7f.1",
    "[::1]",
    "a b",
    "ann@app.example",
    "täst.example",
  ])("%s is no domain name of a relying party", (id) => {
    expect(rejection({ ...app, AMPHO_SECURITY_PASSKEYS: JSON.stringify({ rp: id }) })).toContain(
      'an object whose member "rp" is ',
    );
  });
});

describe("origins of AMPHO_SECURITY_PASSKEYS", () => {
  const android = `android:apk-key-hash:${"A".repeat(42)}_`;
  const origins = ["https://shop.app.example", "https://app.example.de", "https://fakeapp.example", android];

  it.each([origins.join(" , "), origins])("%s adds origins to that of AMPHO_APP_URL", (list) => {
    const env = { ...app, AMPHO_SECURITY_PASSKEYS: JSON.stringify({ rp: "app.example", origins: list }) };
    const party = partyOf(env);
    expect(party?.origins).toEqual(["https://login.app.example", ...origins]);
    // Browsers look up only origins outside of the relying party.
    expect(party && relatedOriginsOf(party)).toEqual(["https://app.example.de", "https://fakeapp.example"]);
  });

  it.each([
    "https://shop.app.example/",
    "https://SHOP.app.example",
    "https://shop.app.example:443",
    "https://*.app.example",
    "shop.app.example",
    "null",
    "android:apk-key-hash:AAAA",
    `${android}=`,
    `${android}A`,
    "android:com.example.shop",
    "https://shop.app.example,,",
    "[1]",
    '{"a":1}',
  ])("%s is no list of origins", (list) => {
    expect(rejection({ ...app, AMPHO_SECURITY_PASSKEYS: JSON.stringify({ origins: list }) })).toContain(
      'an object whose member "origins" is',
    );
  });
});
