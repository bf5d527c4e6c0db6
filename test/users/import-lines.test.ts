import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { lineMaxBytes, linesOf, readImportLine } from "../../dist/users/import-lines.js";
import type { ImportedPasskeys } from "../../dist/users/import-members.js";
import { allAlgorithms, base64url, coseKey, createSubject } from "../factors/webauthn/authenticator.js";
import { encodeCbor } from "../factors/webauthn/cbor-encode.js";

async function lines(chunks: readonly (string | Uint8Array)[]): Promise<readonly string[]> {
  const all: string[] = [];
  for await (const line of linesOf(chunks)) all.push(Buffer.from(line).toString());
  return all;
}

describe("the lines of a stream", () => {
  it("lines end at line feeds, for any chunks, and the last line needs none", async () => {
    expect(await lines(["a\nb", "c\n", "", "\n", "d"])).toEqual(["a", "bc", "", "d"]);
    expect(await lines(["a\n"])).toEqual(["a"]);
    expect(await lines([])).toEqual([]);
    expect(await lines([Buffer.from([0xc3]), Buffer.from([0xa9, 0x0a])])).toEqual(["é"]);
  });

  it("lines do not depend on the cut into chunks", async () => {
    const text = fc.string({ unit: fc.constantFrom("a", "\n", "\r", "é", "\u2028") });
    await fc.assert(
      fc.asyncProperty(text, fc.array(fc.nat(20)), async (whole, cuts) => {
        const bytes = Buffer.from(whole);
        const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
        const chunks = ends.map((end, at) => bytes.subarray(ends[at - 1] ?? 0, end));
        const expected = whole.split("\n");
        if (expected.at(-1) === "") expected.pop();
        expect(await lines(chunks)).toEqual(expected);
      }),
    );
  });

  it("items without a line feed are lines if the first of them is a line", async () => {
    const [ann, bea] = ['{"login":"ann"}', '{"login":"bea"}'];
    expect(await lines([ann, bea])).toEqual([ann, bea]);
    expect(await lines([Buffer.from(ann), Buffer.from(bea)])).toEqual([ann, bea]);
    expect(await lines(["", ann, "", bea])).toEqual([ann, "", bea]);
    expect(await lines([`${ann}\n`, bea, ann])).toEqual([ann, bea, ann]);
    expect(await lines(["no JSON", bea])).toEqual(["no JSON", bea]);
    expect(await lines([`\uFEFF${ann}`, bea])).toEqual([`\uFEFF${ann}`, bea]);
  });

  it("a line can come in several items", async () => {
    const [ann, bea] = ['{"login":"ann"}', '{"login":"bea"}'];
    const whole = `${ann}\n${bea}\n`;
    for (const size of [1, 3, 7]) {
      const chunks = whole.match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];
      expect(await lines(chunks)).toEqual([ann, bea]);
      expect(await lines(chunks.map((chunk) => Buffer.from(chunk)))).toEqual([ann, bea]);
    }
  });

  it("an endless line is kept only up to the length that is too long", async () => {
    const chunk = Buffer.alloc(1 << 16, "x");
    let longest = 0;
    for await (const line of linesOf(Array.from({ length: 100 }, () => chunk))) longest = line.length;
    expect(longest).toBe(lineMaxBytes + 1);
  });
});

describe("the address of a line", () => {
  const read = (members: object) => readImportLine(JSON.stringify({ login: "ann", ...members }), 1);

  it("an address is the member of its own, or else the login, and proven only if the line states it", () => {
    const address = { address: "Ann@example.org", canonical: "ann@example.org" };
    expect(read({ email: "Ann@example.org", email_proven: true })).toMatchObject({
      user: { email: address },
      emailProven: true,
    });
    expect(read({ email: "Ann@example.org" })).toMatchObject({ user: { email: address }, emailProven: false });
    expect(read({ login: "Ann@example.org" })).toMatchObject({ user: { email: address }, emailProven: false });
    expect(read({ email: null })).toMatchObject({ user: { email: undefined }, emailProven: false });
  });

  it.each([
    ["an address that is not one mailbox", { email: "ann@example.org, bob@example.org" }],
    ["an address that is no string", { email: ["ann@example.org"] }],
    ["a proof without an address", { email_proven: true }],
    ["a proof that is a text", { email: "ann@example.org", email_proven: "true" }],
  ])("%s makes a line wrong", (_, members) => {
    expect(read(members)).toHaveProperty("wrong");
  });
});

const bcrypt = "$2b$04$abcdefghijklmnopqrstuuWPXQG2bmuJOxSGaCHmO0n2PKpaKVRIe";
const good = { login: "Ann", password_hash: bcrypt, roles: ["a", "b", "a"] };

