// Composes the text of a mail: the same order of sentences in every language, or the application's own text.
import { within } from "../../clock.js";
import { ConfigurationError } from "../../errors.js";
import { MailFailure } from "../mail-failure.js";
import { alarmEffectOf, isNotice, type MailKind, type MailValues, type NoticeKind } from "./kinds.js";
import type { MailLanguage } from "./mail-languages.js";
import type { Phrases } from "./texts.js";

export type MailText = Readonly<Record<keyof ReplacedText, string>>;

/** The values as the option `mailText` gets them. */
export interface ReplacementValues extends MailValues {
  readonly language: string;
}

/**
 * The option `mailText` of createAmpho. Returns the application's text, or undefined for Ampho's own. Without `html`,
 * Ampho renders the text as HTML. The code has the form `12 34 56 78`.
 * @example
 * const mailText: ReplaceText = (kind, { code, language }) =>
 *   kind === "login" && language === "en" ? { subject: "Your code", text: `Your code is ${code}.` } : undefined;
 * await createAmpho({ mailText });
 */
export type ReplaceText = (
  kind: MailKind,
  values: ReplacementValues,
) => ReplacedText | undefined | Promise<ReplacedText | undefined>;

export interface ReplacedText {
  readonly subject: string;
  readonly text: string;
  readonly html?: string | undefined;
}

/** With the 35 s of a transport, this ends before another process takes the mail (outbox.ts). */
const replaceMs = 10_000;

/** Rejects with MailFailure if `replace` fails, and with ConfigurationError if it returns a text that is no mail. */
export async function composeMail(
  kind: MailKind,
  values: MailValues,
  language: MailLanguage,
  replace?: ReplaceText,
): Promise<MailText> {
  const { code } = values;
  const { phrases, kinds } = language.texts;
  const shown = { ...values, language: language.tag, ...(code !== undefined && { code: formatCode(code) }) };
  const replaced = replace && (await replacedBy(replace, kind, shown));
  if (replaced !== undefined) return checkText(replaced, language);
  const lines = kinds[kind].split("\n").map((line) => fill(line.trim(), shown, phrases));
  const [subject = ""] = lines;
  const parts = partsOf(kind, shown, lines.slice(1), phrases);
  return { subject, text: renderText(parts), html: renderHtml(language, subject, parts) };
}

/** The error of the application can contain the code and the links, so only the fact is reported. */
async function replacedBy(replace: ReplaceText, kind: MailKind, values: ReplacementValues) {
  const late = () => new MailFailure(`The option mailText did not settle within ${replaceMs / 1000} s.`);
  try {
    return await within(replaceMs, replace(kind, values), late);
  } catch (error) {
    throw error instanceof MailFailure ? error : new MailFailure("The option mailText failed.", { cause: error });
  }
}

/** Pairs are easier to read and to type than eight digits in a row. */
const formatCode = (code: string): string => code.replace(/\d{2}(?=\d)/g, "$& ");

/** `lines`: the paragraph that states what happened, and a last sentence of the kind, where it has one. */
function partsOf(
  kind: MailKind,
  values: ReplacementValues,
  lines: readonly string[],
  phrases: Phrases,
): readonly Part[] {
  const { code, link, minutes, time, browser, language } = values;
  const [intro = "", otherwise = isNotice(kind) ? phrases.ifYou : phrases.ignore] = lines;
  const open = code === undefined ? phrases.openLink : phrases.orOpenLink;
  const valid = (given: number) => phrases.valid.replace("{duration}", durationOf(given, language));
  const isNotified = isNotice(kind);
  const origin = optional(isNotified ? phrases.happened : phrases.requested, browser !== undefined)
    .replace("{browser}", browser === "unknown" ? phrases.unknownBrowser : (browser ?? ""))
    .replace("{time}", timeOf(time ?? 0, isNotified || kind === "email_later"));
  return [
    { text: intro },
    ...(code === undefined ? [] : [{ text: phrases.enterCode }, { code }]),
    ...(link === undefined ? [] : [{ text: open }, { link, label: phrases.linkLabel }]),
    ...(minutes === undefined ? [] : [{ text: valid(minutes) }]),
    ...(code === undefined ? [] : [{ text: fill(phrases.secret, values, phrases) }]),
    ...(code === undefined || link === undefined ? [] : [{ text: phrases.match }]),
    ...(time === undefined ? [] : [{ text: origin }]),
    ...(otherwise === "" ? [] : [{ text: otherwise }]),
    ...(!isNotified && values.alarm !== undefined ? [{ link: values.alarm, label: phrases.alarmLabel }] : []),
    ...(isNotified ? alarmOf(kind, values, phrases) : []),
  ];
}

