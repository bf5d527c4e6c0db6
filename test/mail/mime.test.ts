// Mails as bytes: mailparser, the parser of others, reads what was composed, and no value begins another header.
import fc from "fast-check";
import { type AddressObject, type ParsedMail, simpleParser } from "mailparser";
import { describe, expect, it } from "vitest";
import { MailFailure } from "../../dist/mail/mail-failure.js";
import type { Message } from "../../dist/mail/message.js";
import { composeMime } from "../../dist/mail/mime.js";
import { composeMail } from "../../dist/mail/texts/compose.js";
import { languages } from "../../dist/mail/texts/language.js";
import { createMailLanguages } from "../../dist/mail/texts/mail-languages.js";
import { message } from "./message.js";

const now = Date.UTC(2026, 10, 27, 10, 14, 59) / 1000;
const parse = (changes: Partial<Message>) => simpleParser(composeMime({ ...message, ...changes }, now));
const addresses = (given: AddressObject | AddressObject[] | undefined) =>
  [given ?? []].flat().flatMap(({ value }) => value.map(({ name, address }) => ({ name, address })));
/** Without the last line break, which belongs to the boundary (RFC 2046 §5.1.1). */
const body = (text: string | false | undefined) => (text || "").replace(/\n$/, "");

function expectSame(parsed: ParsedMail, sent: Message): void {
  expect(parsed.subject).toBe(sent.subject);
  expect(addresses(parsed.to)).toEqual([{ name: "", address: sent.to }]);
  expect(addresses(parsed.from)).toEqual([sent.from]);
  expect(body(parsed.text)).toBe(body(sent.text));
  expect(body(parsed.html)).toBe(body(sent.html));
  expect(parsed.attachments).toEqual([]);
}

it.each(languages)("a mail in %s is read as it was composed", async (language) => {
  const text = await composeMail(
    "login",
    { app: "Café „Zürich“", code: "12345678", link: `https://app.example/#ampho=${"eyJ=".repeat(150)}`, minutes: 10 },
    createMailLanguages().named(language),
  );
  const sent = { ...message, ...text, language, from: { name: "Café „Zürich“", address: "no-reply@app.example" } };
  expectSame(await parse(sent), sent);
});

describe("the headers of a mail", () => {
  it("a mail has exactly the headers of the list", async () => {
    const { headerLines, date, messageId, headers } = await parse({});
    expect(headerLines.map(({ key }) => key)).toEqual([
      "from",
      "to",
      "subject",
      "date",
      "message-id",
      "auto-submitted",
      "x-auto-response-suppress",
      "content-language",
      "mime-version",
      "content-type",
    ]);
    expect(date).toEqual(new Date(now * 1000));
    expect(messageId).toBe(`<${message.id}@shop.example>`);
    expect(headers.get("auto-submitted")).toBe("auto-generated");
  });

  it("a mail that is composed twice has the same Message-ID", async () => {
    const [one, other] = [composeMime(message, now), composeMime(message, now + 60)].map((mime) => simpleParser(mime));
    expect((await one)?.messageId).toBe((await other)?.messageId);
  });

  it.each([
    ["to", { to: "ann@example.com\r\nBcc: bob@example.com" }],
    ["to", { to: "ann@example.com\n" }],
    ["to", { to: "ann@example.com\u2028x" }],
    ["to", { to: "ann@example.com,bob@example.com" }],
    ["to", { to: "Ann <ann@example.com>" }],
    ["to", { to: "friends:ann@example.com;" }],
    ["to", { to: "" }],
    ["id", { id: "a\r\nb" }],
    ["id", { id: "../a" }],
    ["id", { id: "" }],
    ["sender", { from: { name: "", address: "a@b.example\r\nBcc: c@d.example" } }],
    ["sender", { from: { name: "x", address: "a@b.example>\nBcc: c@d.example" } }],
    ["language", { language: "en\r\nBcc: c@d.example" as "en" }],
  ])("a value of %s that begins another header or recipient is rejected", (_, changes) => {
    expect(() => composeMime({ ...message, ...changes }, now)).toThrow(MailFailure);
  });

  it("the address of a mailbox in another script is read as it is", async () => {
    const { to } = await parse({ to: "用户@example.com" });
    expect(addresses(to)).toEqual([{ name: "", address: "用户@example.com" }]);
  });
});

describe("any text", () => {
  const line = fc.string({
    unit: fc.oneof(
      fc.constantFrom("=", "?", " ", "\t", '"', "\\", "<", ">", "é", "😀", ",", ":"),
      fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 1 }),
    ),
    maxLength: 200,
  });
  const subject = line.map((text) => `x${text.replace(/\t/g, " ").trim()}y`.replace(/ +/g, " "));

  it("a subject and a name of any printable text are read as they are", async () => {
    await fc.assert(
      fc.asyncProperty(subject, subject, async (one, name) => {
        const parsed = await parse({ subject: one, from: { name, address: "no-reply@shop.example" } });
        expect(parsed.subject).toBe(one);
        expect(addresses(parsed.from)).toEqual([{ name, address: "no-reply@shop.example" }]);
        expect(parsed.headerLines).toHaveLength(10);
      }),
      { numRuns: 150, seed: 20260101 },
    );
  });

  it("a text of any lines is read as it is, and every line of the mail is short", async () => {
    const text = fc.array(line, { maxLength: 10 }).map((lines) => lines.join("\n"));
    const boundaries = fc.constantFrom(
      "",
      "\n--=_id0\n",
      "\n--=_id0--\n",
      "\n.\n",
      "\r\n.\r\nMAIL FROM:<a@b.example>\r\n",
    );
    await fc.assert(
      fc.asyncProperty(text, boundaries, async (one, injected) => {
        const sent = `${one}${injected}${one}!`;
        const mime = composeMime({ ...message, text: sent, html: sent }, now);
        for (const each of mime.split("\r\n")) expect(each.length).toBeLessThanOrEqual(76);
        expect(mime).toMatch(/^[\x20-\x7e\t\r\n]*$/);
        expect(mime.replaceAll("\r\n", "")).not.toMatch(/[\r\n]/);
        const parsed = await simpleParser(mime);
        expect(body(parsed.text)).toBe(sent.replaceAll("\r\n", "\n"));
        expect(parsed.headerLines).toHaveLength(10);
        expect(parsed.attachments).toEqual([]);
      }),
      { numRuns: 150, seed: 20260101 },
    );
  });
});
