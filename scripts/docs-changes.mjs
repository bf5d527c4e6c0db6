// Writes the tables of docs/reference/changes.md, between their marks, from src/store/sql/effects/changes.ts. Needs a
// build.
import { noticeOf } from "../dist/audit/events.js";
import { consequences } from "../dist/store/sql/effects/changes.js";
import { serviceConsequences } from "../dist/store/sql/effects/service-changes.js";
import { withGenerated } from "./generated.mjs";

const file = "docs/reference/changes.md";

const names = {
  password_set: "a new password, by the user",
  password_added: "the first password",
  password_removed: "the password is removed",
  password_replaced: "a new password, by an operator or the application",
  password_expired: "the password expires, by an operator or the application",
  password_reset: "a reset",
  unproven_reset: "a reset in an application's own table, by an address that is not proven",
  password_stored: "an application's own table stores a new password late",
  login_changed: "another login name",
  login_respelled: "another spelling of the login name",
  email_changed: "another address, or none",
  email_set: "an address that an operator sets with a reason",
  names_changed: "another address that becomes the login name",
  email_added: "the first address, or another spelling of it",
  email_waits: "another address, which waits because the user has lost the mailbox",
  email_proven: "the first proof of the address",
  email_confirmed: "the first proof by a login with the password",
  first_factor: "the first second factor",
  further_factor: "a further second factor",
  factor_replaced: "another authenticator app",
  codes_replaced: "new recovery codes",
  factor_removed: "a second factor is removed",
  identity_linked: "an identity is linked",
  identity_vouched: "an identity is linked whose provider speaks for the mailbox of the account",
  identity_relinked: "an identity that the account has is linked again",
  identity_unlinked: "an identity is unlinked",
  connection_added: "an application is connected",
  api_key_added: "an API key is created",
  api_key_rotated: "an API key is replaced",
  api_key_removed: "an API key is ended",
  api_keys_removed: "`apiKeys.revokeForUser`, `api-key-revoke --login`",
  devices_forgotten: "the remembered devices are forgotten",
  roles_changed: "a role is given or taken",
  policy_set: "a policy of the user is set",
  disabled: "the user is disabled",
  enabled: "the user is enabled",
  deleted: "the user is deleted, by an operator or the application",
  account_removed: "users delete their account",
  access_ended: "users end everything else that can sign in or act",
  change_confirmed: "a mailed code confirms a change",
  id_reused: "a new user of the application's own table has a former id",
  sessions_left: "users end all their sessions",
  sessions_ended: "`sessions.endForUser`, `session-end`",
  tokens_revoked: "`sessions.revokeForUser`",
  alarm: "the alarm link of a notice",
};

const sessions = {
  all: "all",
  others: "all others",
  weak: "those at `1fa`",
  below: "those below the policy",
  none: "none",
};

const fates = {
  kept: "",
  added: "added unconfirmed",
  any: "added by any session",
  unproven: "all that the session has not proven",
  all: "all",
};

const makers = {
  recent: "recent login",
  confirmed: "confirmed session",
  waited: "change that has waited",
  session: "any session",
  password: "old password",
  mailbox: "mailbox",
  login: "login",
  operator: "operator, application",
};

const nameOf = (change) => {
  const name = names[change];
  if (name === undefined) throw new Error(`scripts/docs-changes.mjs has no name for the change ${change}.`);
  return name;
};

function fateOf({ identity, factors, password }) {
  if (identity !== factors) return `identities ${fates[identity]}, factors ${fates[factors]}`;
  const more = { unproven: ", and the password", frozen: ", and without a factor the password" }[password] ?? "";
  return `${fates[identity]}${more}`;
}

/** The fate of a kind that is never confirmed. */
const shortFate = (fate) => fates[fate].replace(" unconfirmed", "");

/** A row of a table, whose empty cells are narrow. */
const rowOf = (cells) => `| ${cells.join(" | ")} |`.replace(/\|(?: {2}\|)+/g, (empty) => empty.replaceAll("  ", " "));

