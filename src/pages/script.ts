// The one script of the pages. A button with `data-webauthn` runs a ceremony, and its form sends the result. The secret
// part of a mailed link moves from the URL into the form. Times are shown in the zone of the browser. Buttons copy and
// print a secret, and a box shows a password.

const js = String.raw;

export const script = js`
function followLink() {
  if (!/^#ampho(-\w+)?=/.test(location.hash)) return;
  const field = document.querySelector("form [name=link]:not([type=hidden])");
  if (field !== null) field.value = location.href;
  history.replaceState(history.state, "", location.pathname + location.search);
  if (field !== null) field.form.requestSubmit();
}
addEventListener("hashchange", followLink);
followLink();

const format = new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });
for (const time of document.querySelectorAll("time")) time.textContent = format.format(new Date(time.dateTime));

// A second click would make the browser drop the response to the first one, with the recovery codes that it shows.
let last;
addEventListener("submit", (event) => {
  if (event.target === last?.target && event.timeStamp - last.timeStamp < 1000) event.preventDefault();
  else last = event;
});

for (const label of document.querySelectorAll("[data-show]")) {
  const [field, box] = [label.previousElementSibling.querySelector("input"), label.querySelector("input")];
  label.hidden = false;
  box.onchange = () => (field.type = box.checked ? "text" : "password");
  // A browser offers to store the text of a field for passwords alone.
  field.form.addEventListener("submit", () => (field.type = "password"));
}
for (const button of document.querySelectorAll("[data-copy], [data-print]")) {
  button.hidden = false;
  const { copy, done } = button.dataset;
  const copied = () => (document.getElementById("status").textContent = done);
  button.onclick = () => (copy === undefined ? print() : navigator.clipboard.writeText(copy).then(copied, report));
}

let waiting;
async function run(button, mediation) {
  if (mediation === undefined && !button.form.reportValidity()) return;
  waiting?.abort();
  waiting = new AbortController();
  const { signal } = waiting;
  const json = JSON.parse(button.dataset.options);
  const options = mediation === undefined ? { signal } : { signal, mediation };
  const credential =
    button.dataset.webauthn === "create"
      ? await navigator.credentials.create({ ...options, publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(json) })
      : await navigator.credentials.get({ ...options, publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(json) });
  const passkey = { type: "hidden", name: "passkey", value: JSON.stringify(credential) };
  button.form.append(Object.assign(document.createElement("input"), passkey));
  button.form.submit();
}

function report({ name }) {
  const alert = document.getElementById("alert");
  if (name !== "NotAllowedError" && name !== "AbortError") alert.textContent = alert.dataset.failed;
}

if ("parseRequestOptionsFromJSON" in (window.PublicKeyCredential ?? {}))
  for (const button of document.querySelectorAll("[data-webauthn]")) {
    button.hidden = false;
    button.onclick = (event) => {
      event.preventDefault();
      run(button).catch(report);
    };
    if ("now" in button.dataset) run(button).catch(report);
    if ("autofill" in button.dataset && (await PublicKeyCredential.isConditionalMediationAvailable?.()))
      run(button, "conditional").catch(report);
  }
`;
