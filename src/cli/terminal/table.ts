// Tables that are readable in 80 columns. A column is as wide as its widest cell. The widest ones are cut.
import { escaped } from "../../config/redact.js";

const lineWidth = 80;
const gap = "  ";

/** The columns of a character on a terminal: 0 for combining marks, 2 for wide characters (approximates UAX #11). */
const widthOf = (character: string) =>
  /^\p{M}$/u.test(character)
    ? 0
    : /^(?:[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|[\u{20000}-\u{3fffd}])$/u.test(
          character,
        )
      ? 2
      : 1;

export const displayWidth = (text: string): number => [...text].reduce((sum, one) => sum + widthOf(one), 0);

function cut(text: string, width: number): string {
  if (displayWidth(text) <= width) return text;
  let left = Math.max(width - 1, 0);
  let kept = "";
  for (const character of text) {
    left -= widthOf(character);
    if (left < 0) break;
    kept += character;
  }
  return `${kept}…`;
}

/**
 * Returns the lines, the header first. Columns whose number is in `whole` are never cut, because people copy
 * identifiers. The others are cut, the widest first, until a line fits.
 */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  whole: readonly number[] = [],
): readonly string[] {
  const lines = [header, ...rows].map((cells) => cells.map(escaped));
  const widths = header.map((_, column) => Math.max(...lines.map((cells) => displayWidth(cells[column] ?? ""))));
  const excess = () => widths.reduce((sum, width) => sum + width + gap.length, -gap.length) - lineWidth;
  for (let over = excess(); over > 0; over = excess()) {
    const flexible = widths.map((width, column) => (whole.includes(column) ? 0 : width));
    const widest = flexible.indexOf(Math.max(...flexible));
    const width = flexible[widest] ?? 0;
    const second = Math.max(...flexible.filter((_, column) => column !== widest), 8);
    if (width <= 8) break;
    widths[widest] = Math.max(width - over, Math.min(second, width - 1), 8);
  }
  return lines.map((cells) =>
    cells
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        const text = whole.includes(column) ? cell : cut(cell, width);
        return text + " ".repeat(Math.max(width - displayWidth(text), 0));
      })
      .join(gap)
      .trimEnd(),
  );
}

/** Formats Unix seconds as `2026-01-31 23:59:59`, in UTC. */
export const formatTime = (seconds: number): string =>
  new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ");

/** Puts a name into quotes for a message: `User "alice" created.` */
export const quoted = (name: string): string => escaped(JSON.stringify(name));

export const countOf = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? "" : "s"}`;
