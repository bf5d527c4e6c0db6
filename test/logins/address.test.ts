// E-mail addresses: one mailbox each, in one compared form, and everything else is rejected.
import { readFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mailAddress } from "../../dist/config/kinds.js";
import { parseAddress } from "../../dist/logins/address.js";
import { canonicalLogin } from "../../dist/logins/login-name.js";

const naughty = JSON.parse(
  readFileSync(new URL("../vectors/naughty-strings/blns.json", import.meta.url), "utf8"),
) as readonly string[];

describe("an address that is accepted", () => {
  it.each([
    ["ann@example.com", "ann@example.com", "ann@example.com"],
    ["Ann@Example.COM", "Ann@example.com", "ann@example.com"],
    ["ann+shop@example.com", "ann+shop@example.com", "ann+shop@example.com"],
    ["o'hara.ann_1-2@sub.example.co.uk", "o'hara.ann_1-2@sub.example.co.uk", "o'hara.ann_1-2@sub.example.co.uk"],
    ["ann=list&co~a#b$c*d/e^g{h}@example.com", undefined, "ann=list&co~a#b$c*d/e^g{h}@example.com"],
    ["ann@bücher.example", "ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example"],
    ["ann@BÜCHER.example", "ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example"],
    ["ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example"],
    ["ann@xn--zckzah.example", "ann@xn--zckzah.example", "ann@xn--zckzah.example"],
    ["用户@例子.example", "用户@xn--fsqu00a.example", "用户@xn--fsqu00a.example"],
    ["Пётр@пример.example", "Пётр@xn--e1afmkfd.example", "пётр@xn--e1afmkfd.example"],
    ["ann@1.example", "ann@1.example", "ann@1.example"],
    ["1@2.a3", "1@2.a3", "1@2.a3"],
  ])("the address %s has one form to mail and one to compare", (text, address = text, canonical = text) => {
    expect(parseAddress(text)).toEqual({ address, canonical });
  });

  it("the local part can have 64 octets, and the address 254", () => {
    expect(parseAddress(`${"a".repeat(64)}@example.com`)).toBeDefined();
    expect(parseAddress(`${"a".repeat(65)}@example.com`)).toBeUndefined();
    expect(parseAddress(`${"é".repeat(32)}@example.com`)).toBeDefined();
    expect(parseAddress(`${"é".repeat(33)}@example.com`)).toBeUndefined();
    const domain = (length: number) => `${`${"a".repeat(60)}.`.repeat(3)}${"b".repeat(length - 187)}.com`;
    expect(domain(240)).toHaveLength(240);
    expect(parseAddress(`${"a".repeat(13)}@${domain(240)}`)?.address).toHaveLength(254);
    expect(parseAddress(`${"a".repeat(14)}@${domain(240)}`)).toBeUndefined();
    expect(parseAddress(`a@${"b".repeat(63)}.com`)).toBeDefined();
    expect(parseAddress(`a@${"b".repeat(64)}.com`)).toBeUndefined();
  });

  it("the local part has exactly the ASCII signs that the contract states", () => {
    const contract = readFileSync(path.resolve(import.meta.dirname, "../../docs/reference/contract.md"), "utf8");
    const [, stated = ""] = /local part has letters and digits of any script,\s+``(.*?)``/.exec(contract) ?? [];
    const signs = Array.from({ length: 95 }, (_, at) => String.fromCharCode(32 + at)).filter(
      (sign) => /[^a-zA-Z0-9.]/.test(sign) && parseAddress(`a${sign}b@example.com`) !== undefined,
    );
    expect(signs).toEqual(stated.split(" "));
    expect(parseAddress("a.b@example.com")).toBeDefined();
    for (const local of ["a..b", ".a", "a.", "-a"]) expect(parseAddress(`${local}@example.com`), local).toBeUndefined();
  });

  it("a composed and a decomposed letter are the same mailbox", () => {
    expect(parseAddress("Rene\u0301@example.com")).toEqual(parseAddress("René@example.com"));
  });

  it("two spellings of one domain are one address, and a look-alike domain is another one", () => {
    const latin = parseAddress("ann@apple.com");
    expect(parseAddress("ann@\u0430pple.com")?.canonical).toBe("ann@xn--pple-43d.com");
    expect(parseAddress("ann@ａpple.com")).toEqual(latin);
    expect(parseAddress("ann@xn--pple-43d.com")?.canonical).not.toBe(latin?.canonical);
  });
});