function alarmOf(kind: NoticeKind, values: MailValues, phrases: Phrases): readonly Part[] {
  const effect = alarmEffectOf(kind);
  const { alarm: link } = values;
  const { alarm, alarmDeleted, alarmLabel: label, afterAlarm } = phrases;
  if (link === undefined || effect === "none") return [];
  if (effect === "informs") return [{ text: fill(alarmDeleted, values, phrases) }, { link, label }];
  return [{ text: alarm }, { link, label }, { text: afterAlarm }];
}

/** A phrase with the part in brackets, or without it. */
const optional = (phrase: string, applies: boolean): string => phrase.replace(/\[(.*?)\]/, applies ? "$1" : "");

/** The time has one form in all languages. A notice has the date, because it can be sent late and read later. */
function timeOf(unixSeconds: number, isDated: boolean): string {
  const [date = "", time = ""] = new Date(unixSeconds * 1000).toISOString().split("T");
  return `${isDated ? `${date} ` : ""}${time.slice(0, 5)} UTC`;
}

/** A whole number of days or hours is shown as such. */
function durationOf(minutes: number, language: string): string {
  const [count, unit] =
    minutes % 1440 === 0 ? [minutes / 1440, "day"] : minutes % 60 === 0 ? [minutes / 60, "hour"] : [minutes, "minute"];
  return count.toLocaleString(language, { style: "unit", unit, unitDisplay: "long", useGrouping: false });
}

/** A part in brackets is left out if its value is missing, and one without a value unless an operator did it. */
function fill(phrase: string, values: MailValues, { changes }: Pick<Phrases, "changes">): string {
  const { app, login, contact, change, to, from } = values;
  const date = from === undefined ? undefined : timeOf(from, true).slice(0, 10);
  const named = { app, login, contact, change: change && changes[change], to, date };
  const shown = phrase.replace(/\[([^\]]*)\]/g, (_, part: string) =>
    (part.includes("{login}") ? login : part.includes("{contact}") ? contact : values.isByOperator) ? part : "",
  );
  // One pass, because a value can look like a placeholder.
  return shown.replace(/\{(app|login|contact|change|to|date)\}/g, (_, name: keyof typeof named) => named[name] ?? "");
}

function renderText(parts: readonly Part[]): string {
  const lines = parts.map((part) => ("text" in part ? part.text : "code" in part ? part.code : part.link));
  return `${lines.join("\n\n")}\n`;
}

/** A control character in a subject could begin another header. */
function checkText(given: ReplacedText, language: MailLanguage): MailText {
  const { subject, text, html } = given;
  if (typeof subject !== "string" || subject === "" || /\p{Cc}/u.test(subject))
    throw new ConfigurationError("mailText must return a subject of one line without control characters.");
  if (typeof text !== "string" || text === "")
    throw new ConfigurationError("mailText must return a text that is not empty.");
  if (html !== undefined && typeof html !== "string")
    throw new ConfigurationError("mailText must return html as a text, or without html.");
  const parts = text.split(/\n{2,}/).map((paragraph) => ({ text: paragraph.trim() }));
  return { subject, text, html: html ?? renderHtml(language, subject, parts) };
}

/** A paragraph, a code alone on its line, or a link. */
type Part = { readonly text: string } | { readonly code: string } | { readonly link: string; readonly label: string };

const entities: Readonly<Record<string, string>> = { "&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "#39" };

export const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (each) => `&${entities[each]};`);

function renderPart(part: Part): string {
  if ("text" in part) return `<p>${escapeHtml(part.text).replaceAll("\n", "<br>\n")}</p>`;
  if ("code" in part)
    return `<p dir="ltr" style="font-family:monospace;font-size:24px;text-align:start">${escapeHtml(part.code)}</p>`;
  return `<p><a href="${escapeHtml(part.link)}">${escapeHtml(part.label)}</a></p>`;
}

const renderHtml = (
  { tag, direction }: MailLanguage,
  subject: string,
  parts: readonly Part[],
): string => `<!doctype html>
<html lang="${tag}" dir="${direction}">
<head><meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>${escapeHtml(subject)}</title></head>
<body style="font-family:sans-serif;line-height:1.5;max-width:600px">
${parts.map(renderPart).join("\n")}
</body>
</html>
`;
