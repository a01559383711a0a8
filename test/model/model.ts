/** What a store is, as simply as it can be said: maps in memory, one namespace beside the other. */

export interface Namespace {
  /** Labels by the number of the content. */
  readonly content: Map<number, Map<string, string>>;
  readonly images: Map<string, number>;
  /** What each lease keeps. */
  readonly leases: Map<string, Set<number>>;
  /** The bytes so far. */
  readonly ingests: Map<string, string>;
}

export type Model = Readonly<Record<'default' | 'other', Namespace>>;

export function emptyModel(): Model {
  const namespace = (): Namespace => ({
    content: new Map(),
    images: new Map(),
    leases: new Map(),
    ingests: new Map(),
  });
  return { default: namespace(), other: namespace() };
}

export const ROOT = 'containerd.io/gc.root';
export const REFERENCE = 'containerd.io/gc.ref.content.0';

/** What a collection takes from a namespace; `digests` are those of the contents, by their numbers. */
export function garbage({ content, images, leases }: Namespace, digests: readonly string[]): number[] {
  const rooted = [...content].filter(([, labels]) => labels.has(ROOT)).map(([number]) => number);
  const queue = [...rooted, ...images.values(), ...[...leases.values()].flatMap((kept) => [...kept])];
  const kept = new Set<number>();
  for (let number = queue.pop(); number !== undefined; number = queue.pop()) {
    if (kept.has(number)) continue;
    kept.add(number);
    const reference = content.get(number)?.get(REFERENCE);
    if (reference !== undefined) queue.push(digests.indexOf(reference));
  }
  return [...content.keys()].filter((number) => !kept.has(number));
}