describe("a text that is rejected", () => {
  it.each([
    ["nothing", ""],
    ["no at sign", "ann.example.com"],
    ["no local part", "@example.com"],
    ["no domain", "ann@"],
    ["two at signs", "ann@bob@example.com"],
    ["a line feed", "ann@example.com\nBcc: bob@example.com"],
    ["a final line feed", "ann@example.com\n"],
    ["a carriage return", "ann\r@example.com"],
    ["CRLF", "ann@example.com\r\nRCPT TO:<bob@example.com>"],
    ["an encoded CRLF", "ann%0d%0a@example.com"],
    ["NUL", "ann\0@example.com"],
    ["a tab", "ann\t@example.com"],
    ["a space", "ann @example.com"],
    ["a leading space", " ann@example.com"],
    ["a final space", "ann@example.com "],
    ["a no-break space", "ann\u00a0@example.com"],
    ["a line separator", "ann\u2028@example.com"],
    ["a list with commas", "ann@example.com,bob@example.com"],
    ["a list with semicolons", "ann@example.com;bob@example.com"],
    ["a comma in the local part", "ann,bob@example.com"],
    ["angle brackets", "<ann@example.com>"],
    ["a display name", "Ann <ann@example.com>"],
    ["a quoted local part", '"ann"@example.com'],
    ["a quoted address in a local part", '"bob@evil.example"@example.com'],
    ["a quote", 'an"n@example.com'],
    ["a backslash", "an\\n@example.com"],
    ["a comment", "ann(comment)@example.com"],
    ["a comment in the domain", "ann@example.com(comment)"],
    ["a group", "friends:ann@example.com;"],
    ["an empty group", "undisclosed-recipients:;"],
    ["a mailto URL", "mailto:ann@example.com"],
    ["a source route", "@relay.example:ann@example.com"],
    ["a percent route", "ann%example.com@relay.example"],
    ["a bang path", "relay!ann@example.com"],
    ["an encoded word", "=?utf-8?B?YW5u?=@example.com"],
    ["an encoded word that splits the address", "=?x?q?=40=62=6f=62=40evil.example=3e=00?=ann@example.com"],
    ["an encoded word of UTF-7", "=?utf-7?q?&AGYAbwBv-?=@example.com"],
    ["a question mark", "ann?bcc=bob@example.com"],
    ["a pipe", "|id@example.com"],
    ["a backquote", "`id`@example.com"],
    ["an option of a command", "-oQ/tmp@example.com"],
    ["a leading dot", ".ann@example.com"],
    ["a final dot of the local part", "ann.@example.com"],
    ["two dots", "ann..b@example.com"],
    ["a trailing dot of the domain", "ann@example.com."],
    ["two dots in the domain", "ann@example..com"],
    ["a leading dot of the domain", "ann@.example.com"],
    ["one label", "ann@localhost"],
    ["one label that is a top level domain", "ann@com"],
    ["an IP literal", "ann@[127.0.0.1]"],
    ["an IPv6 literal", "ann@[IPv6:::1]"],
    ["an IP address", "ann@127.0.0.1"],
    ["an IP address in other digits", "ann@127.0.0.１"],
    ["a hexadecimal IP address", "ann@0x7f.1"],
    ["a number as the last label", "ann@example.123"],
    ["a port", "ann@example.com:25"],
    ["a path", "ann@example.com/x"],
    ["a query", "ann@example.com?cc=bob@example.com"],
    ["a fragment", "ann@example.com#x"],
    ["an escape in the domain", "ann@exa%6dple.com"],
    ["an underscore in the domain", "ann@exa_mple.com"],
    ["a hyphen at the start of a label", "ann@-example.com"],
    ["a hyphen at the end of a label", "ann@example-.com"],
    ["a label that is no Punycode", "ann@xn--a.com"],
    ["Punycode of plain letters", "ann@xn--abc-.com"],
    ["Punycode of upper case", "ann@xn--Bcher-Kva0.example"],
    ["an ideographic full stop", "ann@example。com"],
    ["a full-width at sign", "ann＠example.com"],
    ["a full-width local part", "ａｎｎ@example.com"],
    ["a ligature", "ﬁona@example.com"],
    ["a Cyrillic letter in a Latin local part", "\u0430nn@example.com"],
    ["a Greek letter in a Latin local part", "anν@example.com"],
    ["digits of two scripts", "ann1١@example.com"],
    ["a zero width space", "an\u200bn@example.com"],
    ["a soft hyphen", "an\u00adn@example.com"],
    ["a right-to-left override", "ann\u202e@example.com"],
    ["an invisible character in the domain", "ann@exam\u200bple.com"],
    ["a lone surrogate", "ann\ud800@example.com"],
    ["an emoji", "ann😀@example.com"],
    ["a domain of an emoji", "ann@😀.example"],
    ["a character that becomes a slash", "ann@℀.example.com"],
  ])("an address with %s is rejected", (_, text) => {
    expect(parseAddress(text)).toBeUndefined();
  });

  it.each([":", "@", ".", "a.", "a@", '"', "(", "<", ",", "-", "é", "\u0301", "ﷺ", "a-", "xn--"])(
    "ten thousand repetitions of %j are rejected at once",
    (unit) => {
      const started = process.cpuUsage();
      for (const text of [unit.repeat(10_000), `ann@${unit.repeat(10_000)}`, `${unit.repeat(250)}`])
        expect(parseAddress(text)).toBeUndefined();
      expect(process.cpuUsage(started).user / 1000).toBeLessThan(500);
    },
  );
});

