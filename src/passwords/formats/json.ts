// Credentials that are exported as JSON, rewritten as one line that another reader knows. Keycloak has `secretData` and
// `credentialData`, or flat members in older versions. Firebase has one user of `firebase auth:export` together with
// the project's `hash_config`, under the names of Firebase or of its scrypt tool.

/** The credential in the spelling of another reader. Undefined for an unknown one. */
export function spellJsonCredential(stored: string): string | undefined {
  const credential = parseJson(stored);
  return spellKeycloak(credential) ?? spellFirebase(credential);
}

// The names of the algorithms in Keycloak, where "pbkdf2" means SHA-1.
const keycloakPbkdf2 = ["pbkdf2", "pbkdf2-sha256", "pbkdf2-sha512"];

function spellKeycloak(credential: unknown): string | undefined {
  const secret = parsed(member(credential, "secretData")) ?? credential;
  const cost = parsed(member(credential, "credentialData")) ?? credential;
  const output = member(secret, "value") ?? member(secret, "hashedSaltedValue");
  const [salt, rounds, algorithm] = [member(secret, "salt"), member(cost, "hashIterations"), member(cost, "algorithm")];
  if (!isBase64(output) || !isBase64(salt) || !Number.isSafeInteger(rounds) || typeof algorithm !== "string")
    return undefined;
  if (keycloakPbkdf2.includes(algorithm)) return `$${algorithm}$i=${rounds}$${salt}$${output}`;
  if (algorithm !== "argon2") return undefined;
  const [type, version, memory, lanes] = ["type", "version", "memory", "parallelism"].map((name) =>
    first(member(member(cost, "additionalParameters"), name)),
  );
  const number = version === "1.3" ? 19 : 16;
  return `$argon2${type}$v=${number}$m=${memory},t=${rounds},p=${lanes}$${salt}$${output}`;
}

function spellFirebase(credential: unknown): string | undefined {
  const parameters = [credential, member(credential, "params"), member(credential, "hash_config")];
  const find = (...names: readonly string[]): unknown =>
    parameters.flatMap((from) => names.map((name) => member(from, name))).find((value) => value !== undefined);
  const [salt, output] = [find("salt"), find("passwordHash", "hash")];
  const [separator, key] = [find("saltSeparator", "base64_salt_separator"), find("signerKey", "base64_signer_key")];
  const [logN, rounds] = [find("memCost", "mem_cost"), find("rounds")];
  if (![salt, output, key].every(isBase64) || !Number.isSafeInteger(logN) || !Number.isSafeInteger(rounds))
    return undefined;
  return `$fbscrypt$v=1,n=${logN},r=${rounds},p=1,ss=${isBase64(separator) ? separator : ""},sk=${key}$${salt}$${output}`;
}

const isBase64 = (value: unknown): value is string =>
  typeof value === "string" && /^[A-Za-z0-9+/_-]+={0,2}$/.test(value);

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Keycloak writes JSON into strings of its JSON. */
const parsed = (value: unknown): unknown => (typeof value === "string" ? parseJson(value) : value);

const first = (value: unknown): unknown => (Array.isArray(value) ? value[0] : value);

const member = (value: unknown, name: string): unknown =>
  typeof value === "object" && value !== null && Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;
