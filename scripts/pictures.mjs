// Draws the pictures of docs/pictures/ from the texts of scripts/pictures/. A line of a text is one thing of the picture:
//
//     title: …                                      the name of the picture
//     description: …                                the same in words, for readers who do not see it
//     box NAME X Y WIDTH HEIGHT: Name | line | …    a box. `ours` is a part of Ampho, `zone` an area, `ask` a question
//     arrow NAME.SIDE -> NAME.SIDE: label           SIDE is l, r, t or b, and can have an offset: `r+20`. Also `<->`
//     text X Y: words                               words beside an arrow
//
// A picture with lanes shows messages in their order. Its lines have no places:
//
//     lane NAME: Name | line                        a column
//     step: words                                   a heading across the lanes
//     message NAME -> NAME: words | words           `-->` is a response
//     note NAME, NAME: words | words                what happens inside these lanes
//
// Colours follow the reader's colour scheme. Words that do not fit stop the drawing.
import { readdirSync, readFileSync } from "node:fs";

const folder = new URL("./pictures/", import.meta.url);
const margin = 10;
const lineHeight = 18;

const style = `
    .box { fill: #f6f8fa; stroke: #57606a; } .ours { fill: #ddf4ff; stroke: #0969da; }
    .zone { fill: none; stroke: #57606a; stroke-dasharray: 6 4; } .ask { fill: #fff8c5; stroke: #9a6700; }
    text { fill: #1f2328; } .small { font-size: 14px; fill: #424a53; } .name { font-weight: 600; }
    .line { stroke: #57606a; fill: none; stroke-width: 1.5; } .reply { stroke-dasharray: 5 4; } .head { fill: #57606a; }
    .rule { stroke: #d0d7de; } .band { fill: #eaeef2; }
    @media (prefers-color-scheme: dark) {
      .box { fill: #161b22; stroke: #8b949e; } .ours { fill: #0c2d6b; stroke: #58a6ff; }
      .zone { stroke: #8b949e; } .ask { fill: #3b2300; stroke: #d29922; }
      text { fill: #e6edf3; } .small { fill: #b8c1cc; } .line { stroke: #8b949e; } .head { fill: #8b949e; }
      .rule { stroke: #30363d; } .band { fill: #21262d; }
    }
  `;

const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
const partsOf = (text) => text.split("|").map((part) => part.trim());

/** About as wide as the widest of the usual system fonts draws it. */
function widthOf(text, size) {
  const units = [...text].map((char) =>
    /[iljtfI.,:;'|!()[\] ]/.test(char) ? 0.32 : /[mwMW@—…]/.test(char) ? 0.92 : 0.56,
  );
  return size * units.reduce((sum, each) => sum + each, 0);
}

function words(text, x, y, { name = false, anchor = "middle", room = Number.POSITIVE_INFINITY } = {}) {
  if (widthOf(text, name ? 16 : 14) > room) throw new Error(`"${text}" does not fit.`);
  return `<text class="${name ? "name" : "small"}" x="${x}" y="${y}" text-anchor="${anchor}">${escaped(text)}</text>`;
}

function arrow(points, { both = false, reply = false } = {}) {
  const d = points
    .map(([x, y], at) => (at === 0 ? `M${x} ${y}` : x === points[at - 1][0] ? `V${y}` : `H${x}`))
    .join("");
  const start = both ? ' marker-start="url(#head)"' : "";
  return `<path class="line${reply ? " reply" : ""}" d="${d}" marker-end="url(#head)"${start}/>`;
}

/** The lines of a source, as { kind, rest, text }. */
function read(source) {
  return source
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.startsWith("#"))
    .map((line) => {
      const [, kind = "", rest = "", text = ""] = /^(\w+) ?([^:]*):? ?(.*)$/.exec(line) ?? [];
      return { kind, rest: rest.trim(), text: text.trim() };
    });
}

function drawBox({ kind, rest, text }, boxes) {
  const [name = "", ...numbers] = rest.split(" ");
  const [x, y, width, height] = numbers.map(Number);
  boxes.set(name, { x, y, width, height });
  const lines = partsOf(text);
  const rect = `<rect class="${kind}" x="${x}" y="${y}" width="${width}" height="${height}" rx="${kind === "ask" ? height / 2 : 8}"/>`;
  const middle = x + width / 2;
  if (kind === "zone")
    return [rect, words(lines[0], x + 12, y + 22, { name: true, anchor: "start", room: width - 24 })];
  const first = y + (height - (lines.length - 1) * lineHeight) / 2 + 5;
  if (lines.length * lineHeight + 6 > height) throw new Error(`The lines of "${lines[0]}" do not fit.`);
  return [
    rect,
    ...lines.map((line, at) => words(line, middle, first + at * lineHeight, { name: at === 0, room: width - 8 })),
  ];
}

