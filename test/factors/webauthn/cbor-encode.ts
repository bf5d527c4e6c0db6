// A CBOR encoder for tests. Raw bytes can stand anywhere, so that a test can write what no encoder writes.

export class Raw {
  readonly bytes: Buffer;

  constructor(bytes: Buffer | string) {
    this.bytes = typeof bytes === "string" ? Buffer.from(bytes, "hex") : bytes;
  }
}

export type Encodable = number | string | boolean | null | Buffer | Raw | readonly Encodable[] | EncodableMap;
export type EncodableMap = ReadonlyMap<number | string, Encodable>;

function head(type: number, number: number): Buffer {
  const major = type << 5;
  if (number < 24) return Buffer.of(major | number);
  if (number < 2 ** 8) return Buffer.of(major | 24, number);
  const size = number < 2 ** 16 ? 2 : number < 2 ** 32 ? 4 : 8;
  const bytes = Buffer.alloc(1 + size, major | (size === 2 ? 25 : size === 4 ? 26 : 27));
  if (size === 8) bytes.writeBigUInt64BE(BigInt(number), 1);
  else bytes.writeUIntBE(number, 1, size);
  return bytes;
}

export function encodeCbor(value: Encodable): Buffer {
  if (value instanceof Raw) return value.bytes;
  if (typeof value === "number") return value < 0 ? head(1, -1 - value) : head(0, value);
  if (typeof value === "boolean") return Buffer.of(value ? 0xf5 : 0xf4);
  if (value === null) return Buffer.of(0xf6);
  if (Buffer.isBuffer(value)) return Buffer.concat([head(2, value.length), value]);
  if (typeof value === "string") return Buffer.concat([head(3, Buffer.byteLength(value)), Buffer.from(value)]);
  if (value instanceof Map) {
    const entries = [...(value as EncodableMap)].flat();
    return Buffer.concat([head(5, value.size), ...entries.map((part) => encodeCbor(part as Encodable))]);
  }
  const items = value as readonly Encodable[];
  return Buffer.concat([head(4, items.length), ...items.map(encodeCbor)]);
}
