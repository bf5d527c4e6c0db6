// The rules of the prose linter. `check(block)` returns the violations of a block as { line, message }.
import remarkGfm from "remark-gfm";
import remarkParse from "remark-parse";
import retextEnglish from "retext-english";
import retextIndefiniteArticle from "retext-indefinite-article";
import retextRepeatedWords from "retext-repeated-words";
import retextStringify from "retext-stringify";
import { unified } from "unified";
import { visit } from "unist-util-visit";
import { VFile } from "vfile";
import { placeholder, snippetComments } from "./prose-extract.mjs";
import { nameWords, titleStarts, words } from "./prose-words.mjs";

export const limits = { sentenceWords: 30, cellCharacters: 160, columns: 120, titleWords: 3 };

const markdown = unified().use(remarkParse).use(remarkGfm);
const english = unified().use(retextEnglish).use(retextIndefiniteArticle).use(retextRepeatedWords).use(retextStringify);

const dictionary = words.map(({ pattern, write, in: kinds }) => ({
  pattern:
    pattern instanceof RegExp
      ? new RegExp(pattern, `${pattern.flags}g`)
      : new RegExp(`(?<![\\w-])(?:${pattern})(?![\\w-])`, "gi"),
  write,
  kinds,
}));
/** Names in lower case whose first letter is spoken as a letter. */
const unknownToArticles = /before `(?:https?|nginx)`/;
const verbs = new Set(titleStarts.verbs.split(" "));
const others = new Set(titleStarts.others.split(" "));

