/** What a store has to hold, by what its commands said they did. */
export interface LedgerImage {
  readonly digest: string;
  readonly labels: Labels;
}

export interface Ledger {
  readonly images: ReadonlyMap<string, LedgerImage>;
  /** Leases that somebody made by name, and that last until they are removed. */
  readonly leases: ReadonlySet<string>;
  /** Content that was ingested by itself, with the labels it was given. */
  readonly content: ReadonlyMap<string, Labels>;
  /** Namespaces that somebody made, with their labels. */
  readonly namespaces: ReadonlyMap<string, Labels>;
}

type Labels = Readonly<Record<string, string>>;

export const EMPTY_LEDGER: Ledger = {
  images: new Map(),
  leases: new Set(),
  content: new Map(),
  namespaces: new Map(),
};

/** The ledger with some names pointing elsewhere; a name that is there keeps its labels. */
export function withTargets(
  ledger: Ledger,
  targets: Iterable<readonly [name: string, digest: string]>,
): Ledger {
  const images = new Map(ledger.images);
  for (const [name, digest] of targets) images.set(name, { digest, labels: images.get(name)?.labels ?? {} });
  return { ...ledger, images };
}

export function withoutImages(ledger: Ledger, names: readonly string[]): Ledger {
  const images = new Map(ledger.images);
  for (const name of names) images.delete(name);
  return { ...ledger, images };
}

export function withImage(ledger: Ledger, name: string, image: LedgerImage): Ledger {
  return { ...ledger, images: new Map(ledger.images).set(name, image) };
}

/** The ledger with content or a namespace that has just these labels, or without it. */
export function withLabels(
  ledger: Ledger,
  what: 'content' | 'namespaces',
  id: string,
  labels: Labels | undefined,
): Ledger {
  const changed = new Map(ledger[what]);
  if (labels === undefined) changed.delete(id);
  else changed.set(id, labels);
  return { ...ledger, [what]: changed };
}

/** The same text for the same ledger. */
export function textOf({ images, leases, content, namespaces }: Ledger): string {
  const labelled = (labels: Labels) => JSON.stringify(Object.entries(labels).sort());
  return [
    ...[...images].map(([name, { digest, labels }]) => `${name} ${digest} ${labelled(labels)}`),
    ...[...leases].map((id) => `lease ${id}`),
    ...[...content].map(([digest, labels]) => `content ${digest} ${labelled(labels)}`),
    ...[...namespaces].map(([name, labels]) => `namespace ${name} ${labelled(labels)}`),
  ]
    .sort()
    .join('\n');
}
