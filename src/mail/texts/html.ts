// The HTML of a mail: a few elements, no remote content, no script, and no colours, so that mail programs can show it in
// their light or dark colours.

/** A paragraph, a code alone on its line, or a link. */
export type Part =
  | { readonly text: string }
  | { readonly code: string }
  | { readonly link: string; readonly label: string };

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

const escapeHtml = (text: string): string => text.replace(/[&<>"']/g, (character) => entities[character] ?? "");

function renderPart(part: Part): string {
  if ("text" in part) return `<p>${escapeHtml(part.text).replaceAll("\n", "<br>\n")}</p>`;
  if ("code" in part) return `<p style="font-family:monospace;font-size:24px">${escapeHtml(part.code)}</p>`;
  return `<p><a href="${escapeHtml(part.link)}">${escapeHtml(part.label)}</a></p>`;
}

export function renderHtml(language: string, subject: string, parts: readonly Part[]): string {
  return [
    `<!doctype html>`,
    `<html lang="${language}">`,
    `<head><meta charset="utf-8"><meta name="color-scheme" content="light dark"><title>${escapeHtml(subject)}</title></head>`,
    `<body style="font-family:sans-serif;line-height:1.5;max-width:600px">`,
    ...parts.map(renderPart),
    `</body>`,
    `</html>`,
    ``,
  ].join("\n");
}
