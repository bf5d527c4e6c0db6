// The one script of the rendered pages: a button with `data-webauthn` runs a ceremony, and its form sends the result. A mailed
// link moves from the URL into the form.

if (/^#ampho(-\w+)?=/.test(location.hash)) {
  const field = /** @type {HTMLInputElement | null} */ (document.querySelector('form[action="link"] [name=link]'));
  if (field !== null) field.value = location.href;
  // The history of the browser must not keep its secret part.
  history.replaceState(history.state, "", location.pathname + location.search);
}

/** @type {AbortController | undefined} */
let waiting;

/**
 * @param {HTMLButtonElement} button
 * @param {CredentialMediationRequirement} [mediation]
 */
async function run(button, mediation) {
  waiting?.abort();
  waiting = new AbortController();
  const { signal } = waiting;
  const json = JSON.parse(button.dataset.options ?? "{}");
  const credential =
    button.dataset.webauthn === "create"
      ? await navigator.credentials.create({
          publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(json),
          signal,
        })
      : await navigator.credentials.get({
          publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(json),
          signal,
          ...(mediation && { mediation }),
        });
  const form = /** @type {HTMLFormElement} */ (button.form);
  const field = Object.assign(document.createElement("input"), { type: "hidden", name: "passkey" });
  field.value = JSON.stringify(credential);
  form.append(field);
  form.submit();
}

/** A user who closes the dialog of the browser sees no message. @param {Error} error */
function report({ name, message }) {
  if (name !== "NotAllowedError" && name !== "AbortError")
    /** @type {HTMLElement} */ (document.querySelector("[role=alert]")).textContent = message;
}

if ("PublicKeyCredential" in window)
  for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll("[data-webauthn]"))) {
    button.hidden = false;
    button.onclick = (event) => {
      event.preventDefault();
      run(button).catch(report);
    };
    if ("autofill" in button.dataset && (await PublicKeyCredential.isConditionalMediationAvailable?.()))
      run(button, "conditional").catch(report);
  }
