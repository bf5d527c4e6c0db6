// Writes the features in CONTRIBUTING.md, between their marks. Each has the files of src/ that have its word in a name: their
// path, an export, the path of a route, or a table that they declare.
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseSync } from "oxc-parser";
import { withGenerated } from "./generated.mjs";
import { wrap } from "./wrap.mjs";

const file = "CONTRIBUTING.md";
const src = fileURLToPath(new URL("../src", import.meta.url));

/** The word of each feature, as it is in names that are written with hyphens. */
const features = {
  "account page data and export": /account-view|export-account/,
  "API keys": /api-key/,
  "authenticator apps": /totp/,
  captcha: /captcha|siteverify/,
  cookies: /cookie/,
  hooks: /user-hook|user-event/,
  import: /^import-|\/imports?\b|\bimported?$/,
  introspection: /introspect/,
  invitations: /invit/,
  lockouts: /lockout/,
  mails: /\bmail-|\/mail|^mail\//,
  MCP: /\bmcp|resource/,
  "new and reset passwords": /password-reset|reset-password|change-password|set-password/,
  "outside providers": /outside|\bidentit|(?<!passkey-)provider/,
  pages: /^pages\//,
  passkeys: /passkey|webauthn/,
  "password rules": /breach|common-password|score|^passwords\/policy/,
  "recovery codes": /recovery-code|factors\/recovery/,
  registration: /\bregister(?!ed)|\/registrations/,
  "remembered devices": /device/,
  renewal: /renew(?!-recovery)/,
  revocations: /revocation|revoked|\brevoke/,
  "service accounts": /service/,
  "signing keys": /signing-key|jwk/,
  throttling: /throttle|attempt/,
  "verification elsewhere": /^verify\/|feed/,
};

const hyphenated = (name) =>
  name
    .replace(/([a-z0-9])([A-Z])/g, "$1-$2")
    .replaceAll("_", "-")
    .toLowerCase();

function namesOf(name) {
  const text = readFileSync(path.join(src, name), "utf8");
  const exported = parseSync(name, text)
    .program.body.flatMap(({ type, declaration }) => (type === "ExportNamedDeclaration" && declaration) || [])
    .flatMap(({ declarations, id }) => declarations?.map((each) => each.id.name) ?? id.name);
  const rows = [...text.matchAll(/(?:route\("\w+", |tableOf\()"([^"]+)"/g)].map(([, value]) => value);
  return [name.replace(/\.ts$/, ""), ...exported, ...rows].map(hyphenated);
}

/** A folder stands for its files where all of them belong to the feature. */
function shortened(names, all) {
  const folders = [...new Set(all.map((name) => path.dirname(name)))].filter((folder) => folder !== ".");
  const inside = (folder, list) => list.filter((name) => name.startsWith(`${folder}/`));
  const whole = folders.filter((folder) => inside(folder, names).length === inside(folder, all).length);
  return [
    ...new Set(
      names.map((name) => {
        const folder = whole.find((each) => name.startsWith(`${each}/`));
        return folder === undefined ? name : `${folder}/`;
      }),
    ),
  ];
}

/** The path and the text of the page. */
export function generate() {
  const all = readdirSync(src, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
  const names = all.sort().map((name) => [name, namesOf(name)]);
  const rows = Object.entries(features).map(([feature, word]) => {
    const found = names.filter(([, each]) => each.some((one) => word.test(one))).map(([name]) => name);
    if (found.length === 0) throw new Error(`scripts/docs-features.mjs finds no file for ${feature}.`);
    return { feature, found };
  });
  const codes = (list) =>
    shortened(list, all)
      .map((name) => `\`${name}\``)
      .join(", ");
  const text = rows.map(({ feature, found }) => wrap(`- **${feature}**: ${codes(found)}`, "  "));
  return { [file]: withGenerated(file, "features", `${text.join("\n")}\n`) };
}