function drawArrow({ rest, text }, boxes) {
  const [from = "", head = "", to = ""] = rest.split(/\s+/);
  const end = (place) => {
    const [, name, side, offset] = /^(\w+)\.([lrtb])([+-]\d+)?$/.exec(place) ?? [];
    const box = boxes.get(name);
    if (box === undefined) throw new Error(`The arrow names "${place}", which is no box.`);
    const shift = Number(offset ?? 0);
    const { x, y, width, height } = box;
    const across = side === "l" || side === "r";
    const at = across
      ? [x + (side === "r" ? width : 0), y + height / 2 + shift]
      : [x + width / 2 + shift, y + (side === "b" ? height : 0)];
    return { at, across };
  };
  const [a, b] = [end(from), end(to)];
  const [[ax, ay], [bx, by]] = [a.at, b.at];
  const corners = (() => {
    if (a.across && b.across)
      return ay === by
        ? []
        : [
            [(ax + bx) / 2, ay],
            [(ax + bx) / 2, by],
          ];
    if (!a.across && !b.across)
      return ax === bx
        ? []
        : [
            [ax, (ay + by) / 2],
            [bx, (ay + by) / 2],
          ];
    return a.across ? [[bx, ay]] : [[ax, by]];
  })();
  const points = [a.at, ...corners, b.at];
  const pieces = points.slice(1).map((point, at) => [points[at], point]);
  const [[px, py], [qx, qy]] = pieces.sort(([p, q], [r, s]) => distance(r, s) - distance(p, q))[0];
  const lines = text === "" ? [] : partsOf(text);
  const label = lines.map((line, at) =>
    py === qy
      ? words(line, (px + qx) / 2, py - 8 - (lines.length - 1 - at) * lineHeight, { room: Math.abs(px - qx) - 4 })
      : words(line, px + 9, (py + qy) / 2 + 5 + (at - (lines.length - 1) / 2) * lineHeight, { anchor: "start" }),
  );
  return [arrow(points, { both: head === "<->" }), ...label];
}

const distance = ([px, py], [qx, qy]) => Math.abs(px - qx) + Math.abs(py - qy);

function drawMap(lines) {
  const boxes = new Map();
  const shapes = lines
    .filter(({ kind }) => ["zone", "box", "ours", "ask"].includes(kind))
    .flatMap((line) => drawBox(line, boxes));
  const rest = lines.flatMap((line) => {
    if (line.kind === "arrow") return drawArrow(line, boxes);
    if (line.kind !== "text") return [];
    const [x, y] = line.rest.split(" ").map(Number);
    return partsOf(line.text).map((each, at) => words(each, x, y + at * lineHeight, { anchor: "start" }));
  });
  const all = [...boxes.values()];
  return {
    width: Math.max(...all.map(({ x, width }) => x + width)) + margin,
    height: Math.max(...all.map(({ y, height }) => y + height)) + margin,
    parts: [...shapes, ...rest],
  };
}

function drawLanes(lines) {
  const lanes = lines.filter(({ kind }) => kind === "lane");
  const width = 720;
  const gap = width / lanes.length;
  const place = new Map(lanes.map(({ rest }, at) => [rest, gap * (at + 0.5)]));
  const at = (name) => {
    const x = place.get(name);
    if (x === undefined) throw new Error(`"${name}" is no lane.`);
    return x;
  };
  const parts = [];
  let y = 70;
  for (const { kind, rest, text } of lines) {
    const said = partsOf(text);
    if (kind === "step") {
      y += 12;
      parts.push(`<rect class="band" x="${margin}" y="${y}" width="${width - 2 * margin}" height="26" rx="4"/>`);
      parts.push(words(text, margin + 10, y + 18, { name: true, anchor: "start", room: width - 4 * margin }));
      y += 30;
    } else if (kind === "message") {
      const [from, head, to] = rest.split(/\s+/);
      const [a, b] = [at(from), at(to)];
      const room = Math.abs(a - b) - 8;
      parts.push(...said.map((line, row) => words(line, (a + b) / 2, y + (row + 1) * lineHeight, { room })));
      y += said.length * lineHeight + 7;
      parts.push(
        arrow(
          [
            [a, y],
            [b, y],
          ],
          { reply: head === "-->" },
        ),
      );
      y += 6;
    } else if (kind === "note") {
      const room = gap - 12;
      const height = said.length * lineHeight + 10;
      y += 8;
      for (const x of rest.split(/,\s*/).map(at)) {
        parts.push(`<rect class="ours" x="${x - room / 2}" y="${y}" width="${room}" height="${height}" rx="6"/>`);
        parts.push(...said.map((line, row) => words(line, x, y + 19 + row * lineHeight, { room: room - 6 })));
      }
      y += height + 4;
    }
  }
  const heads = lanes.flatMap(({ rest, text }) => {
    const said = partsOf(text);
    const room = gap - 12;
    return [
      `<path class="rule" d="M${at(rest)} 60V${y + margin}"/>`,
      `<rect class="box" x="${at(rest) - room / 2}" y="10" width="${room}" height="50" rx="8"/>`,
      ...said.map((line, index) =>
        words(line, at(rest), (said.length === 1 ? 40 : 31) + index * lineHeight, {
          name: index === 0,
          room: room - 6,
        }),
      ),
    ];
  });
  return { width, height: y + 2 * margin, parts: [...heads, ...parts] };
}

/** The SVG of a source. */
export function draw(source) {
  const lines = read(source);
  const [title, description] = ["title", "description"].map((kind) => lines.find((line) => line.kind === kind)?.text);
  if (!title || !description) throw new Error("A picture needs a title and a description.");
  const { width, height, parts } = (lines.some(({ kind }) => kind === "lane") ? drawLanes : drawMap)(lines);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title desc" font-family="system-ui, sans-serif" font-size="15">
  <title id="title">${escaped(title)}</title>
  <desc id="desc">${escaped(description)}</desc>
  <style>${style}</style>
  <defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="8" markerHeight="8" orient="auto-start-reverse"><path class="head" d="M0 0 10 5 0 10z"/></marker></defs>
  ${parts.join("\n  ")}
</svg>
`;
}

/** Path -> text of each picture. */
export function generate() {
  const names = readdirSync(folder).filter((name) => name.endsWith(".txt"));
  return Object.fromEntries(
    names.map((name) => {
      try {
        return [`docs/pictures/${name.replace(/txt$/, "svg")}`, draw(readFileSync(new URL(name, folder), "utf8"))];
      } catch (error) {
        throw new Error(`scripts/pictures/${name}: ${error.message}`);
      }
    }),
  );
}
