// Writes the table of docs/reference/changes.md, between its marks, from src/store/sql/changes.ts. Needs a build.
import { consequences } from "../dist/store/sql/changes.js";
import { withGenerated } from "./generated.mjs";

const file = "docs/reference/changes.md";

const names = {
  password_set: "a new password, by the user",
  password_removed: "the password is removed",
  password_reset: "a reset, or a new password by an operator or the application",
  login_changed: "another login name",
  email_changed: "another address, or none",
  email_added: "the first address, or another spelling of it",
  email_proven: "the first proof of the address, by a login",
  email_proven_by_reset: "the first proof of the address, by a reset",
  first_factor: "the first second factor",
  further_factor: "a further second factor",
  factor_replaced: "another authenticator app",
  codes_replaced: "new recovery codes",
  factor_removed: "a second factor is removed",
  identity_linked: "an identity is linked",
  identity_unlinked: "an identity is unlinked",
  devices_forgotten: "the remembered devices are forgotten",
  role_given: "a role is given or taken",
  policy_set: "a policy of the user is set",
  disabled: "the user is disabled",
  deleted: "the user is deleted",
  id_reused: "a new user of the application's own table has a former id",
  alarm: "the alarm link of a notice",
};

const sessions = {
  all: "all",
  others: "all others",
  weak: "those at `1fa`",
  below: "those below the policy",
  none: "none",
};

const added = {
  any: "identities that any session has added",
  keeping: "what the ended sessions have added",
  none: "–",
};

/** The path and the text of each generated page. */
export function generate() {
  const rows = Object.entries(consequences).map(([change, row]) => {
    const name = names[change];
    if (name === undefined) throw new Error(`scripts/docs-changes.mjs has no name for the change ${change}.`);
    const begun = row.begun ? "end" : "–";
    const devices = row.begun || row.devices ? "forgotten" : "–";
    return `| ${name} | ${sessions[row.sessions]} | ${begun} | ${devices} | ${added[row.added]} |`;
  });
  const text = `| change | sessions that end | logins, codes and links that were begun | remembered devices | identities and factors |
| --- | --- | --- | --- | --- |
${rows.join("\n")}
`;
  return { [file]: withGenerated(file, "changes", text) };
}
