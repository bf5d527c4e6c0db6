import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { identifyHash, isFastFormat, verifyPasswordSync } from "../../dist/passwords/formats/formats.js";

interface Pair {
  readonly format: string;
  readonly passwordUtf8Hex: string;
  readonly hash: string;
  readonly valid: boolean | "truncation";
  readonly params?: Readonly<Record<string, unknown>>;
}

interface Vectors {
  readonly pairs: readonly Pair[];
  readonly negatives: readonly Pair[];
  readonly mustBeRejectedQuickly: readonly { readonly hash: string; readonly note: string }[];
}

function read<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../vectors/${name}`, import.meta.url), "utf8")) as T;
}

const vectors = read<Vectors>("password-hashes/known-pairs.json");
const more = read<{ readonly pairs: readonly Pair[] }>("password-hashes-more/pairs.json");

/** A hash of Firebase cannot be verified without its parameters, so the two together are one credential. */
const stored = ({ hash, params }: Pair): string => (params === undefined ? hash : JSON.stringify({ hash, params }));
const password = ({ passwordUtf8Hex }: Pair): string => Buffer.from(passwordUtf8Hex, "hex").toString();

// Decided for each format by hand. `ampho doctor` warns of fast ones.
const fastFormats = `
  apr1-crypt ldap-md5 ldap-sha ldap-smd5 ldap-ssha ldap-ssha256 ldap-ssha384 ldap-ssha512 ldap-ssha512.hex
  md5-crypt phpass salted-md5 salted-sha1 salted-sha256`;
const slowFormats = `
  argon2d argon2i argon2id aspnet-identity-v2 aspnet-identity-v3 atlassian-pbkdf2 bcrypt defuse-pbkdf2
  django-bcrypt django-bcrypt-sha256 django-pbkdf2-sha1 django-pbkdf2-sha256 django-scrypt dovecot-pbkdf2
  drupal-sha512 firebase-scrypt ldap-pbkdf2-sha1 ldap-pbkdf2-sha256 ldap-pbkdf2-sha512 node-scrypt
  passlib-bcrypt-sha256 pbkdf2-p5k2 pbkdf2-sha1 pbkdf2-sha256 pbkdf2-sha512 scrypt scrypt-crypt scrypt-kdf
  sha256-crypt sha512-crypt spring-pbkdf2 werkzeug-pbkdf2-md5 werkzeug-pbkdf2-sha1 werkzeug-pbkdf2-sha224
  werkzeug-pbkdf2-sha256 werkzeug-pbkdf2-sha512 werkzeug-scrypt wordpress-bcrypt`;
const wordsOf = (text: string) => text.trim().split(/\s+/);

describe("a hash of another system", () => {
  it.each(vectors.pairs.map((pair) => [pair.format, pair] as const))(
    "the right password verifies against an imported hash: %s",
    (_, pair) => {
      expect(identifyHash(stored(pair))).toHaveProperty("format");
      // "truncation" verifies too. bcrypt reads only 72 bytes, and the hash that replaces it covers the whole password.
      expect(verifyPasswordSync(stored(pair), password(pair))).toBe(true);
    },
  );

  it.each(vectors.negatives.map((pair) => [pair.format, pair] as const))(
    "a wrong password does not verify against an imported hash: %s",
    (_, pair) => {
      expect(verifyPasswordSync(stored(pair), password(pair))).toBe(false);
    },
  );

  it.each(more.pairs.map((pair) => [pair.format, pair] as const))(
    "only the right password verifies against a hash that was computed for this test: %s",
    (_, pair) => {
      const right = password(pair);
      expect(identifyHash(stored(pair))).toHaveProperty("format");
      expect(verifyPasswordSync(stored(pair), right)).toBe(true);
      expect(verifyPasswordSync(stored(pair), `${right}!`.slice(-(right.length || 1)))).toBe(false);
    },
  );

  it("every format that a reader names has a hash in the vectors", () => {
    const folder = new URL("../../src/passwords/formats/", import.meta.url);
    const named = readdirSync(folder).flatMap((name) =>
      [...readFileSync(new URL(name, folder), "utf8").matchAll(/\bformat: "([\w-]+)"/g)].map(([, format]) => format),
    );
    const identified = [...vectors.pairs, ...more.pairs].map((pair) => identifyHash(stored(pair)));
    const formats = identified.map((reading) => ("format" in reading ? reading.format : undefined));
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((format) => !formats.includes(format))).toEqual([]);
  });

  it("every format of the vectors is listed as a fast or a slow one", () => {
    const readings = [...vectors.pairs, ...more.pairs].map((pair) => identifyHash(stored(pair)));
    const named = [...new Set(readings.map((reading) => ("format" in reading ? reading.format : "")))].sort();
    expect(named).toEqual([...wordsOf(fastFormats), ...wordsOf(slowFormats)].sort());
    expect(named.filter(isFastFormat)).toEqual(wordsOf(fastFormats));
  });

  it("the page about imports lists every kind of hash", () => {
    const source = readFileSync(new URL("../../src/passwords/formats/formats.ts", import.meta.url), "utf8");
    const kinds = [...source.matchAll(/\bnamed\("(?:a )?(\w+)"/g)].map(([, kind = ""]) => kind);
    const page = readFileSync(new URL("../../docs/guides/importing.md", import.meta.url), "utf8");
    const [, table = ""] = /^\| kind \| forms \|\n([\s\S]*?)\n\n/m.exec(page) ?? [];
    expect(kinds.length).toBeGreaterThan(5);
    expect(kinds.filter((kind) => !table.includes(kind))).toEqual([]);
  });

  it.each(vectors.mustBeRejectedQuickly.map(({ hash, note }) => [note, hash] as const))(
    "an imported hash whose cost is too high is rejected: %s",
    (_, hash) => {
      expect(identifyHash(hash)).toHaveProperty("reason");
      expect(verifyPasswordSync(hash, "test")).toBe(false);
      expect(verifyPasswordSync(hash, hash)).toBe(false);
    },
  );
});

const salt = "YW1waG8tZml4ZWQtc2FsdA";
const [hex64, b43, h43] = ["ab".repeat(64), "A".repeat(43), "a".repeat(43)];

describe("a hostile or useless row", () => {
  it.each([
    `$argon2id$v=19$m=4194304,t=1,p=1$${salt}$${b43}`,
    `argon2$argon2id$v=19$m=65536,t=4294967295,p=1$${salt}$${b43}`,
    `{ARGON2}$argon2i$v=19$m=65536,t=99999,p=1$${salt}$${b43}`,
    "$2b$15$abcdefghijklmnopqrstuuWPXQG2bmuJOxSGaCHmO0n2PKpaKVRIe",
    "$2y$99$abcdefghijklmnopqrstuuWPXQG2bmuJOxSGaCHmO0n2PKpaKVRIe",
    "bcrypt_sha256$$2b$31$abcdefghijklmnopqrstuuWPXQG2bmuJOxSGaCHmO0n2PKpaKVRIe",
    "$bcrypt-sha256$v=2,t=2b,r=31$abcdefghijklmnopqrstuu$WPXQG2bmuJOxSGaCHmO0n2PKpaKVRIe",
    "$wp$2y$31$abcdefghijklmnopqrstuuWPXQG2bmuJOxSGaCHmO0n2PKpaKVRIe",
    `$scrypt$ln=31,r=8,p=1$${salt}$${b43}`,
    `$scrypt$ln=14,r=8,p=1000000$${salt}$${b43}`,
    `$scrypt$ln=1,r=4294967295,p=1$${salt}$${b43}`,
    `$scrypt$ln=18,r=8,p=64$${salt}$${b43}`,
    `scrypt$1073741824$salt$8$1$${b43}=`,
    `scrypt:32768:8:1000000$salt$${hex64}`,
    `$s0$1fffff$${salt}$${b43}`,
    "$7$zzzzzzzzzzzsaltsalt$xdfJZnPD2eI4LjshtrsLrqlR9/OU.qoJRxPeiZPKm4.",
    `$fbscrypt$v=1,n=30,r=8,p=1,ss=Bw==,sk=${b43}=$${salt}$${b43}=`,
    `$pbkdf2-sha256$2147483647$${salt}$${b43}`,
    `$pbkdf2-sha512$i=4294967295,l=64$${salt}$${b43}`,
    `$pbkdf2-sha512$2500001$${salt}$${"A".repeat(86)}`,
    `$pbkdf2-sha1$4000000$${salt}$${"A".repeat(86)}`,
    `pbkdf2_sha256$9999999999$salt$${b43}=`,
    `pbkdf2:sha256:2147483647$salt$${hex64}`,
    Buffer.from(`01000000017fffffff00000010${hex64.slice(0, 96)}`, "hex").toString("base64"),
    `sha1:2147483647:18:${salt}:AAAAAAAAAAAAAAAAAAAAAAAA`,
    `{PBKDF2-SHA512}2147483647$${salt}$${b43}`,
    `$6$rounds=999999999$salt$${h43}${h43}`,
    `{CRYPT}$5$rounds=999999999$salt$${h43}`,
    "$P$zamphosala2o/7jha7fyMTlyRAnNA./",
    `$S$zamphosal${h43}`,
    JSON.stringify({
      secretData: JSON.stringify({ value: `${b43}=`, salt }),
      credentialData: JSON.stringify({ hashIterations: 2 ** 31, algorithm: "pbkdf2-sha256" }),
    }),
  ])("a hash that requires too much memory or time is rejected: %s", (hash) => {
    expect(identifyHash(hash)).toEqual({ reason: "The hash requires more memory or time than the limit." });
    expect(verifyPasswordSync(hash, "test")).toBe(false);
  });

  it.each([
    "*LK*",
    "!locked$6$salt$x",
    "$2x$04$abcdefghijklmnopqrstuuoD8yw7MmybLKVooaTGGZAt3HXugv2.a",
    "$2$04$abcdefghijklmnopqrstuuoD8yw7MmybLKVooaTGGZAt3HXugv2.a",
    "$2b$03$abcdefghijklmnopqrstuuoD8yw7MmybLKVooaTGGZAt3HXugv2.a",
    "$2b$04$abcdefghijklmnopqrstuuoD8yw7MmybLKVooaTGGZAt3HXugv2.",
    "$2b$04$abcdefghijklmnopqrstuuoD8yw7MmybLKVooaTGGZAt3HXugv2.a\n",
    "scrypt:32768:8:1$salt$00",
    `scrypt:1000:8:1$salt$${hex64}`,
    `$scrypt$ln=16,r=1,p=1$${salt}$${b43}`,
    `scrypt:131072:1:1$salt$${hex64}`,
    `$scrypt$ln=0,r=8,p=1$${salt}$${b43}`,
    `pbkdf2:md4:1000$salt$${hex64}`,
    `pbkdf2_sha256$0$salt$${b43}=`,
    `pbkdf2_sha256$1000$salt$`,
    `$pbkdf2-sha256$29000$${salt}$AAAA`,
    "$5$salt$short",
    `$6$rounds=999$salt$${h43}${h43}`,
    "$y$j9T$amphosalt$5HYzaPmGpxtTNJ1GEnp3J0b5dMmxcVqLmQDXBTAjpK.",
    "{SSHA}AAAA",
    "{SHA}AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    "{noop}test",
    "{PLAIN}test",
    "{CRYPT}{CRYPT}$1$amphosal$CYMbnwZMd519yxcX7GmxQ/",
    "098f6bcd4621d373cade4e832627b4f6",
    "A".repeat(68).replace("A", "B"),
    "{}",
    '{"secretData":"x"}',
    `{"hash":"${b43}=","salt":"${salt}","signerKey":"${b43}=","memCost":1e400,"rounds":8}`,
    `$6$salt$${"a".repeat(100_000)}`,
    "test\u0000",
    "tëst",
  ])("no password verifies against a malformed or unusable hash: %#", (hash) => {
    expect(identifyHash(hash)).toHaveProperty("reason");
    for (const typed of ["test", hash.slice(0, 1000)]) expect(verifyPasswordSync(hash, typed)).toBe(false);
  });

  it("a long password cannot increase the cost of a hash", () => {
    const costly = `$6$rounds=1000000$salt$${h43}${h43}`;
    expect(identifyHash(costly)).toMatchObject({ format: "sha512-crypt" });
    expect(verifyPasswordSync(costly, "x".repeat(1024))).toBe(false);
  });

  it("the reason names the format of a hash, and its form", () => {
    const stored = "$2x$04$abcdefghijklmnopqrstuuoD8yw7MmybLKVooaTGGZAt3HXugv2.a";
    expect(identifyHash(stored)).toEqual({
      reason:
        "The hash begins like bcrypt and does not have its form, $2a$, $2b$ or $2y$ with a cost from 04 and 53 characters.",
    });
  });

  const reasons = [
    "The hash begins like …",
    "The hash does not have the form of its format.",
    "The hash has an unknown format.",
    "The hash marks an account without a usable password.",
    "The hash requires more memory or time than the limit.",
  ];

  it("a damaged hash causes no exception, and the reason does not contain it", () => {
    const good = fc.constantFrom(...[...vectors.pairs, ...more.pairs].map(stored));
    const mangle = fc.tuple(good, fc.nat(), fc.nat(20), fc.string({ unit: "binary", maxLength: 3 }));
    fc.assert(
      fc.property(mangle, ([hash, at, cut, put]) => {
        const position = at % (hash.length + 1);
        const reading = identifyHash(hash.slice(0, position) + put + hash.slice(position + cut));
        if ("reason" in reading)
          expect(reasons).toContain(reading.reason.replace(/(?<=^The hash begins like ).*/, "…"));
      }),
      { seed: 20260101, numRuns: 2000 },
    );
  });
});

describe("bcrypt", () => {
  it("bcrypt rejects a password with NUL, which it could not distinguish from a shorter one", () => {
    const hash = "$2b$04$abcdefghijklmnopqrstuuMFdJu9yVgmagVAIC24fOZkaFqd3s9JC";
    expect(verifyPasswordSync(hash, "a")).toBe(true);
    for (const typed of ["a\0a", "a\0", "a\0a\0a"]) expect(verifyPasswordSync(hash, typed)).toBe(false);
  });

  it("bcrypt accepts a salt with stray bits, which PHP wrote for a given salt", () => {
    const hash = "$2y$04$abcdefghijklmnopqrstuvMFdJu9yVgmagVAIC24fOZkaFqd3s9JC";
    expect(verifyPasswordSync(hash, "a")).toBe(true);
    expect(verifyPasswordSync(hash, "b")).toBe(false);
  });
});
