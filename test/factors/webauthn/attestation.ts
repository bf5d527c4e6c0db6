// The attestation statements of the test vectors of WebAuthn Level 3, section 16, with their certificates (RFC 5280). Ampho
// does not read them. They are here so that whole registrations can be compared with the published ones.
import { createHash, type KeyObject } from "node:crypto";
import type { Statement } from "./authenticator.js";
import type { Encodable, EncodableMap } from "./cbor-encode.js";
import { signDeterministically } from "./rfc6979.js";

export interface EcKey {
  readonly privateKey: KeyObject;
  /** The uncompressed point. */
  readonly point: Buffer;
}

/** The credential and the ceremony that a statement describes. */
export interface Attested {
  readonly key: EcKey;
  readonly id: Buffer;
  readonly authData: Buffer;
  readonly clientDataHash: Buffer;
}

/** The issuer, the key and the serial number of a certificate. */
export interface Certified {
  readonly authority: EcKey;
  readonly key: EcKey;
  readonly serial: Buffer;
}

const hashOf = (name: string, data: Buffer) => createHash(name).update(data).digest();

function der(tag: number, ...contents: readonly Buffer[]): Buffer {
  const body = Buffer.concat(contents);
  const { length } = body;
  const head = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.of(tag, ...head), body]);
}

const sequence = (...contents: readonly Buffer[]) => der(0x30, ...contents);
const octets = (...contents: readonly Buffer[]) => der(0x04, ...contents);
const explicit = (number: number, ...contents: readonly Buffer[]) => der(0xa0 + number, ...contents);
const integer = (...bytes: readonly number[]) => der(0x02, Buffer.of(...bytes));
const enumerated = (value: number) => der(0x0a, Buffer.of(value));
const bits = (unused: number, ...contents: readonly Buffer[]) => der(0x03, Buffer.of(unused), ...contents);
const text = (value: string) => der(0x0c, Buffer.from(value));

/** An object identifier: every part in groups of seven bits. */
function oid(value: string): Buffer {
  const [first = 0, second = 0, ...rest] = value.split(".").map(Number);
  const groups = [first * 40 + second, ...rest].flatMap((part) => {
    const bytes = [part & 127];
    for (let left = part >>> 7; left > 0; left >>>= 7) bytes.unshift((left & 127) | 128);
    return bytes;
  });
  return der(0x06, Buffer.from(groups));
}

const nameParts = { CN: "2.5.4.3", O: "2.5.4.10", OU: "2.5.4.11" } as const;

function nameOf(unit: string): Buffer {
  const part = (type: string, value: Buffer) => der(0x31, sequence(oid(type), value));
  const country = part("2.5.4.6", der(0x13, Buffer.from("AA")));
  const texts = { CN: "WebAuthn test vectors", O: "W3C", OU: unit } as const;
  const named = Object.entries(texts).map(([type, value]) => part(nameParts[type as keyof typeof texts], text(value)));
  return sequence(...named, country);
}

function extension(type: string, critical: boolean, value: Buffer): Buffer {
  return sequence(oid(type), ...(critical ? [der(0x01, Buffer.of(255))] : []), octets(value));
}

const ecdsaSha256 = sequence(oid("1.2.840.10045.4.3.2"));
const ecPublicKey = sequence(oid("1.2.840.10045.2.1"), oid("1.2.840.10045.3.1.7"));

function certificate({ authority, key, serial }: Certified, subject: Buffer, extensions: readonly Buffer[]): Buffer {
  const positive = (serial[0] ?? 0) < 128 ? serial : Buffer.concat([Buffer.of(0), serial]);
  const years = sequence(der(0x17, Buffer.from("240101000000Z")), der(0x18, Buffer.from("30240101000000Z")));
  const standard = [
    extension("2.5.29.19", true, sequence()),
    extension("2.5.29.15", true, bits(7, Buffer.of(0x80))),
    extension("2.5.29.14", false, octets(hashOf("sha1", key.point))),
    extension("2.5.29.35", false, sequence(der(0x80, hashOf("sha1", authority.point)))),
  ];
  const body = sequence(
    explicit(0, integer(2)),
    der(0x02, positive),
    ecdsaSha256,
    nameOf("Authenticator Attestation CA"),
    years,
    subject,
    sequence(ecPublicKey, bits(0, key.point)),
    explicit(3, sequence(...standard, ...extensions)),
  );
  return sequence(body, ecdsaSha256, bits(0, signDeterministically(authority.privateKey, body)));
}

