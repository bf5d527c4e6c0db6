// Writes sbom.cdx.json, which is packed: the runtime dependencies of the lock file in CycloneDX 1.6 JSON.
// `npm sbom` describes the installation on this machine. It leaves out the binaries of other platforms, and contains the folder
// and the time. Here the same lock file always produces the same bytes.
import { createHash } from "node:crypto";

/** `lock`: the parsed package-lock.json (lockfileVersion 3). */
export function sbomOf(lock) {
  const { packages } = lock;
  const nodes = walk(packages);
  const [root, ...rest] = [...nodes.values()].sort(
    (a, b) => Number(b.place === "") - Number(a.place === "") || (a.ref < b.ref ? -1 : 1),
  );
  const content = {
    version: 1,
    metadata: { lifecycles: [{ phase: "build" }], component: componentOf(root) },
    components: rest.map((node) => ({ ...componentOf(node), scope: node.required ? "required" : "optional" })),
    dependencies: [root, ...rest].map(({ ref, needs }) => ({ ref, dependsOn: [...needs].sort() })),
  };
  return {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    serialNumber: `urn:uuid:${uuidOf(JSON.stringify(content))}`,
    ...content,
  };
}

/** Lists packages by their path in the lock file, with their dependencies. Required ones come first and decide the scope. */
function walk(packages) {
  const nodes = new Map();
  const queue = [{ place: "", required: true }];
  for (const kind of ["required", "optional"]) {
    for (let at = 0; at < queue.length; at++) {
      const { place, required } = queue[at];
      if (nodes.has(place) || required !== (kind === "required")) continue;
      const entry = packages[place];
      const name = place === "" ? entry.name : place.slice(place.lastIndexOf("node_modules/") + "node_modules/".length);
      const needs = new Set();
      nodes.set(place, { place, entry, name, needs, required, ref: purlOf(name, entry.version) });
      for (const { name: needed, optional } of needsOf(entry, place === "")) {
        const target = resolve(packages, place, needed);
        if (target === undefined) {
          if (optional) continue;
          throw new Error(`package-lock.json does not contain ${needed}, which ${name} requires.`);
        }
        needs.add(purlOf(needed, packages[target].version));
        queue.push({ place: target, required: required && !optional });
      }
    }
  }
  return nodes;
}

/** Peers of Ampho belong to the application. Peers of a dependency are installed with it unless they are optional. */
function needsOf(entry, isRoot) {
  const { dependencies = {}, optionalDependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} } = entry;
  const peers = isRoot ? [] : Object.keys(peerDependencies).filter((name) => !peerDependenciesMeta[name]?.optional);
  const optional = new Set(Object.keys(optionalDependencies));
  return [...new Set([...Object.keys(dependencies), ...optional, ...peers])].map((name) => ({
    name,
    optional: optional.has(name),
  }));
}

/** Resolves a package as Node does: beside the package that requires it, then further up. */
function resolve(packages, place, name) {
  for (let folder = place; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf("/node_modules/")))) {
    const candidate = `${folder === "" ? "" : `${folder}/`}node_modules/${name}`;
    if (packages[candidate] !== undefined) return candidate;
    if (folder === "") return undefined;
  }
}

function purlOf(name, version) {
  return `pkg:npm/${name.replace("@", "%40")}@${version}`;
}

function componentOf({ name, ref, entry: { version, license, integrity } }) {
  return {
    type: "library",
    "bom-ref": ref,
    ...(name.startsWith("@") ? { group: name.split("/")[0], name: name.split("/")[1] } : { name }),
    version,
    ...(integrity === undefined ? {} : { hashes: [hashOf(integrity)] }),
    ...(license === undefined ? {} : { licenses: [licenseOf(license)] }),
    purl: ref,
  };
}

/** Reads the subresource integrity of the lock file: `sha512-` and base64. */
function hashOf(integrity) {
  const [algorithm, digest] = integrity.split("-");
  if (algorithm !== "sha512") throw new Error(`The lock file has a hash that is not SHA-512: ${algorithm}.`);
  return { alg: "SHA-512", content: Buffer.from(digest, "base64").toString("hex") };
}

function licenseOf(license) {
  return /[\s()]/.test(license) ? { expression: license } : { license: { id: license } };
}

/** Derives a UUID of version 8 (RFC 9562 §5.8) from the hash of the content. */
function uuidOf(text) {
  const octets = createHash("sha256").update(text).digest().subarray(0, 16);
  octets[6] = (octets[6] & 0x0f) | 0x80;
  octets[8] = (octets[8] & 0x3f) | 0x80;
  const hex = octets.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