function ends([change, row]) {
  const begun = row.begun === "kept" ? "" : "end";
  const devices = row.begun === "kept" && row.devices === "kept" ? "" : "forgotten";
  const invitations = row.invitations === "end" ? "end" : "";
  const [key, connection] = [shortFate(row.apiKey), shortFate(row.connection)];
  const lessened = row.rights === "lessen" ? "tokens of connections" : "";
  const deputies = key === connection ? [key, lessened] : [key && `keys ${key}`, connection, lessened];
  const mine = [fateOf(row), deputies.filter((part) => part !== "").join(", "), invitations];
  return rowOf([nameOf(change), sessions[row.sessions], begun, devices, ...mine]);
}

function reports([change, row]) {
  const event = row.event === undefined ? "" : `\`${row.event}\``;
  const notice = row.event && noticeOf(row.event, undefined);
  const by = row.by.map((each) => makers[each]).join(", ");
  return rowOf([nameOf(change), by, event, notice === undefined ? "" : `\`${notice}\``]);
}

const serviceNames = {
  added: "`services.add`, `service-add`",
  scopes_set: "`services.setScopes`, `service-scopes`",
  client_widened: "`services.setClient`, `service-client`",
  client_lessened: "the same with fewer scopes of users",
  client_replaced: "the same without a redirect URI, or with another way to authenticate",
  disabled: "`services.disable`, `service-disable`",
  enabled: "`services.enable`, `service-enable`",
  deleted: "`services.remove`, `service-delete`",
  connections_ended: "`connections.endForClient`, `connection-end --client`",
  api_key_added: "`services.createApiKey`, `service-api-key`",
  api_key_removed: "`apiKeys.revoke`, `api-key-revoke`, or `POST /revoke` with a key",
  all_api_keys_removed: "`apiKeys.revokeForEveryone`, `session-end --all --api-keys`",
  jwks_set: "`services.setPublicKeys`, `service-jwk`",
  tokens_revoked: "`POST /revoke` with an access token",
};

function ofService([change, { event, tokens, apiKey, jwks, connections }]) {
  if (serviceNames[change] === undefined) throw new Error(`scripts/docs-changes.mjs has no name for ${change}.`);
  const cells = [tokens, apiKey, jwks].map((fate) => (fate === "kept" ? "" : "end"));
  const ofUsers = { end: "end", lessen: "tokens", kept: "" }[connections];
  return rowOf([serviceNames[change], ...cells, ofUsers, `\`${event}\``]);
}

/** Changes that end the same share a row. */
function rowsOf(write, shown = () => true) {
  const rows = new Map();
  for (const each of Object.entries(consequences).filter(shown)) {
    const cells = write(each).slice(`| ${nameOf(each[0])}`.length);
    rows.set(cells, [...(rows.get(cells) ?? []), nameOf(each[0])]);
  }
  return [...rows].map(([cells, changes]) => `| ${changes.join(" · ")}${cells}`).join("\n");
}

const endsNothing = /\| none( \|){6}$/;

/** The path and the text of each generated page. */
export function generate() {
  const first = withGenerated(
    file,
    "changes",
    `| change | sessions that end | logins, codes and links that were begun | remembered devices | identities, second factors, password | API keys, connections | invitations for its address |
| --- | --- | --- | --- | --- | --- | --- |
${rowsOf(ends, (each) => !endsNothing.test(ends(each)))}
`,
  );
  const second = withGenerated(
    file,
    "services",
    `| change | access tokens | all keys | public keys | connections | audit event |
| --- | --- | --- | --- | --- | --- |
${Object.entries(serviceConsequences).map(ofService).join("\n")}
`,
    first,
  );
  return {
    [file]: withGenerated(
      file,
      "notices",
      `| change | who makes it | audit event | notice |
| --- | --- | --- | --- |
${rowsOf(reports)}
`,
      second,
    ),
  };
}
