import { describe, expect } from 'vitest';
import { fileTree, listed, skopeoDigest } from './digests.js';
import { image, IMAGES } from './images.js';
import { interop } from './sandbox.js';

const name = 'docker.io/library/carried:latest';

describe('a stowage root is an OCI image layout, in which', () => {
  for (const tool of ['skopeo', 'skopeo2'] as const) {
    interop(`${tool} finds an image by its full name`, [...IMAGES.debian, tool], async (box) => {
      const made = await image('debian');
      await box.sh(`stowage images import ${name} '${made}/archive.tar'`);
      expect(await skopeoDigest(box, `oci:root:${name}`, tool)).toBe((await listed(box, 'stowage'))[name]);
      await box.sh(`${tool} copy --quiet oci:root:${name} oci-archive:out.tar:latest`);
      expect(await skopeoDigest(box, 'oci-archive:out.tar:latest', tool)).toBe(
        await skopeoDigest(box, `oci:${made}/layout:latest`, tool),
      );
    });
  }

  for (const tool of ['umoci', 'umoci2'] as const) {
    interop(`${tool} lists the names and unpacks an image`, [...IMAGES.busybox, tool], async (box) => {
      const made = await image('busybox');
      await box.sh(`
        stowage images import ${name} '${made}/archive.tar'
        stowage images tag ${name} example.com/second:1`);
      const names = await box.sh(`${tool} ls --layout root`);
      expect(names.split('\n').sort()).toEqual([name, 'example.com/second:1']);
      await box.sh(`
        ${tool} unpack --image 'root:${name}' ours
        ${tool} unpack --image '${made}/layout:latest' theirs`);
      expect(await fileTree(box, 'ours/rootfs')).toBe(await fileTree(box, 'theirs/rootfs'));
    });
  }

  interop('nothing is left under a name that was removed', [...IMAGES.busybox], async (box) => {
    const made = await image('busybox');
    await box.sh(`
      stowage images import ${name} '${made}/archive.tar'
      stowage images import example.com/other:1 --ref-object latest '${made}/other.tar'
      stowage images rm ${name}`);
    expect(await box.sh('umoci ls --layout root')).toBe('example.com/other:1');
    const { status } = await box.attempt(`skopeo inspect --raw oci:root:${name}`);
    expect(status).not.toBe(0);
  });
});
