/** Image archives for tests, from images built with `src/testing/build-image.ts`. */
import { encodeHeader, END_OF_ARCHIVE, paddingFor } from '../../src/archive/tar/index.js';
import { algorithmOf, encodedOf } from '../../src/oci/digest.js';
import { index, pointedTo, type Built } from '../../src/testing/build-image.js';

export interface Entry {
  readonly name: string;
  readonly content?: string | Uint8Array;
  readonly type?: 'file' | 'directory' | 'symlink' | 'hard-link';
  readonly linkName?: string;
}

/** The entries as a tar; `end: false` leaves the end mark out. */
export function tarOf(entries: readonly Entry[], { end = true } = {}): Uint8Array {
  const parts = entries.flatMap(({ name, content = '', type = 'file', linkName }) => {
    const bytes = Buffer.from(content);
    const header = encodeHeader({
      name,
      type,
      mode: 0o644,
      size: bytes.byteLength,
      ...(linkName === undefined ? {} : { linkName }),
    });
    return [header, bytes, new Uint8Array(paddingFor(bytes.byteLength))];
  });
  return Buffer.concat(end ? [...parts, END_OF_ARCHIVE] : parts);
}

/** The entries of an OCI layout whose index is `root`: `oci-layout`, `index.json`, then blobs. */
export function layoutEntries(root: Built): Entry[] {
  const blobs = [...root.blobs].filter(([digest]) => digest !== root.descriptor.digest);
  return [
    { name: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' },
    { name: 'index.json', content: root.bytes },
    ...blobs.map(([digest, content]) => ({
      name: `blobs/${algorithmOf(digest)}/${encodedOf(digest)}`,
      content,
    })),
  ];
}

/** The archive of an OCI layout whose index lists `images`. */
export function layoutTar(...images: readonly Built[]): Uint8Array {
  return tarOf(layoutEntries(index(...images)));
}

/** An image as an index lists it under a name. */
export function named(refName: string, image: Built): Built {
  return pointedTo(image, { annotations: { 'org.opencontainers.image.ref.name': refName } });
}

/** Where a blob is in a layout. */
export function pathOf({ descriptor: { digest } }: Built): string {
  return `blobs/${algorithmOf(digest)}/${encodedOf(digest)}`;
}
