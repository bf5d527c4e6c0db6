// Wraps the prose of generated pages.

/** Breaks a text into lines of at most 120 columns. `indent` starts each further line. */
export function wrap(text, indent = "", width = 120) {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1);
    if (line.trim() === "") lines[lines.length - 1] = line + word;
    else if (line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(indent + word);
  }
  return lines.join("\n");
}