describe("any text", () => {
  const parts = fc.array(
    fc.oneof(
      fc.constantFrom(
        "ann",
        "@",
        ".",
        "example",
        "com",
        " ",
        ",",
        "<",
        ">",
        '"',
        "\r\n",
        "xn--",
        "-",
        "+",
        ":",
        ";",
        "(",
        ")",
      ),
      fc.string({ unit: "binary", maxLength: 3 }),
    ),
    { maxLength: 12 },
  );
  const texts = fc.oneof(
    fc.string({ unit: "binary", maxLength: 40 }),
    parts.map((list) => list.join("")),
    fc.tuple(fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 }), fc.domain()).map(([a, b]) => `${a}@${b}`),
    fc.tuple(fc.stringMatching(/^[a-zA-Z0-9._+-]{1,12}$/), fc.domain()).map(([a, b]) => `${a}@${b}`),
    fc.constantFrom(...naughty),
  );

  it("an accepted address is one line with one at sign, in printable characters, and has one compared form", () => {
    let accepted = 0;
    fc.assert(
      fc.property(texts, (text) => {
        const parsed = parseAddress(text);
        if (parsed === undefined) return;
        accepted += 1;
        expect(parsed.address).toMatch(/^[^\s@"(),:;<>[\\\]\p{Cc}\p{Cf}]+@[a-z0-9.-]+$/u);
        expect(Buffer.byteLength(parsed.address)).toBeLessThanOrEqual(254);
        expect(parseAddress(parsed.address)).toEqual(parsed);
        expect(parseAddress(parsed.canonical)?.canonical).toBe(parsed.canonical);
      }),
      { numRuns: 5000, seed: 20260101 },
    );
    expect(accepted).toBeGreaterThan(500);
  });

  it("an address and the login with the same text have one compared form", () => {
    let [accepted, inUnicode] = [0, 0];
    const label = fc.string({
      unit: fc.constantFrom(..."aZßéΣςдЯ9-ϲ例ＡＢǰ\u0301\uFE0F.d"),
      minLength: 1,
      maxLength: 6,
    });
    const addresses = fc.tuple(label, label).map(([local, domain]) => `${local}@${domain}.example`);
    fc.assert(
      fc.property(fc.oneof(texts, addresses), (text) => {
        const parsed = parseAddress(text);
        if (parsed === undefined) return;
        accepted += 1;
        if (!/^[a-z0-9.@-]*$/i.test(text)) inUnicode += 1;
        for (const login of [text, parsed.address, parsed.canonical, text.replace("@", "＠"), `\u00ad${text}`])
          expect(canonicalLogin(login)).toBe(parsed.canonical);
      }),
      { numRuns: 5000, seed: 20260101 },
    );
    expect(Math.min(accepted, inUnicode)).toBeGreaterThan(300);
  });

  it("a login with an address of another sign for its dot or its @ has the compared form of the address", () => {
    for (const login of [
      "ann＠acme.example",
      "ann﹫acme.example",
      "ａnn@acme.example",
      "ann@acme．example",
      "ANN@ＡCME.EXAMPLE",
    ])
      expect(canonicalLogin(login)).toBe("ann@acme.example");
    expect(canonicalLogin("user@BÜCHER．example")).toBe("user@xn--bcher-kva.example");
    expect(canonicalLogin("ann@straße.example")).not.toBe(canonicalLogin("ann@strasse.example"));
  });

  it("upper case is another address to mail and the same one to compare", () => {
    fc.assert(
      fc.property(fc.emailAddress(), (text) => {
        const [lower, upper] = [parseAddress(text.toLowerCase()), parseAddress(text.toUpperCase())];
        expect(upper?.canonical).toBe(lower?.canonical);
      }),
    );
  });

  it("a domain in lower case is read as UTS #46 reads it in upper case, with numbers, hyphens and Punycode", () => {
    const label = fc.oneof(
      fc.stringMatching(/^[a-z0-9-]{1,6}$/),
      fc.constantFrom("xn--bcher-kva", "xn--abc-", "0x7f", "1", "a--b"),
    );
    const domains = fc.array(label, { minLength: 1, maxLength: 4 }).map((labels) => labels.join("."));
    fc.assert(
      fc.property(domains, (domain) => {
        const [lower, upper] = [parseAddress(`ann@${domain}`), parseAddress(`ann@${domain.toUpperCase()}`)];
        expect(lower).toEqual(upper);
      }),
      { numRuns: 5000, seed: 20260101 },
    );
  });

  it("every address that AMPHO_MAIL_FROM accepts is one address", () => {
    let accepted = 0;
    fc.assert(
      fc.property(texts, (text) => {
        if (mailAddress.parse(text) === undefined) return;
        accepted += 1;
        expect(parseAddress(text)).toBeDefined();
      }),
      { numRuns: 5000, seed: 20260101 },
    );
    expect(accepted).toBeGreaterThan(100);
  });
});
