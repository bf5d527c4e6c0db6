export interface Block {
  readonly kind: "page" | "comment" | "message" | "title" | "suite";
  readonly line: number;
  readonly text: string;
}

export function blocksOf(name: string, source: string): Block[];
