// Asks Ampho about the bearer token of a request (RFC 7662), for `auth_request` of nginx. It needs njs. The variables
// come from introspect.conf. Whatever goes wrong, the request is rejected.
const token = /^Bearer +([\w.~+/-]{1,8192}=*)$/i;
const visible = /^[!-~]{1,255}$/;

function reject(r, error) {
  r.variables.ampho_challenge = error === "" ? "Bearer" : `Bearer error="${error}"`;
  r.return(error === "insufficient_scope" || error === "credential_not_accepted" ? 403 : 401);
}

async function check(r) {
  const sent = token.exec(r.headersIn.Authorization || "");
  if (sent === null) return reject(r, "");
  const response = await ngx.fetch(r.variables.ampho_introspect, {
    method: "POST",
    headers: {
      Authorization: `Bearer ${r.variables.ampho_key}`,
      "Content-Type": "application/x-www-form-urlencoded",
    },
    body: `token=${encodeURIComponent(sent[1])}`,
  });
  if (response.status !== 200) {
    r.error(`Ampho responded with ${response.status} to an introspection`);
    return r.return(500);
  }
  const found = await response.json();
  if (found.active !== true || !visible.test(found.sub)) return reject(r, "invalid_token");
  if (!r.variables.ampho_credentials.split(" ").includes(found.credential)) return reject(r, "credential_not_accepted");
  if (!found.scope.split(" ").includes(r.variables.ampho_scope)) return reject(r, "insufficient_scope");
  r.variables.ampho_sub = found.sub;
  r.variables.ampho_scopes = found.scope;
  r.return(204);
}

export default { check };