export function check({ kind, line, text }) {
  if (kind === "page") return checkMarkdown(kind, line, text, text);
  if (kind === "comment") return checkMarkdown(kind, line, text);
  if (kind === "name") return checkName(text).map((message) => ({ line, message }));
  const plain = text
    .replace(/`[^`]*`/g, placeholder)
    .replace(/https?:\/\/\S+/g, placeholder)
    .replace(/^(['"])([\s\S]*)\1$/, "$2");
  const found = checkText(kind === "suite" ? "title" : kind, plain).map(({ message }) => ({ line, message }));
  if (kind === "title") found.push(...checkTitle(text).map((message) => ({ line, message })));
  return found;
}

/** Each paragraph, heading and table cell of a page or a comment, and the width of its lines. */
function checkMarkdown(kind, first, text, page) {
  const found = [];
  const add = (line, message) => found.push({ line: first + line - 1, message });
  const tree = markdown.parse(text);
  const unwrapped = new Set();
  let opening = true;
  visit(tree, (node) => {
    // A URL without brackets becomes a link, whose text has no position.
    if (node.position === undefined) return;
    const line = node.position.start.line;
    if (/^(?:table|code|html|definition|heading)$/.test(node.type))
      for (let at = line; at <= node.position.end.line; at += 1) unwrapped.add(at);
    if (node.type === "code" && kind === "page")
      for (const comment of snippetComments(node.lang?.toLowerCase() ?? "", node.value))
        for (const violation of check(comment)) add(line + violation.line, violation.message);
    if (!/^(?:paragraph|heading|tableCell)$/.test(node.type)) return;
    const plain = plainText(node);
    const rules = kind === "comment" && !opening ? "page" : kind;
    for (const { at, message } of checkText(
      rules === "page" && kind === "comment" ? "comment-body" : rules,
      plain,
      node.type,
    ))
      add(line + at, message);
    if (node.type === "tableCell") for (const message of checkCell(node, plain)) add(line, message);
    opening = false;
  });
  if (page !== undefined)
    page.split("\n").forEach((each, at) => {
      const width = [...each.replace(/\]\([^)]*\)/g, "]()").replace(/https?:\/\/\S+/g, "")].length;
      if (width > limits.columns && !unwrapped.has(at + 1))
        add(at + 1, `the line has ${width} columns, wrap it at ${limits.columns}`);
    });
  return found;
}

/** The text of a node with a placeholder for code and addresses. The line breaks stay. */
function plainText(node) {
  if (node.type === "text") return node.value.replace(/https?:\/\/\S+/g, placeholder);
  if (node.type === "inlineCode") return placeholder + "\n".repeat(node.position.end.line - node.position.start.line);
  if (node.type === "break") return "\n";
  return (node.children ?? []).map(plainText).join("");
}

/** Words, joined sentences, length of sentences, articles and repeated words of a text. */
function checkText(kind, text, type = "paragraph") {
  const found = [];
  const lineAt = (offset) => text.slice(0, offset).split("\n").length - 1;
  const kinds = kind === "comment-body" ? [] : [kind];
  for (const { pattern, write, kinds: only } of dictionary) {
    if (only !== undefined && !only.some((each) => kinds.includes(each))) continue;
    if (type === "heading" && pattern.source.includes("Who|What")) continue;
    for (const match of text.matchAll(pattern)) {
      const word = match[0].trim().replace(/\s+/g, " ");
      found.push({ at: lineAt(match.index), message: `"${word}": write ${write}` });
    }
  }
  for (const match of text.matchAll(/;(?=\s+\S)/g))
    found.push({ at: lineAt(match.index), message: "a semicolon joins two sentences: write two, or a list" });
  const file = new VFile(text);
  const tree = english.parse(file);
  visit(tree, "SentenceNode", (sentence) => {
    let count = 0;
    let written = 0;
    visit(sentence, "WordNode", (word) => {
      count += 1;
      written += text.slice(word.position.start.offset, word.position.end.offset) === placeholder ? 0 : 1;
    });
    // A list of names of code is no sentence.
    if (written > 0 && count > limits.sentenceWords)
      found.push({
        at: sentence.position.start.line - 1,
        message: `a sentence has ${count} words, ${limits.sentenceWords} are the most: "${beginning(text, sentence)} …"`,
      });
  });
  english.runSync(tree, file);
  for (const { reason, line, actual } of file.messages)
    if (!`${reason}${actual}`.includes(placeholder) && !unknownToArticles.test(reason))
      found.push({ at: (line ?? 1) - 1, message: reason });
  return found;
}

function beginning(text, { position }) {
  return text.slice(position.start.offset, position.end.offset).split(/\s+/).slice(0, 6).join(" ");
}

function checkCell(node, plain) {
  const messages = [];
  const length = [...shownText(node)].length;
  if (length > limits.cellCharacters)
    messages.push(`a table cell has ${length} characters, ${limits.cellCharacters} are the most`);
  let sentences = 0;
  visit(english.parse(new VFile(plain)), "SentenceNode", () => {
    sentences += 1;
  });
  if (sentences > 1) messages.push(`a table cell has ${sentences} sentences, one is the most`);
  return messages;
}

function shownText(node) {
  return node.value ?? (node.children ?? []).map(shownText).join("");
}

/** The words of a name in camel case. */
function checkName(name) {
  if (name.includes("_")) return [];
  const parts = name.split(/(?=[A-Z])/).map((part) => part.toLowerCase());
  return nameWords
    .filter(({ pattern }) => parts.some((part) => pattern.test(part)))
    .map(({ write }) => `the name "${name}": write ${write}`);
}

function checkTitle(text) {
  const title = text.trim();
  if (/^[%$]\w+$/.test(title)) return []; // The row of the table holds the title.
  const [start = ""] = title.split(/[\s,]+/);
  const messages = [];
  if (title.split(/\s+/).length < limits.titleWords)
    messages.push(`the title "${title}" has fewer than ${limits.titleWords} words`);
  if (/(?<!\.)\.$/.test(title)) messages.push(`the title "${title}" ends with a period`);
  if (verbs.has(start)) messages.push(`the title "${title}" begins with a verb: write its subject`);
  if (others.has(start)) messages.push(`the title "${title}" begins with "${start}": begin with its subject`);
  return messages;
}
