import { describe, expect } from 'vitest';
import { listed, skopeoDigest } from './digests.js';
import { image, IMAGES } from './images.js';
import { interop, type Sandbox } from './sandbox.js';

const name = 'docker.io/example/carried:latest';

/** Without --local this release of ctr may end before all of the archive is written (seen in three runs of forty). */
const exportBy = { ctr: 'ctr images export', ctr2: 'ctr2 images export --local' } as const;

/** Puts the busybox image into a containerd without any help of ours; answers its digest. */
async function fill(box: Sandbox, tool: 'ctr' | 'ctr2'): Promise<string> {
  const made = await image('busybox');
  await box.sh(`
    skopeo copy --quiet oci:${made}/layout:latest oci-archive:in.tar:${name}
    ${tool} images import in.tar`);
  return skopeoDigest(box, `oci:${made}/layout:latest`);
}

describe.each(['ctr', 'ctr2'] as const)('an archive by %s images export', (tool) => {
  interop('keeps name and digest', [...IMAGES.busybox, tool], async (box) => {
    const digest = await fill(box, tool);
    await box.sh(`${exportBy[tool]} out.tar ${name}`);
    expect(await box.sh('stowage images import out.tar')).toBe(`${name} ${digest}`);
    expect(await listed(box, 'stowage')).toEqual({ [name]: digest });
  });

  interop('can be given another name', [...IMAGES.busybox, tool], async (box) => {
    const digest = await fill(box, tool);
    await box.sh(`${exportBy[tool]} out.tar ${name}`);
    expect(await box.sh('stowage images import foo/new:latest out.tar')).toBe(`foo/new:latest ${digest}`);
  });

  interop('comes and goes through a pipe', [...IMAGES.busybox, tool], async (box) => {
    const digest = await fill(box, tool);
    await box.sh(`
      ${exportBy[tool]} - ${name} | stowage images import -
      stowage images tag ${name} docker.io/example/back:latest
      stowage images export - docker.io/example/back:latest | ${tool} images import -`);
    expect(await listed(box, tool)).toEqual({ [name]: digest, 'docker.io/example/back:latest': digest });
  });

  interop('may hold two images with the same tag', [...IMAGES.busybox, tool], async (box) => {
    const made = await image('busybox');
    const one = await skopeoDigest(box, `oci:${made}/layout:latest`);
    const other = await skopeoDigest(box, `oci:${made}/layout:other`);
    const both = { 'docker.io/example/one:latest': one, 'docker.io/example/other:latest': other };
    const names = Object.keys(both).join(' ');
    await box.sh(`
      stowage images import docker.io/example/one:latest '${made}/archive.tar'
      stowage images import docker.io/example/other:latest '${made}/other.tar'
      stowage images export ours.tar ${names}
      ${tool} images import ours.tar`);
    expect(await listed(box, tool)).toEqual(both);
    await box.sh(`
      ${exportBy[tool]} theirs.tar ${names}
      stowage --root second images import theirs.tar`);
    expect(await box.sh('stowage --root second images ls -q')).toBe(Object.keys(both).join('\n'));
    for (const tar of ['ours.tar', 'theirs.tar']) {
      const again = await box.sh(`stowage --root 'of ${tar}' images import ${tar}`);
      expect(again.split('\n').sort()).toEqual(Object.entries(both).map((pair) => pair.join(' ')));
    }
  });
});

describe('an index of two platforms', () => {
  const needs = [...IMAGES['two-platforms'], 'ctr2'] as const;

  interop('goes through ctr2 and comes back with all of its blobs', needs, async (box) => {
    const made = await image('two-platforms');
    const digest = await skopeoDigest(box, `oci:${made}/layout:latest`);
    await box.sh(`
      stowage images import ${name} '${made}/archive.tar'
      stowage images export ours.tar ${name}
      ctr2 images import --all-platforms --no-unpack ours.tar`);
    expect(await listed(box, 'ctr2')).toEqual({ [name]: digest });
    await box.sh(`
      ${exportBy.ctr2} --all-platforms theirs.tar ${name}
      stowage --root second images import --all-platforms theirs.tar
      stowage content ls -q | sort >first.txt
      stowage --root second content ls -q | sort >second.txt`);
    expect(await box.sh(`stowage --root second images ls | grep -o '${digest}'`)).toBe(digest);
    // The store that ctr2 filled also holds what it was told in nothing but its index: every blob of the image.
    expect(await box.sh('comm -23 first.txt second.txt')).toBe('');
  });

  interop('can be reduced to one platform, and ctr2 and stowage know which', needs, async (box) => {
    const made = await image('two-platforms');
    const digest = await skopeoDigest(box, `oci:${made}/layout:latest`);
    await box.sh(`
      stowage images import ${name} '${made}/archive.tar'
      stowage images export --platform linux/arm64 arm.tar ${name}
      stowage images export all.tar ${name}
      ctr2 images import --platform linux/arm64 --no-unpack arm.tar`);
    expect(await listed(box, 'ctr2')).toEqual({ [name]: digest });
    expect(await box.sh(`ctr2 images ls | grep -oE 'linux/[a-z0-9]+'`)).toContain('linux/arm64');
    await box.sh(`
      skopeo inspect --raw --override-arch arm64 oci:${made}/layout:arm64 >manifest
      for digest in $(grep -oE 'sha256:[0-9a-f]{64}' manifest); do ctr2 content get $digest >/dev/null; done`);
    // Another root takes the sparse index for what it is, but not for what it is not.
    expect(await box.sh('stowage --root second images import arm.tar')).toBe(`${name} ${digest}`);
    const amd64 = await box.attempt('stowage --root third images import --platform linux/amd64 arm.tar');
    expect(amd64.status).not.toBe(0);
    expect(await box.sh('stowage --root third images ls -q')).toBe('');
    const all = await box.attempt('stowage --root third images import --all-platforms arm.tar');
    expect(all.status).not.toBe(0);
  });

  interop('exported by ctr2 for one platform only is taken as it is', needs, async (box) => {
    const made = await image('two-platforms');
    const digest = await skopeoDigest(box, `oci:${made}/layout:latest`);
    await box.sh(`
      skopeo copy --quiet --all oci:${made}/layout:latest oci-archive:in.tar:${name}
      ctr2 images import --all-platforms --no-unpack in.tar
      ${exportBy.ctr2} --platform linux/amd64 out.tar ${name}`);
    expect(await box.sh('stowage images import out.tar')).toBe(`${name} ${digest}`);
  });
});
