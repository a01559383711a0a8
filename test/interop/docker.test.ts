import { describe, expect } from 'vitest';
import { configDigest, skopeoDigest } from './digests.js';
import { image, IMAGES } from './images.js';
import { interop, type Sandbox } from './sandbox.js';

/** Without a network of its own: the daemon under test has no bridge. */
const run = (box: Sandbox, name: string) => box.sh(`docker2 run --rm --network none ${name}`);

const forget = (box: Sandbox, ...names: string[]) => {
  box.finally(`docker2 image rm --force ${names.join(' ')}`);
};

describe('docker load', () => {
  interop('runs a busybox image that went through stowage', [...IMAGES.busybox, 'docker2'], async (box) => {
    const made = await image('busybox');
    forget(box, 'interop/busybox:latest');
    const loaded = await box.sh(`
      stowage images import docker.io/interop/busybox:latest '${made}/archive.tar' >imported
      stowage images export - docker.io/interop/busybox:latest | docker2 load`);
    expect(loaded).toBe('Loaded image: interop/busybox:latest');
    expect(await run(box, 'interop/busybox:latest')).toBe('carried by stowage');
    expect(await box.sh(`docker2 image inspect -f '{{.Id}}' interop/busybox:latest`)).toBe(
      await configDigest(box, `oci:${made}/layout:latest`),
    );
  });

  for (const archive of ['archive.tar', 'zstd.tar']) {
    interop(
      `runs a Debian root file system from ${archive} that went through stowage`,
      [...IMAGES.debian, 'docker2'],
      async (box) => {
        const made = await image('debian');
        forget(box, 'interop/debian:12');
        await box.sh(`
        stowage images import --ref-object latest docker.io/interop/debian:12 '${made}/${archive}'
        stowage images export out.tar docker.io/interop/debian:12
        docker2 load -i out.tar`);
        // The hard link to the file was made in the second layer, and the file replaced in the third.
        expect(await run(box, 'interop/debian:12')).toBe(
          'written in the third layer\nwritten in the second layer',
        );
      },
    );
  }

  interop('finds both of two images with the same tag', [...IMAGES.busybox, 'docker2'], async (box) => {
    const made = await image('busybox');
    forget(box, 'interop/one:latest', 'interop/other:latest');
    await box.sh(`
      stowage images import interop/one:latest '${made}/archive.tar'
      stowage images import interop/other:latest '${made}/other.tar'
      stowage images export - interop/one:latest interop/other:latest | docker2 load`);
    expect(await run(box, 'interop/one:latest')).toBe('carried by stowage');
    expect(await run(box, 'interop/other:latest')).toBe('the other image');
  });

  interop('takes its own platform of two', [...IMAGES['two-platforms'], 'docker2'], async (box) => {
    const made = await image('two-platforms');
    forget(box, 'interop/two:latest');
    await box.sh(`
      stowage images import interop/two:latest '${made}/archive.tar'
      stowage images export - interop/two:latest | docker2 load`);
    expect(await run(box, 'interop/two:latest')).toBe('amd64');
  });
});

describe('an archive by docker save', () => {
  interop(
    'is imported under its name and loads again as the same image',
    [...IMAGES.busybox, 'docker2'],
    async (box) => {
      const made = await image('busybox');
      forget(box, 'interop/saved:latest', 'interop/loaded:latest');
      const imported = await box.sh(`
      skopeo copy --quiet oci:${made}/layout:latest docker-archive:in.tar:interop/saved:latest
      docker2 load --quiet --input in.tar >/dev/null
      docker2 save --output saved.tar interop/saved:latest
      stowage images import saved.tar`);
      const [name, digest] = imported.split(' ');
      expect(name).toBe('docker.io/interop/saved:latest');
      expect(await box.sh(`tar -xOf saved.tar index.json | grep -o '${digest ?? ''}'`)).toBe(digest);
      await box.sh(`
      stowage images tag docker.io/interop/saved:latest docker.io/interop/loaded:latest
      stowage images export - docker.io/interop/loaded:latest | docker2 load`);
      expect(await box.sh(`docker2 image inspect -f '{{.Id}}' interop/loaded:latest`)).toBe(
        await configDigest(box, `oci:${made}/layout:latest`),
      );
      expect(await run(box, 'interop/loaded:latest')).toBe('carried by stowage');
    },
  );

  interop('may hold several images', [...IMAGES.busybox, 'docker2'], async (box) => {
    const made = await image('busybox');
    forget(box, 'interop/one:1', 'interop/other:2', 'interop/other:3');
    const imported = await box.sh(`
      skopeo copy --quiet oci:${made}/layout:latest docker-archive:one.tar:interop/one:1
      skopeo copy --quiet oci:${made}/layout:other docker-archive:other.tar:interop/other:2
      docker2 load --quiet --input one.tar >/dev/null
      docker2 load --quiet --input other.tar >/dev/null
      docker2 tag interop/other:2 interop/other:3
      docker2 save interop/one:1 interop/other:2 interop/other:3 | stowage images import -`);
    const digests = new Map(imported.split('\n').map((line) => line.split(' ') as [string, string]));
    expect([...digests.keys()].sort()).toEqual([
      'docker.io/interop/one:1',
      'docker.io/interop/other:2',
      'docker.io/interop/other:3',
    ]);
    expect(digests.get('docker.io/interop/other:2')).toBe(digests.get('docker.io/interop/other:3'));
    expect(await skopeoDigest(box, 'oci:root:docker.io/interop/one:1')).toBe(
      digests.get('docker.io/interop/one:1'),
    );
  });
});
