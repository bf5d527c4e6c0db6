// Writes a message as a mail (RFC 5322) of two alternatives (RFC 2046 §5.1.4) in quoted-printable (RFC 2045 §6.7). A
// mail server and the folder of `file:` get the same bytes from here. So the mails that tests and developers read are
// those that are sent, `file:` needs no package, and nodemailer parses no address and no header. A header value has no
// line break but that of a folded line, so no value can begin another header.

import { MailFailure } from "./mail-failure.js";
import type { Message, Sender } from "./message.js";

/** The encoded line is at most 76 characters long (RFC 2045 §6.7, rule 5), and one of them is the final `=`. */
const lineMaxCharacters = 75;
/** An encoded word has at most 75 characters (RFC 2047 §2). 45 octets are 60 in base64, and the frame has 12. */
const wordMaxOctets = 45;

/**
 * Throws a permanent MailFailure for a value that cannot stand in a header.
 * @param now Unix seconds, the time of the header `Date`
 */
export function composeMime(message: Message, now: number): string {
  const { id, to, from, language } = message;
  if (!/^[\w-]{1,64}$/.test(id)) throw unfit("Message-ID");
  // Quoted-printable writes each `=` as `=3D`, so no line of a part can be this boundary.
  const boundary = `=_${id}`;
  const domain = from.address.slice(from.address.indexOf("@") + 1);
  const headers: readonly (readonly [name: string, value: string])[] = [
    ["From", sender(from)],
    ["To", to],
    ["Subject", words(message.subject)],
    ["Date", new Date(now * 1000).toUTCString().replace("GMT", "+0000")],
    ["Message-ID", `<${id}@${domain}>`],
    // RFC 3834 §5: programs such as vacation replies ignore this mail.
    ["Auto-Submitted", "auto-generated"],
    // The same for Exchange, which does not know RFC 3834.
    ["X-Auto-Response-Suppress", "All"],
    ["Content-Language", language],
    ["MIME-Version", "1.0"],
    ["Content-Type", `multipart/alternative; boundary="${boundary}"`],
  ];
  return [
    ...headers.map(([name, value]) => header(name, value)),
    "",
    ...part(boundary, "text/plain", message.text),
    ...part(boundary, "text/html", message.html),
    `--${boundary}--`,
    "",
  ].join("\r\n");
}

const part = (boundary: string, type: string, text: string): readonly string[] => [
  `--${boundary}`,
  `Content-Type: ${type}; charset=utf-8`,
  "Content-Transfer-Encoding: quoted-printable",
  "",
  quotedPrintable(text),
];

/**
 * Only the address of a mailbox of another script has other characters than ASCII (RFC 6532 §3.2). It is one address.
 */
function header(name: string, value: string): string {
  const printable = name === "To" ? /^[^\s,;:<>()"\\\p{Cc}\p{Cs}]+@[a-z0-9.-]+$/u : /^(?:[\x20-\x7e]|\r\n )+$/;
  if (!printable.test(value)) throw unfit(name);
  return `${name}: ${value}`;
}

const unfit = (name: string) =>
  new MailFailure(`The mail has a value that cannot stand in the header ${name}.`, { permanent: true });

const sender = ({ name, address }: Sender): string => (name === "" ? address : `${phrase(name)} <${address}>`);

/** A display name: a quoted string (RFC 5322 §3.2.4), or encoded words. */
const phrase = (name: string): string =>
  /^[\x20-\x7e]{1,60}$/.test(name) ? `"${name.replace(/["\\]/g, "\\$&")}"` : encodedWords(name);

/** An unstructured value. A text that looks like encoded words is encoded, so that it is shown as it is. */
const words = (text: string): string =>
  /^[\x21-\x7e](?:[\x20-\x7e]{0,64}[\x21-\x7e])?$/.test(text) && !text.includes("=?") ? text : encodedWords(text);

/** RFC 2047 §4.1. A word never ends within a character (§5). */
function encodedWords(text: string): string {
  const chunks = [""];
  for (const character of text) {
    const chunk = `${chunks.at(-1) ?? ""}${character}`;
    if (Buffer.byteLength(chunk) > wordMaxOctets) chunks.push(character);
    else chunks[chunks.length - 1] = chunk;
  }
  return chunks.map((chunk) => `=?utf-8?B?${Buffer.from(chunk).toString("base64")}?=`).join("\r\n ");
}

const quotedPrintable = (text: string): string =>
  text.replace(/\r\n?/g, "\n").replace(/\n$/, "").split("\n").map(quotedLine).join("\r\n");

function quotedLine(text: string): string {
  const tokens = [...Buffer.from(text)].map((octet) => quotedOctet(octet));
  // A blank at the end of a line would be removed on the way (rule 3).
  const last = tokens.at(-1);
  if (last === " " || last === "\t") tokens[tokens.length - 1] = last === " " ? "=20" : "=09";
  let [line, lines] = ["", ""];
  for (const token of tokens) {
    if (line.length + token.length > lineMaxCharacters) [lines, line] = [`${lines}${line}=\r\n`, ""];
    line += token;
  }
  return lines + line;
}

function quotedOctet(octet: number): string {
  const isLiteral = (octet >= 0x20 && octet <= 0x7e && octet !== 0x3d) || octet === 0x09;
  return isLiteral ? String.fromCharCode(octet) : `=${octet.toString(16).toUpperCase().padStart(2, "0")}`;
}
