// The parts of a page that both pages use.

/**
 * @template {HTMLElement} E
 * @param {string} selector
 * @param {new () => E} type
 * @returns {E}
 */
export function element(selector, type) {
  const found = document.querySelector(selector);
  if (found instanceof type) return found;
  throw new Error(`The page has no ${selector}.`);
}

/**
 * @param {FormData} fields
 * @param {string} name
 */
export function textIn(fields, name) {
  return String(fields.get(name) ?? "");
}

/**
 * Shows an error to the user. Messages of the API are for people. A user who closes the dialog of the browser sees none.
 * @param {unknown} error
 */
export function showError(error) {
  const isClosed = error instanceof Error && error.name === "NotAllowedError";
  element("[role=alert]", HTMLElement).textContent = error instanceof Error && !isClosed ? error.message : "";
}
