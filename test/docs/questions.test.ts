// The questions that developers, operators and reviewers bring. Their section, whose heading is stated here, is at most
// two clicks away from the README. The table is written by hand.
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";

const root = path.resolve(import.meta.dirname, "../..");
const textOf = (page: string) => readFileSync(path.join(root, page), "utf8");

/** The question, the page below docs/, the heading of the section, and the words to find there. */
const questions: readonly (readonly [question: string, page: string, heading: string, found: RegExp])[] = [
  ["How do I get a password login?", "start/password.md", "", /createAmpho/],
  ["How do I get a sign-in page without writing one?", "guides/pages.md", "", /AMPHO_PAGES|pages: true/],
  ["How do I add Google?", "guides/pages.md", "Add Google, a second factor, roles and PostgreSQL", /Google/],
  ["What do I enter at the Google console?", "guides/providers.md", "Sign in with Google, step by step", /redirect/i],
  ["How do I set up an authenticator app?", "guides/second-factors.md", "Set up an authenticator app", /QR/],
  [
    "How do I require a second factor of admins?",
    "guides/second-factors.md",
    "Require a second factor of a role",
    /admin/,
  ],
  [
    "How does a route require a recent login?",
    "guides/second-factors.md",
    "Require a second factor on a route",
    /maxAge/,
  ],
  ["How do I add passkeys?", "guides/passkeys.md", "Switch passkeys on", /AMPHO_APP_URL|appUrl/],
  ["How do users reset a password?", "guides/mail-flows.md", "Reset a forgotten password", /reset/],
  ["Where does a mailed link lead?", "guides/mail-flows.md", "Open mailed links", /AMPHO_APP_URL/],
  ["How do I sign users in by a magic link?", "reference/glossary.md", "", /magic link/i],
  ["How do I send mails?", "guides/mail.md", "Use a mail server", /AMPHO_MAIL_URL/],
  ["How does a route require a role?", "guides/recipes/roles-and-ownership.md", "", /roles: \[/],
  ["How do I give a user a role?", "guides/recipes/roles-and-ownership.md", "Give roles to users", /--add|setRoles/],
  ["How do I keep tokens out of scripts?", "guides/cookies.md", "", /HttpOnly/],
  ["Which client entry do I import?", "guides/client.md", "", /ampho\/client/],
  ["How do I use my own user table?", "guides/own-users.md", "Write the functions", /findById/],
  [
    "How do I keep rows for each user?",
    "guides/user-hooks.md",
    "Delete rows with their user",
    /foreign key|references/i,
  ],
  ["How do I move from Auth.js?", "guides/migrating.md", "Auth.js", /Auth\.js/],
  ["How do I move from Clerk?", "guides/migrating.md", "Clerk", /Clerk/],
  ["Which hashes can I import?", "guides/importing.md", "Check the form of the hashes", /bcrypt|argon2/],
  ["How do I test an application?", "guides/testing.md", "", /sessions\.create|users\.create/],
  ["How do other services verify tokens?", "guides/verifying.md", "ampho/verify", /ampho\/verify/],
  ["How do I verify tokens in Python or Go?", "guides/verifying.md", "Python and Go", /amphoverify\.New/],
  ["How do customers get API keys?", "guides/api-keys.md", "Let users create and end API keys", /apiKeys\.create/],
  ["What does a nightly job sign in with?", "guides/services.md", "Create a service account", /service-add/],
  ["How do I write an MCP server?", "guides/mcp.md", "Write the server", /ampho\/mcp/],
  ["How does nginx take keys?", "guides/gateway.md", "Use nginx", /introspect/],
  ["How does a mobile app sign in?", "guides/recipes/mobile.md", "React Native and Expo", /React Native/],
  ["What does an error code mean?", "reference/errors.md", "", /invalid_credentials/],
  ["Which parameters are there?", "reference/configuration.md", "", /AMPHO_APP_URL/],
  ["What does a new password end?", "reference/changes.md", "", /a new password, by the user .*\| all others/],
  ["How do I deploy my Express application?", "operate/application.md", "Run it with systemd", /ExecStart/],
  ["How do I deploy it in Kubernetes?", "operate/application.md", "Run it in Kubernetes", /kubectl apply/],
  ["Is my deployment correct?", "operate/application.md", "Check it", /ampho doctor --url/],
  [
    "How do I create the key of production?",
    "operate/deploying.md",
    "Prepare a deployment",
    /sec-gen-key -o \/etc\/ampho/,
  ],
  ["How do I rotate the key?", "operate/signing-keys.md", "Rotate a signing key", /sec-rotate-key/],
  [
    "How do I rotate the key with Compose?",
    "operate/signing-keys.md",
    "Rotate a signing key with Compose",
    /docker compose/,
  ],
  ["The key is stolen. What do I do?", "operate/signing-keys.md", "Replace a stolen signing key", /sec-/],
  [
    "The database is stolen. What do I do?",
    "operate/incidents.md",
    "The database was stolen",
    /user-expire-password --all/,
  ],
  ["The mail provider is down. What happens?", "operate/incidents.md", "The mail provider is down", /AMPHO_MAIL_URL/],
  ["A user is locked out. What do I do?", "operate/incidents.md", "A user is locked out", /throttle-clear/],
  [
    "A user lost the phone. What do I do?",
    "operate/second-factors.md",
    "Help a user who lost the phone",
    /ampho factor-remove/,
  ],
  ["How do I back up and restore?", "operate/incidents.md", "Backup and restore", /restore/i],
  ["Which rights has the role of the database?", "operate/postgresql.md", "Two roles", /grant/i],
  ["What does an alert ask me to do?", "operate/metrics.md", "AmphoRevocationsLate", /load balancer/],
  ["How large will the database get?", "operate/scaling.md", "Estimate the size of your database", /session/],
  [
    "How many guesses has an attacker?",
    "operate/throttling.md",
    "Know what is counted",
    /one login, from unknown devices/,
  ],
  ["What is promised about revocation, and when not?", "security/threats.md", "Sessions", /within a second/],
  ["What is not promised?", "security/threats.md", "What Ampho does not promise", /L-01/],
  ["How are passwords hashed?", "security/cryptography.md", "Know what the database has", /argon2id/],
  ["Does it meet ASVS?", "asvs.md", "Totals", /not yet/],
  ["How do I report a vulnerability?", "../SECURITY.md", "", /report/i],
];

/** The pages that a page links, as paths from the root. */
function linksOf(page: string): readonly string[] {
  const targets = [...textOf(page).matchAll(/\]\(([^)#\s]+\.md)(?:#[^)]*)?\)/g)].map(([, target = ""]) => target);
  return targets
    .filter((target) => !target.includes("://"))
    .map((target) => path.normalize(path.join(path.dirname(page), target)));
}

const first = linksOf("README.md");
const reached = new Set([...first, ...first.flatMap(linksOf)]);

/** The text from a heading to the next one of its level or above. Without a heading, the whole page. */
function sectionOf(page: string, heading: string): string {
  const lines = textOf(page).split("\n");
  if (heading === "") return lines.join("\n");
  const level = (line: string) => /^##+(?= )/.exec(line)?.[0].length ?? 7;
  const from = lines.findIndex(
    (line) => line.startsWith("##") && line.replace(/^#+ /, "").replaceAll("`", "") === heading,
  );
  const after = lines.slice(from + 1);
  const end = after.findIndex((line) => level(line) <= level(lines[from] ?? ""));
  return from < 0 ? "" : after.slice(0, end < 0 ? undefined : end).join("\n");
}

describe("at most two clicks from the README", () => {
  it.each(questions)("%s", (_question, page, heading, found) => {
    const file = path.normalize(path.join("docs", page));
    expect([...reached]).toContain(file);
    expect(sectionOf(file, heading)).toMatch(found);
  });
});