describe("a line of an import", () => {
  it("a line is a user with a hash, its format and its kind", () => {
    expect(readImportLine(JSON.stringify(good), 3)).toMatchObject({
      format: "bcrypt",
      user: {
        login: "Ann",
        canonical: "ann",
        passwordHash: bcrypt,
        hashKind: "bcrypt",
        roles: ["a", "b"],
        line: 3,
      },
    });
  });

  it.each(['{"login":"ann"}', '{"login":"ann","password_hash":null}', ' {"login":"ann","roles":[]}\r'])(
    "a line can be a user without a password: %s",
    (line) => {
      expect(readImportLine(line, 1)).toMatchObject({ format: "none", user: { passwordHash: null, roles: [] } });
    },
  );

  it("a hash of the current argon2id has no kind", () => {
    const hash = `$argon2id$v=19$m=19456,t=2,p=1$${"A".repeat(22)}$${"A".repeat(43)}`;
    const line = (passwordHash: string) => readImportLine(JSON.stringify({ ...good, password_hash: passwordHash }), 1);
    expect(line(hash)).toMatchObject({ format: "argon2id", user: { hashKind: null } });
    expect(line(hash.replace("t=2", "t=3"))).toMatchObject({ user: { hashKind: "argon2id" } });
  });

  it.each(["", " \t\r"])("an empty line is skipped", (line) => {
    expect(readImportLine(line, 1)).toBe("empty");
  });

  it("the first line can have a byte order mark", () => {
    expect(readImportLine('\ufeff{"login":"ann"}', 1)).toHaveProperty("user");
    expect(readImportLine('\ufeff{"login":"ann"}', 2)).toHaveProperty("wrong");
  });

  it.each([
    ["no JSON", "login: ann"],
    ["an array", '["ann"]'],
    ["two objects", '{"login":"ann"}{"login":"bea"}'],
    ["a member twice", '{"login":"ann","login":"bea"}'],
    ["a member twice, escaped", '{"login":"ann","lo\\u0067in":"bea"}'],
    ["a misspelled member", `{"login":"ann","pasword_hash":"${bcrypt}"}`],
    ["__proto__", '{"login":"ann","__proto__":{"roles":["admin"]}}'],
    ["no login", "{}"],
    ["a login that is no string", '{"login":7}'],
    ["an empty login", '{"login":""}'],
    ["a login with a control character", '{"login":"a\\u0000b"}'],
    ["a login of two scripts", '{"login":"p\u0430ypal"}'],
    ["a login with half a character", '{"login":"a\\ud800"}'],
    ["a login that is too long", JSON.stringify({ login: "x".repeat(256) })],
    ["a hash that is an object", '{"login":"ann","password_hash":{}}'],
    ["an empty hash", '{"login":"ann","password_hash":""}'],
    ["a hash of a locked account", '{"login":"ann","password_hash":"!"}'],
    ["a password", '{"login":"ann","password_hash":"correct horse"}'],
    [
      "a hash that asks for 4 GiB",
      `{"login":"ann","password_hash":"$argon2id$v=19$m=4194304,t=1,p=1$${"A".repeat(22)}$${"A".repeat(43)}"}`,
    ],
    ["a role that is no string", '{"login":"ann","roles":[1]}'],
    ["an empty role", '{"login":"ann","roles":[""]}'],
    ["roles that are null", '{"login":"ann","roles":null}'],
    ["a role with a line feed", '{"login":"ann","roles":["a\\nb"]}'],
    ["more than 64 KiB", JSON.stringify({ login: "ann", roles: Array.from({ length: 20_000 }, (_, n) => `r${n}`) })],
    ["deeply nested", `{"login":${"[".repeat(30_000)}${"]".repeat(30_000)}}`],
    ["half a surrogate pair", '{"login":"\ud800"}'],
  ])("a line is rejected: %s", (_, line) => {
    const read = readImportLine(line, 1);
    expect(read).toEqual({ wrong: expect.stringMatching(/^[A-Z][^"{}$]+\.$/) });
    // Whole numbers of the reason aside, nothing of the line is in it.
    expect(JSON.stringify(read)).not.toMatch(/ann|bea|horse|p\u0430y|AAAA|pasword/);
  });

  it.each([
    ["not UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ["UTF-16", Buffer.from('\ufeff{"login":"ann"}', "utf16le")],
  ])("a line of bytes is rejected: %s", (_, line) => {
    expect(readImportLine(line, 1)).toHaveProperty("wrong");
  });

  it("reading a line never throws", () => {
    const members = fc.record(
      { login: fc.anything(), password_hash: fc.anything(), roles: fc.anything(), more: fc.anything() },
      { requiredKeys: [] },
    );
    const json = members.map((value) => JSON.stringify(value, (_, each) => (typeof each === "bigint" ? 1 : each)));
    fc.assert(fc.property(fc.oneof(json, fc.string({ unit: "binary" })), (line) => void readImportLine(line, 1)));
  });
});

describe("the passkeys of a line", () => {
  const subject = createSubject(-7);
  const passkey = {
    id: "AAAA",
    public_key: subject.publicKey,
    sign_count: 3,
    backup_eligible: true,
    backup_state: true,
    transports: ["usb", 7],
    name: "Key",
  };
  const read = (change: object, line: object = {}, rp: string | undefined = "example.org") =>
    readImportLine(
      JSON.stringify({ login: "ann", user_handle: "AAAA", passkeys: [{ ...passkey, ...change }], ...line }),
      1,
      { rp },
    );

  it("a passkey has the key, the counter and the flags of its record, and the configured relying party", () => {
    const { kty, crv, x, y } = subject.publicKey;
    const expected = { id: "AAAA", alg: -7, publicKey: { kty, crv, x, y }, signCount: 3, rp: "example.org" };
    const flags = { backupEligible: true, backedUp: true, transports: ["usb"], name: "Key" };
    expect(read({})).toMatchObject({ user: { passkeys: { handle: "AAAA", passkeys: [{ ...expected, ...flags }] } } });
    expect(read({ public_key: base64url(encodeCbor(coseKey(subject))) })).toMatchObject({
      user: { passkeys: { passkeys: [expected] } },
    });
  });

  it.each(allAlgorithms)("a JWK of the algorithm %i is read", (alg) => {
    const jwk = createSubject(alg).publicKey;
    expect(read({ public_key: jwk })).toMatchObject({ user: { passkeys: { passkeys: [{ alg, publicKey: jwk }] } } });
  });

  it("the user handle is that of the line, of each passkey, of all passkeys together, or unknown", () => {
    const handles = (line: unknown, ...own: unknown[]) => {
      const passkeys = own.map((user_handle, at) => ({
        ...passkey,
        id: `AAA${at}`.replace(/\d$/, "ABCD"[at] ?? ""),
        user_handle,
      }));
      const text = JSON.stringify({ login: "ann", user_handle: line, passkeys });
      const { user } = readImportLine(text, 1, { rp: "example.org" }) as { user: { passkeys: ImportedPasskeys } };
      return [user.passkeys.handle, ...user.passkeys.passkeys.map(({ ownHandle }) => ownHandle)];
    };
    expect(handles("AAAA", undefined, "BBBB", "AAAA")).toEqual(["AAAA", undefined, "BBBB", undefined]);
    expect(handles(undefined, "BBBB", "CCCC", undefined)).toEqual([undefined, "BBBB", "CCCC", ""]);
    expect(handles(undefined, "BBBB", "BBBB")).toEqual(["BBBB", undefined, undefined]);
    expect(handles(undefined, undefined, undefined)).toEqual([undefined, "", ""]);
  });

  const wrongLines: readonly (readonly [string, object, object?])[] = [
    ["an id with padding", { id: "AAA=" }],
    ["an id that is too long", { id: "A".repeat(1366) }],
    ["no key", { public_key: undefined }],
    ["a point that is not on the curve", { public_key: { ...subject.publicKey, y: subject.publicKey.x } }],
    ["a symmetric key", { public_key: { kty: "oct", k: "AAAA" } }],
    ["a COSE key with bytes after it", { public_key: base64url(Buffer.of(...encodeCbor(coseKey(subject)), 0)) }],
    ["a negative counter", { sign_count: -1 }],
    ["no backup flags", { backup_eligible: undefined, backup_state: undefined }],
    ["a backup without eligibility", { backup_eligible: false }],
    ["transports that are a text", { transports: "usb" }],
    ["a name with a control character", { name: "a\u0000" }],
    ["a misspelled member", { signCount: 1 }],
    ["a user handle that is too long", {}, { user_handle: "A".repeat(88) }],
    ["an empty user handle", {}, { user_handle: "" }],
    ["a user handle of its passkey that is too long", { user_handle: "A".repeat(88) }],
    ["a user handle of its passkey that is a number", { user_handle: 7 }],
    ["no passkey", {}, { passkeys: [] }],
    ["21 passkeys", {}, { passkeys: Array(21).fill(passkey) }],
    ["an id twice", {}, { passkeys: [passkey, passkey] }],
    ["a user handle alone", {}, { passkeys: undefined }],
  ];
  const cases = wrongLines.map(([name, change, line = {}]) => ({ name, change, line }));
  it.each(cases)("a line with $name is wrong, and the reason contains nothing of it", ({ change, line }) => {
    const { wrong } = read(change, line) as { readonly wrong: string };
    expect(wrong).toMatch(/^[A-Z].*\.$/);
    expect(wrong).not.toContain("AAAA");
  });

  it("a passkey is wrong without AMPHO_APP_URL", () => {
    const line = JSON.stringify({ login: "ann", user_handle: "AAAA", passkeys: [passkey] });
    expect(readImportLine(line, 1)).toMatchObject({ wrong: expect.stringContaining("AMPHO_APP_URL") });
  });
});
