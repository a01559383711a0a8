/** What a store has to hold, by what its commands said they did. */
export interface LedgerImage {
  readonly digest: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface Ledger {
  readonly images: ReadonlyMap<string, LedgerImage>;
  /** Leases that somebody made by name, and that last until they are removed. */
  readonly leases: ReadonlySet<string>;
}

export const EMPTY_LEDGER: Ledger = { images: new Map(), leases: new Set() };

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

/** The same text for the same ledger. */
export function textOf({ images, leases }: Ledger): string {
  const lines = [...images].map(
    ([name, { digest, labels }]) => `${name} ${digest} ${JSON.stringify(Object.entries(labels).sort())}`,
  );
  return [...lines, ...[...leases].map((id) => `lease ${id}`)].sort().join('\n');
}
