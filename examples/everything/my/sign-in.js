// After an error, Ampho adds its code to the URL.
const error = new URLSearchParams(location.search).get("ampho_error");
const texts = { invalid_credentials: "The login or the password is wrong." };
const alert = document.querySelector("[role=alert]");
if (alert !== null && error !== null) alert.textContent = Reflect.get(texts, error) ?? "This did not work. Try again.";
