// The style sheet of the pages. An application changes its variables, or all of it, in a sheet of its own.

const css = String.raw;

export const style = css`
:root {
  color-scheme: light dark;
  --text: light-dark(#1b1f24, #e8eaed);
  --quiet: light-dark(#57606a, #a3acb8);
  --page: light-dark(#f4f6f9, #0f1216);
  --card: light-dark(#ffffff, #181c22);
  --line: light-dark(#d9dee5, #2c333c);
  --edge: light-dark(#868f9a, #6b7583);
  --accent: light-dark(#2349c5, #8fb0ff);
  --on-accent: light-dark(#ffffff, #0d1530);
  --danger: light-dark(#b3261e, #ffb0a8);
  --good: light-dark(#17663a, #8fd6ab);
  font: 1rem / 1.5 system-ui, sans-serif;
  color: var(--text);
  background: var(--page);
}
* { box-sizing: border-box; margin: 0; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
[hidden], .message:empty { display: none; }

/* The frame of each page */
body { min-height: 100vh; display: grid; grid-template-rows: auto 1fr; }
.top, .top nav { display: flex; flex-wrap: wrap; align-items: center; justify-content: space-between; gap: 0.5rem 1rem; }
.top { padding: 0.75rem 1.25rem; background: var(--card); border-bottom: 1px solid var(--line); }
.brand { display: flex; align-items: center; gap: 0.5rem; font-weight: 700; color: inherit; text-decoration: none; }
.brand img { height: 1.75rem; }
main { width: 100%; max-width: 27rem; margin: 0 auto; padding: 2rem 1rem; }
main:has(.wide) { max-width: 64rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 0.75rem; padding: 1.5rem; }
.message { margin-bottom: 1rem; padding: 0.75rem 1rem; border-radius: 0.5rem; background: var(--card); }
.message { border-inline-start: 4px solid; }
.message[role="alert"] { color: var(--danger); }
.message[role="status"] { color: var(--good); }

/* Texts */
h1 { font-size: 1.5rem; line-height: 1.25; overflow-wrap: anywhere; }
h2 { font-size: 1.0625rem; }
a:not(.brand, .button) { color: var(--accent); }
small, dt, summary { color: var(--quiet); font-weight: 400; }
code, input:is([type="email"], [name$="password"], [inputmode="numeric"]) { direction: ltr; text-align: start; }
code { font-size: 0.9375rem; overflow-wrap: anywhere; user-select: all; }
.match { font-size: 1.25rem; font-variant-numeric: tabular-nums; }
.tag { white-space: nowrap; font-size: 0.75rem; padding: 0.1rem 0.5rem; border: 1px solid var(--edge); border-radius: 1rem; }

/* The content of a page, a section or a form is a column. */
#page:not(.wide), section, form, details[open] { display: grid; gap: 0.875rem; }
section > * { justify-self: start; max-width: 100%; }
section > :is(dl, ul, details) { justify-self: stretch; }
#page.wide > h1 { margin-bottom: 1.25rem; }
#page.wide > .links { margin-top: 1rem; }
section > form > button { justify-self: start; }
.grid { columns: 2 23rem; column-gap: 1rem; }
.grid > section { break-inside: avoid; margin-bottom: 1rem; }
.choices { display: grid; gap: 0.75rem; padding-top: 1rem; border-top: 1px solid var(--line); }
.choices:not(:has(button:not([hidden]))) { display: none; }
.links { display: flex; flex-wrap: wrap; gap: 0.25rem 1.25rem; }
label { display: grid; gap: 0.25rem; font-weight: 500; }
[data-show] { margin-top: -0.5rem; font-size: 0.875rem; }
fieldset { display: grid; gap: 0.25rem; padding: 0; border: 0; }
legend { padding: 0 0 0.25rem; font-weight: 500; }
.check { display: flex; gap: 0.5rem; align-items: center; font-weight: 400; }
input { font: inherit; color: inherit; background: var(--page); border: 1px solid var(--edge); border-radius: 0.5rem; }
input:not([type="checkbox"]) { width: 100%; padding: 0.5rem 0.75rem; }
[readonly] { background: transparent; }
button, .button { font: inherit; font-weight: 600; padding: 0.5rem 1rem; border: 1px solid transparent; border-radius: 0.5rem; }
button, .button { color: var(--on-accent); background: var(--accent); text-align: center; text-decoration: none; }
summary, button, .button { cursor: pointer; }
button:hover, .button:hover { filter: brightness(1.12); }
.quiet { color: var(--text); background: transparent; border-color: var(--edge); }
.danger { color: var(--danger); background: transparent; border-color: currentcolor; }
.small { padding: 0.2rem 0.7rem; font-size: 0.875rem; }

/* Lists */
ul { list-style: none; padding: 0; }
li:has(> div) { display: flex; flex-wrap: wrap; align-items: center; gap: 0.5rem; }
li:has(> div) { padding: 0.625rem 0; border-bottom: 1px solid var(--line); }
li > div { flex: 1 1 11rem; min-width: 0; overflow-wrap: anywhere; }
li > details { flex-basis: 100%; }
li small { display: block; }
.scopes ul { list-style: disc; padding-inline-start: 1.25rem; }
.codes { display: grid; gap: 0.25rem; }
.codes code { white-space: nowrap; }
.tools { display: flex; flex-wrap: wrap; gap: 0.5rem; }
.mark { display: inline-block; width: 1.5rem; height: 1.5rem; line-height: 1.375rem; border: 1px solid var(--edge); border-radius: 50%; margin-inline-end: 0.25rem; }
dl { display: grid; grid-template-columns: auto 1fr; gap: 0.25rem 1rem; }
dd { overflow-wrap: anywhere; }
.qr { width: 12rem; justify-self: center; padding: 0.5rem; background: #fff; border-radius: 0.5rem; }
@media print { .top, .tools, .button { display: none; } }
`;
