// TOTP codes against the vectors of the RFCs. totp-oracle.test.ts compares them with another implementation.
import { describe, expect, it } from "vitest";
import { encodeBase32, standardAlphabet } from "../../../dist/crypto/base32.js";
import { findStep, otpauthUri, parseTotp, totpCode, totpSecretText } from "../../../dist/factors/totp/totp.js";
import { readVectors } from "../../tokens/vectors.js";

interface HotpVectors {
  readonly secret: string;
  readonly values: readonly { readonly count: number; readonly hotp: string }[];
}

interface TotpVectors {
  readonly secret: string;
  readonly values: readonly { readonly time: number; readonly totp: string }[];
}

const hotp = readVectors<HotpVectors>("otp/rfc4226.json");
const totp = readVectors<TotpVectors>("otp/rfc6238.json");
const seed = Buffer.from(totp.secret);

describe("the code of a step", () => {
  it.each(hotp.values)("the code of counter $count is $hotp (RFC 4226, appendix D)", ({ count, hotp: code }) => {
    expect(totpCode(Buffer.from(hotp.secret), count)).toBe(code);
  });

  it.each(totp.values)(
    "the time $time has the last six digits of $totp (RFC 6238, appendix B)",
    ({ time, totp: code }) => {
      expect(findStep(seed, code.slice(-6), time)).toBe(Math.floor(time / 30));
    },
  );
});

describe("the search for a step", () => {
  const time = 1_790_000_010;
  const step = time / 30;

  it("the search finds the present step, the one before and the one after, and no other", () => {
    for (const offset of [-1, 0, 1]) expect(findStep(seed, totpCode(seed, step + offset), time)).toBe(step + offset);
    for (const offset of [-3, -2, 2, 3]) expect(findStep(seed, totpCode(seed, step + offset), time)).toBeUndefined();
  });

  it("a code is found in 90 seconds and not a second longer", () => {
    const code = totpCode(seed, step);
    const found = (seconds: number) => findStep(seed, code, time + seconds) === step;
    expect([-31, -30, 0, 59, 60].map(found)).toEqual([false, true, true, true, false]);
  });

  it("a code of another length is never found", () => {
    const code = totpCode(seed, step);
    for (const other of ["", code.slice(1), `${code}0`, `0${code}`, code.replace(/./, "１")])
      expect(findStep(seed, other, time)).toBeUndefined();
  });

  it("the search works in the first half minute of 1970", () => {
    expect(findStep(seed, totpCode(seed, 0), 0)).toBe(0);
    expect(findStep(seed, totpCode(seed, 1), 0)).toBe(1);
  });
});

describe("the form of a code", () => {
  it.each(["123456", "123 456", "1 2 3 4 5 6", " 123456 ", "12  34  56"])("the text %j is a code", (text) => {
    expect(parseTotp(text)).toBe("123456");
  });

  it.each([
    "",
    " ",
    "12345",
    "1234567",
    "123 4567",
    "12345a",
    "abcdef",
    "-12345",
    "+12345",
    "1.2345",
    "0x1234",
    "１２３４５６",
    "١٢٣٤٥٦",
    "123456\n",
    "123\t456",
    "123\u00a0456",
    "123-456",
    "12345\u0000",
  ])("the text %j is no code", (text) => {
    expect(parseTotp(text)).toBeUndefined();
  });

  it("a code can begin with zeros", () => {
    expect(parseTotp("000 123")).toBe("000123");
  });
});

describe("the text of a seed", () => {
  it.each([
    ["", ""],
    ["f", "MY"],
    ["fo", "MZXQ"],
    ["foo", "MZXW6"],
    ["foob", "MZXW6YQ"],
    ["fooba", "MZXW6YTB"],
    ["foobar", "MZXW6YTBOI"],
  ])("the bytes of %j are %j in Base32 (RFC 4648 §10)", (text, encoded) => {
    expect(encodeBase32(Buffer.from(text), standardAlphabet)).toBe(encoded);
  });

  it("a seed of 160 bits has 32 characters", () => {
    expect(totpSecretText(seed)).toBe("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
  });
});

describe("the URI for an authenticator", () => {
  const parameters = "algorithm=SHA1&digits=6&period=30";
  const secret = "secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

  it("the URI names the issuer twice, as the format advises", () => {
    expect(otpauthUri(seed, "ann@example.org", "ACME & Söhne")).toBe(
      `otpauth://totp/ACME%20%26%20S%C3%B6hne:ann%40example.org?${secret}&issuer=ACME%20%26%20S%C3%B6hne&${parameters}`,
    );
  });

  it("the URI has neither prefix nor parameter without an issuer", () => {
    expect(otpauthUri(seed, "ann")).toBe(`otpauth://totp/ann?${secret}&${parameters}`);
  });

  it("a login adds no parameter, no path and no issuer to the URI", () => {
    expect(otpauthUri(seed, "a?secret=b&issuer=c#d/e:f")).toBe(
      `otpauth://totp/a%3Fsecret%3Db%26issuer%3Dc%23d%2Fe%20f?${secret}&${parameters}`,
    );
  });
});
