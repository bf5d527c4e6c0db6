// What the site does with the Markdown of the repository, which stays readable on GitHub and npm.
import { siteLink } from "./pages.mjs";

export function configure(md) {
  const { rules } = md.renderer;
  rules.table_open = (tokens, at, options, _env, self) => self.renderToken(tokens, at, options);
  const code = rules.code_inline;
  // Long names can break after these characters.
  rules.code_inline = (tokens, at, ...rest) => {
    const html = code(tokens, at, ...rest);
    return tokens[at].content.length < 14 ? html : html.replace(/(?<=[\w\]][/_.=:(])(?=\w)(?![^<]*>)/g, "<wbr>");
  };
  md.core.ruler.push("ampho", ({ tokens, env, Token }) => {
    rewriteLinks(tokens, env.relativePath);
    labelCells(tokens);
    framePictures(tokens);
    groupTabs(tokens, (html) => Object.assign(new Token("html_block", "", 0), { content: html }));
  });
}

/** The text of an inline token, without the mark that links a heading to itself. */
const textOf = ({ children }) =>
  children
    .map(({ type, content }) => (type === "text" || type === "code_inline" ? content : ""))
    .join("")
    .trim();

function rewriteLinks(tokens, page) {
  for (const token of tokens.flatMap(({ children }) => children ?? [])) {
    const name = token.type === "link_open" ? "href" : token.type === "image" ? "src" : undefined;
    if (name !== undefined) token.attrSet(name, siteLink(page, token.attrGet(name)));
  }
}

/** On a phone a wide picture scrolls inside its frame. */
function framePictures(tokens) {
  for (const [at, { type, children }] of tokens.entries()) {
    if (type !== "inline" || children.length !== 1 || children[0].type !== "image") continue;
    tokens[at - 1].attrSet("class", "picture");
    tokens[at - 1].attrSet("tabindex", "0");
  }
}

const roles = { table: "table", thead: "rowgroup", tbody: "rowgroup", tr: "row", th: "columnheader", td: "cell" };

/**
 * On a phone a wide table becomes a list of its rows, so each cell carries the title of its column. The roles keep what
 * a screen reader says of a table. An empty title is no title.
 */
function labelCells(tokens) {
  let titles = [];
  let column = 0;
  let table;
  for (const [at, token] of tokens.entries()) {
    if (token.nesting === 1 && token.tag in roles) token.attrSet("role", roles[token.tag]);
    if (token.type === "table_open") {
      titles = [];
      table = token;
    } else if (token.type === "tr_open") column = 0;
    else if (token.type === "th_open") {
      const title = textOf(tokens[at + 1]);
      titles.push(title);
      if (titles.length === 3) table.attrJoin("class", "wide");
      if (titles.length === 4) table.attrJoin("class", "dense");
      if (title === "") {
        token.tag = tokens[at + 2].tag = "td";
        token.attrSet("role", "cell");
      }
    } else if (token.type === "thead_close" && titles.join("") === "") {
      for (let from = at; tokens[from] !== table; from--) tokens[from].hidden = true;
    } else if (token.type === "td_open") token.attrSet("data-title", titles[column++] ?? "");
  }
}

/**
 * `<!-- tabs -->` and `<!-- /tabs -->` stand around consecutive sections. Each section becomes a tab, and its heading is
 * the name of the tab.
 */
function groupTabs(tokens, html) {
  for (let at = 0; at < tokens.length; at++) {
    if (tokens[at].type !== "html_block" || tokens[at].content.trim() !== "<!-- tabs -->") continue;
    const end = tokens.findIndex(({ content }, index) => index > at && content.trim() === "<!-- /tabs -->");
    const level = tokens[at + 1]?.tag;
    if (end < 0 || tokens[at + 1].type !== "heading_open") throw new Error("Tabs need a heading first, and an end.");
    const inside = tokens.slice(at + 1, end);
    const names = [];
    const grouped = inside.flatMap((token, index) => {
      if (token.type !== "heading_open" || token.tag !== level) return [token];
      names.push(textOf(inside[index + 1]));
      return [html(`${names.length > 1 ? "</template>" : ""}<template #tab${names.length - 1}>\n`), token];
    });
    const labels = JSON.stringify(names).replaceAll('"', "&quot;");
    tokens.splice(
      at,
      end - at + 1,
      html(`<DocTabs :labels="${labels}">\n`),
      ...grouped,
      html("</template></DocTabs>\n"),
    );
  }
}
