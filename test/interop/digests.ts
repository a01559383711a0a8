import type { Sandbox } from './sandbox.js';

/** The digest of the image in a layout or archive, as skopeo finds it: `oci:DIR:NAME`, `oci-archive:FILE:NAME`. */
export async function skopeoDigest(
  box: Sandbox,
  reference: string,
  tool: 'skopeo' | 'skopeo2' = 'skopeo',
): Promise<string> {
  const hex = await box.sh(`${tool} inspect --raw '${reference}' | sha256sum | cut -d' ' -f1`);
  return `sha256:${hex}`;
}

/** The digest of the config, by which Docker knows an image. */
export async function configDigest(box: Sandbox, reference: string): Promise<string> {
  const hex = await box.sh(`skopeo inspect --config --raw '${reference}' | sha256sum | cut -d' ' -f1`);
  return `sha256:${hex}`;
}

/** Names and digests a store lists; `ctr`, `ctr2` and `stowage` print the same columns. */
export async function listed(
  box: Sandbox,
  tool: 'ctr' | 'ctr2' | 'stowage',
): Promise<Readonly<Record<string, string>>> {
  const table = await box.sh(`${tool} images ls`);
  const rows = table.split('\n').slice(1);
  return Object.fromEntries(
    rows.map((row): [string, string] => {
      const [name = '', , digest = ''] = row.split(/\s+/);
      return [name, digest];
    }),
  );
}

/** The files of an unpacked image, a line each: type, mode, size, hash or link target, name. */
export async function fileTree(box: Sandbox, rootfs: string): Promise<string> {
  return box.sh(`cd '${rootfs}' && find . -printf '%y %m %n %U %G %T@ %P %l\\n' | sort -k7 &&
    find . -type f -print0 | sort -z | xargs -0 sha256sum`);
}