const leaf = (certified: Certified, ...extensions: readonly Buffer[]) =>
  certificate(certified, nameOf("Authenticator Attestation"), extensions);

function map(entries: Readonly<Record<string, Encodable>>): EncodableMap {
  return new Map(Object.entries(entries));
}

const signed = ({ authData, clientDataHash }: Attested) => Buffer.concat([authData, clientDataHash]);

function packed(attested: Attested, certified: Certified): Statement {
  const sig = signDeterministically(certified.key.privateKey, signed(attested));
  return { fmt: "packed", attStmt: map({ alg: -7, sig, x5c: [leaf(certified)] }) };
}

/** TPMT_PUBLIC and TPMS_ATTEST are structures of "TPM 2.0 Library, part 2". */
function tpm(attested: Attested, certified: Certified): Statement {
  const hex = (value: string) => Buffer.from(value.replaceAll(" ", ""), "hex");
  const sized = (data: Buffer) => Buffer.concat([Buffer.of(data.length >> 8, data.length & 255), data]);
  const { point } = attested.key;
  // An ECC key for signatures with SHA-256 on P-256, with no policy, scheme and key derivation.
  const area = hex("0023 000b 00040000 0000 0010 0010 0003 0010");
  const pubArea = Buffer.concat([area, sized(point.subarray(1, 33)), sized(point.subarray(33))]);
  const name = Buffer.concat([hex("000b"), hashOf("sha256", pubArea)]);
  const extraData = hashOf("sha256", signed(attested));
  const [clock, firmware] = [hex("0000000000000000 11111111 22222222 33"), hex("0000000000000000")];
  const certInfo = Buffer.concat([
    hex("ff544347 8017 0000"),
    sized(extraData),
    clock,
    firmware,
    sized(name),
    sized(hex("")),
  ]);
  const attribute = (type: string, value: string) => sequence(oid(type), text(value));
  const device = der(
    0x31,
    attribute("2.23.133.2.1", "id:00000000"),
    attribute("2.23.133.2.3", "id:00000000"),
    attribute("2.23.133.2.2", "WebAuthn test vectors"),
  );
  const usage = extension("2.5.29.37", false, sequence(oid("2.23.133.8.3")));
  const names = extension("2.5.29.17", true, sequence(explicit(4, sequence(device))));
  const x5c = [certificate(certified, sequence(), [usage, names])];
  const sig = signDeterministically(certified.key.privateKey, certInfo);
  return { fmt: "tpm", attStmt: map({ alg: -7, sig, ver: "2.0", x5c, pubArea, certInfo }) };
}

function androidKey(attested: Attested, certified: Certified): Statement {
  const challenge = octets(attested.clientDataHash);
  const versions = [integer(1, 0x2c), enumerated(0), integer(0), enumerated(0)];
  const lists = [sequence(), sequence()];
  const description = sequence(...versions, challenge, octets(), ...lists);
  const x5c = [leaf(certified, extension("1.3.6.1.4.1.11129.2.1.17", false, description))];
  const sig = signDeterministically(attested.key.privateKey, signed(attested));
  return { fmt: "android-key", attStmt: map({ alg: -7, sig, x5c }) };
}

function apple(attested: Attested, certified: Certified): Statement {
  const nonce = sequence(explicit(1, octets(hashOf("sha256", signed(attested)))));
  return { fmt: "apple", attStmt: map({ x5c: [leaf(certified, extension("1.2.840.113635.100.8.2", false, nonce))] }) };
}

function fidoU2f(attested: Attested, certified: Certified): Statement {
  const { authData, clientDataHash, id, key } = attested;
  const data = Buffer.concat([Buffer.of(0), authData.subarray(0, 32), clientDataHash, id, key.point]);
  const sig = signDeterministically(certified.key.privateKey, data);
  return { fmt: "fido-u2f", attStmt: map({ sig, x5c: [leaf(certified)] }) };
}

/** One function for each format that has a certificate. */
export const statements = { packed, tpm, "android-key": androidKey, apple, "fido-u2f": fidoU2f } as const;
