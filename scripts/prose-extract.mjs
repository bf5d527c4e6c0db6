// Finds the prose of a file: pages of Markdown, comments, messages and test titles. A parser reads each language, because strings contain `//`.
// A block is { kind, line, lines }: its kind (page, comment, message, title, suite), its first line in the file, and its text.
import { parseSync } from "oxc-parser";
import { Lexer } from "yaml";

const script = /\.(?:[cm]?[jt]s|[jt]sx)$/;
const hashComments = /(?:\.(?:conf|service|py|sh|toml|dockerignore)|Caddyfile|Dockerfile|\/run)$/;

/** The blocks of a file, by its name. */
export function blocksOf(name, source) {
  if (name.endsWith(".md")) return [{ kind: "page", line: 1, text: source }];
  if (script.test(name)) return scriptBlocks(name, source);
  if (/\.(?:ya?ml|json|jsonc)$/.test(name)) return yamlBlocks(source);
  if (name.endsWith(".sql")) return lineComments(source, /^\s*-- ?/);
  if (hashComments.test(name)) return lineComments(source, /^\s*# ?/);
  if (/\.(?:vue|svelte|astro|html)$/.test(name)) return embeddedScripts(name, source);
  return [];
}

/** The comments of a code block in a page. A snippet need not be a whole program. */
export function snippetComments(language, source) {
  if (/^(?:[cm]?[jt]sx?|typescript|javascript)$/.test(language))
    return scriptBlocks(`snippet.${/x$/.test(language) ? "tsx" : "ts"}`, source).filter(
      ({ kind }) => kind === "comment",
    );
  if (/^(?:sh|bash|shell|console|yaml|yml|toml|ini|conf|nginx|dockerfile|python|caddy|caddyfile)$/.test(language))
    return lineComments(source, /^\s*# ?/);
  return language === "sql" ? lineComments(source, /^\s*-- ?/) : [];
}

function scriptBlocks(name, source) {
  const { program, comments } = parseSync(name, source);
  const lineOf = lineFinder(source);
  const isTest = /(?:^|\/)test\//.test(name);
  const isSource = /(?:^|\/)(?:src|bench|scripts(?!\/docs))\//.test(name);
  const blocks = commentBlocks(comments, source, lineOf);
  const names = new Map();
  walk(program, (node, parent, key) => {
    if (node.type === "Identifier" && !names.has(node.name)) names.set(node.name, lineOf(node.start));
    if (isTest && node.type === "CallExpression") {
      const caller = rootOf(node.callee);
      // `test.expect.poll(…).toBe("x")` starts with `test` too, and declares no test.
      const declares = /^(?:it|test|describe)$/.test(caller) && !mentions(node.callee, "expect");
      const title = declares ? stringOf(node.arguments[0]) : undefined;
      if (title !== undefined)
        blocks.push({
          kind: caller === "describe" ? "suite" : "title",
          line: lineOf(node.arguments[0].start),
          text: title,
        });
    }
    if (isSource) {
      if (/^(?:TSLiteralType|ImportDeclaration|ExportNamedDeclaration|ExportAllDeclaration)$/.test(node.type))
        return node.type === "ExportNamedDeclaration" && node.source === null;
      const text = stringOf(node);
      if (text === undefined) return true;
      const named = parent?.type === "Property" && key === "value" ? (parent.key.name ?? parent.key.value) : "";
      if (isMessage(text, named)) blocks.push({ kind: "message", line: lineOf(node.start), text });
      return node.type === "TemplateLiteral";
    }
    return true;
  });
  return [...blocks, ...[...names].map(([text, line]) => ({ kind: "name", line, text }))];
}

const helpNames = /^(?:description|summary|help|message|detail|hint|effect|meaning|fix|advice|text|note|usage|why)$/;
const codeStart = /^\s*(?:local|import|function|const|:root)\b.*\n/;
const sqlStart =
  /^\W*(?:select|insert|update|delete|with|create|alter|drop|begin|commit|set|lock|pragma|grant|where|order by|from|on conflict|values|returning|union|exists|case|coalesce)\b/;
const sentenceWords = /\b(?:the|an?|is|are|be|must|can|not|no|to|of|for|with|and|has|was|its|only)\b/;

/** A string that people read: a sentence, a part of one, or the value of a member that holds help. */
function isMessage(text, name) {
  const count = (text.match(/[\p{L}'’-]{2,}/gu) ?? []).length;
  if (helpNames.test(name)) return count >= 2;
  if (count < 3 || sqlStart.test(text) || codeStart.test(text)) return false;
  return sentenceWords.test(text) || (/^[A-Z]/.test(text) && /[.!?]$/.test(text));
}

/** The value of a string, a template or a sum of them, with a placeholder for each computed part. Other nodes give undefined. */
function stringOf(node) {
  if (node?.type === "Literal") return typeof node.value === "string" ? node.value : undefined;
  if (node?.type === "TemplateLiteral")
    return node.quasis.map(({ value }, at) => (at === 0 ? "" : placeholder) + (value.cooked ?? value.raw)).join("");
  if (node?.type !== "BinaryExpression" || node.operator !== "+") return undefined;
  const [left, right] = [stringOf(node.left), stringOf(node.right)];
  if (left === undefined && right === undefined) return undefined;
  return (left ?? placeholder) + (right ?? placeholder);
}

/** It stands for code or a computed value in a text that is checked, and counts as one word. */
export const placeholder = "Xcode";

function rootOf(node) {
  if (node.type === "Identifier") return node.name;
  if (node.type === "MemberExpression") return rootOf(node.object);
  return node.type === "CallExpression" ? rootOf(node.callee) : "";
}

/** Returns whether a chain of members and calls has a member of this name. */
function mentions(node, name) {
  if (node.type === "MemberExpression") return node.property.name === name || mentions(node.object, name);
  return node.type === "CallExpression" && mentions(node.callee, name);
}

function walk(node, visit, parent, key) {
  if (visit(node, parent, key) === false) return;
  for (const [name, value] of Object.entries(node))
    for (const child of Array.isArray(value) ? value : [value])
      if (typeof child?.type === "string") walk(child, visit, node, name);
}

/** Comments as blocks. Lines with `//` that follow each other are one block. */
function commentBlocks(comments, source, lineOf) {
  const blocks = [];
  let before;
  for (const { type, value, start, end } of comments) {
    const line = lineOf(start);
    const alone = source.slice(source.lastIndexOf("\n", start - 1) + 1, start).trim() === "";
    if (type === "Line" && alone && before?.next === line) {
      before.text += `\n${value.replace(/^\/?\s?/, "")}`;
      before.next = line + 1;
      continue;
    }
    const text =
      type === "Line"
        ? value.replace(/^\/?\s?/, "")
        : value
            .replace(/^\*/, " ")
            .split("\n")
            .map((each) => each.replace(/^\s*\*? ?/, ""))
            .join("\n");
    const block = { kind: "comment", line, text, next: type === "Line" && alone ? lineOf(end) + 1 : undefined };
    blocks.push(block);
    before = block;
  }
  return blocks.map(({ kind, line, text }) => ({ kind, line, text: withoutTags(text) }));
}

/** The text without directives of tools, examples and names of TSDoc tags. The number of lines stays. */
function withoutTags(text) {
  let example = false;
  return text
    .split("\n")
    .map((line) => {
      if (/^\s*@(?:example|param|returns|template|throws)\b/.test(line)) example = /^\s*@example/.test(line);
      if (example || /^\s*(?:@ts-|@vitest|@type\b|@typedef|<reference|#region|#endregion)/.test(line)) return "";
      return line
        .replace(/^\s*biome-ignore [\w/]+:\s*/, "")
        .replace(/^\s*oxlint-disable\S* \S+( --)?/, "")
        .replace(/^\s*@(?:param|template)\s+[\w.]+\s*-?|^\s*@\w+/, "- ");
    })
    .join("\n")
    .replace(/\{@link ([^}|\s]+)[^}]*\}/g, "`$1`");
}

function yamlBlocks(source) {
  const blocks = [];
  let line = 1;
  let before;
  for (const token of new Lexer().lex(source)) {
    if (token.startsWith("#")) {
      const text = token.replace(/^# ?/, "");
      if (before?.next === line) before.text += `\n${text}`;
      else before = push(blocks, { kind: "comment", line, text });
      before.next = line + 1;
    } else if (/^['"]?[A-Z]/.test(token) && isMessage(token, "")) blocks.push({ kind: "message", line, text: token });
    line += token.split("\n").length - 1;
  }
  return blocks.map(({ kind, line: first, text }) => ({ kind, line: first, text }));
}

function lineComments(source, mark) {
  const blocks = [];
  let open;
  source.split("\n").forEach((text, at) => {
    if (!mark.test(text) || text.startsWith("#!")) open = undefined;
    else if (open !== undefined) open.text += `\n${text.replace(mark, "")}`;
    else open = push(blocks, { kind: "comment", line: at + 1, text: text.replace(mark, "") });
  });
  return blocks;
}

function push(blocks, block) {
  blocks.push(block);
  return block;
}

function embeddedScripts(name, source) {
  const lineOf = lineFinder(source);
  return [...source.matchAll(/(?:^---\n|<script[^>]*>)([\s\S]*?)(?:^---$|<\/script>)/gm)].flatMap((match) => {
    const first = lineOf(match.index + match[0].indexOf(match[1]));
    return scriptBlocks(`${name}.ts`, match[1]).map((block) => ({ ...block, line: block.line + first - 1 }));
  });
}

function lineFinder(source) {
  const starts = [0];
  for (let at = source.indexOf("\n"); at !== -1; at = source.indexOf("\n", at + 1)) starts.push(at + 1);
  return (offset) => {
    let [low, high] = [0, starts.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (starts[middle] <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  };
}
