// Every way to sign in, and an account page. AMPHO_SECURITY_COOKIES decides who shows the pages: the browser, which keeps the tokens
// itself, or Ampho, which keeps them in cookies of the browser. One of Ampho's pages is replaced.
import { fileURLToPath } from "node:url";
import { createAmpho } from "ampho";
import { authorize, guarded, mount } from "ampho/express";
import express from "express";

const withCookies = process.env.AMPHO_SECURITY_COOKIES === "true";
const ampho = await createAmpho(withCookies ? { pages: { signIn: "/my/sign-in" } } : {});
const app = express();
app.disable("x-powered-by");
app.use((_request, response, next) => {
  // Only files of this server run, so a text that a user typed never becomes a script.
  const sources = ["script-src", "style-src", "connect-src", "form-action", "base-uri"].map((name) => `${name} 'self'`);
  const policy = ["default-src 'none'", ...sources, "img-src 'self' data:", "frame-ancestors 'none'"].join("; ");
  response.set({
    "Content-Security-Policy": policy,
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
  });
  next();
});
app.use(mount(ampho));

/** @param {string} path */
const file = (path) => fileURLToPath(new URL(path, import.meta.url));
// With AMPHO_SECURITY_API_KEYS and AMPHO_SECURITY_SCOPES, users create API keys on the account page, and programs use them here.
if (ampho.scopes?.includes("articles:read")) {
  const readers = /** @type {const} */ ({ credentials: ["session", "api_key"], scopes: ["articles:read"] });
  const list = guarded(ampho, readers, (request, response) => response.json({ reader: request.auth.login }));
  app.get("/api/articles", list);
}
app.use("/pages", express.static(file("pages")));
if (withCookies) {
  app.use("/my", express.static(file("my"), { extensions: ["html"] }));
  app.get("/", authorize(ampho, { redirect: true }), (_request, response) => response.redirect("/account"));
} else {
  // Browsers load the modules unchanged. A bundler works too.
  app.use("/ampho", express.static(file(new URL(".", import.meta.resolve("ampho/browser/outside.js")).href)));
  app.use("/uqr", express.static(file(new URL(".", import.meta.resolve("uqr")).href)));
  app.use(express.static(file("app")));
  app.get(["/register", "/forgot", "/account", "/link"], (_request, response) =>
    response.sendFile(file("app/index.html")),
  );
}

const port = Number(process.env.PORT ?? 3000);
const server = app.listen(port, "127.0.0.1", () => console.log(`http://localhost:${port}`));

process.once("SIGTERM", () => ampho.drain(server).then(ampho.close));
