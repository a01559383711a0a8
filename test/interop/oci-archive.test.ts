import { describe, expect } from 'vitest';
import { listed, skopeoDigest } from './digests.js';
import { image, IMAGES, type ImageName } from './images.js';
import { READERS } from './readers.js';
import { interop } from './sandbox.js';

const carried: readonly (readonly [what: string, recipe: ImageName, archive: string, layout: string])[] = [
  ['a busybox image', 'busybox', 'archive.tar', 'layout'],
  ['a Debian root file system', 'debian', 'archive.tar', 'layout'],
  ['a Debian root file system in zstd layers', 'debian', 'zstd.tar', 'zstd'],
];

describe.each(carried)('%s in an archive by skopeo', (_what, recipe, archive, layout) => {
  interop('gets the name the caller gives it, and keeps its digest', [...IMAGES[recipe]], async (box) => {
    const made = await image(recipe);
    const digest = await skopeoDigest(box, `oci:${made}/${layout}:latest`);
    const stdout = await box.sh(`stowage images import foo/new:latest '${made}/${archive}'`);
    expect(stdout).toBe(`foo/new:latest ${digest}`);
    expect(await listed(box, 'stowage')).toEqual({ 'foo/new:latest': digest });
  });

  interop('gets its name from the archive and the base name', [...IMAGES[recipe]], async (box) => {
    const made = await image(recipe);
    const digest = await skopeoDigest(box, `oci:${made}/${layout}:latest`);
    const stdout = await box.sh(`stowage images import --base-name example.com/a '${made}/${archive}'`);
    expect(stdout).toBe(`example.com/a:latest ${digest}`);
  });

  interop('comes in through a pipe as well', [...IMAGES[recipe]], async (box) => {
    const made = await image(recipe);
    const digest = await skopeoDigest(box, `oci:${made}/${layout}:latest`);
    const stdout = await box.sh(`cat '${made}/${archive}' | stowage images import foo/new:latest -`);
    expect(stdout).toBe(`foo/new:latest ${digest}`);
  });

  for (const reader of READERS) {
    if (layout === 'zstd' && !reader.zstd) continue;
    interop(
      `is exported so that ${reader.title} finds the same digest`,
      [...IMAGES[recipe], ...reader.needs],
      async (box) => {
        const made = await image(recipe);
        const name = 'docker.io/example/carried:latest';
        await box.sh(`
        stowage images import ${name} '${made}/${archive}'
        stowage images export out.tar ${name}`);
        const digest = await skopeoDigest(box, `oci:${made}/${layout}:latest`);
        expect(await reader.read(box, { name, layout: `${made}/${layout}` })).toBe(digest);
      },
    );
  }
});

describe('an exported archive', () => {
  interop(
    'is the same to the last byte from a file and from a pipe, and the second time',
    [...IMAGES.busybox],
    async (box) => {
      const made = await image('busybox');
      await box.sh(`
        stowage images import foo/new:latest '${made}/archive.tar'
        stowage images export once.tar foo/new:latest
        stowage images export - foo/new:latest | cat >piped.tar
        stowage --root other images import foo/new:latest once.tar
        stowage --root other images export again.tar foo/new:latest
        cmp once.tar piped.tar
        cmp once.tar again.tar`);
    },
  );

  interop(
    'is well-formed to crane, which reads it as Docker does',
    [...IMAGES.busybox, 'crane'],
    async (box) => {
      const made = await image('busybox');
      const output = await box.sh(`
      stowage images import foo/new:latest '${made}/archive.tar' >imported
      stowage images export out.tar foo/new:latest
      crane validate --tarball out.tar 2>&1`);
      expect(output).toBe('PASS: out.tar');
    },
  );

  interop(
    'shows skopeo the layers and the configuration of the original',
    [...IMAGES.debian],
    async (box) => {
      const made = await image('debian');
      await box.sh(`
      stowage images import foo/new:latest '${made}/archive.tar'
      stowage images export out.tar foo/new:latest`);
      const inspect = (what: string) => box.sh(`skopeo inspect ${what}`);
      expect(await inspect('oci-archive:out.tar:latest')).toBe(await inspect(`oci:${made}/layout:latest`));
      expect(await inspect('--config oci-archive:out.tar:latest')).toBe(
        await inspect(`--config oci:${made}/layout:latest`),
      );
      expect(await inspect('--config docker-archive:out.tar')).toBe(
        await inspect(`--config oci:${made}/layout:latest`),
      );
    },
  );
});
