// 128 random bits as text. Pages over plain http have no `crypto.randomUUID`.

export function randomId(): string {
  return crypto.getRandomValues(new Uint8Array(16)).join("-");
}
