import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { describe, expect } from 'vitest';
import { tarOf, type Entry } from '../support/build-archive.js';
import {
  dockerConfig,
  dockerEntries,
  layerTar,
  type DockerLayerFile,
} from '../support/build-docker-archive.js';
import { listed } from './digests.js';
import { interop } from './sandbox.js';

const base: DockerLayerFile = { path: 'base/layer.tar', content: layerTar('base.txt', 'base') };
const plain = layerTar('top.txt', 'top');
const zipped: DockerLayerFile = { path: 'top.tar.gz', content: gzipSync(plain), plain };
const link: DockerLayerFile = { path: 'linked/layer.tar', content: base.content };

function of(fields: object, repoTags: readonly string[]): Entry[] {
  return [
    { name: base.path, content: base.content },
    { name: 'config.json', content: dockerConfig([base], fields) },
    {
      name: 'manifest.json',
      content: JSON.stringify([{ Config: 'config.json', RepoTags: repoTags, Layers: [base.path] }]),
    },
  ];
}

const archives: Readonly<Record<string, readonly Entry[]>> = {
  'of plain layers': dockerEntries([base], ['docker.io/example/plain:1']),
  'of plain and gzip layers': dockerEntries([base, zipped], ['docker.io/example/mixed:1']),
  'with short names': dockerEntries([base], ['busybox', 'example/team:2', 'localhost:5000/a']),
  'with links for layers': dockerEntries([base, link], ['docker.io/example/linked:1']).map((entry) =>
    entry.name === link.path ? { name: link.path, type: 'symlink', linkName: '../base/layer.tar' } : entry,
  ),
  'for arm64/v8': of({ architecture: 'arm64', variant: 'v8' }, ['docker.io/example/arm64:1']),
  'for arm/v6': of({ architecture: 'arm', variant: 'v6' }, ['docker.io/example/arm:1']),
  'for x86_64': of({ architecture: 'x86_64' }, ['docker.io/example/x86:1']),
  'for windows': of({ os: 'windows', 'os.version': '10.0.20348.1' }, ['docker.io/example/windows:1']),
};

describe('a Docker archive', () => {
  interop('gets the digests that ctr2 gives it in an empty namespace', ['ctr2'], async (box) => {
    for (const [what, entries] of Object.entries(archives)) {
      await writeFile(box.path('in.tar'), tarOf(entries));
      const index = 'docker.io/example/index:whole';
      await box.sh(`
        ctr2 images import --local --all-platforms --no-unpack --index-name ${index} in.tar
        rm -rf root
        stowage images import --index-name ${index} in.tar
        stowage --root piped images import --index-name ${index} - <in.tar`);
      const expected = await listed(box, 'ctr2');
      expect(await listed(box, 'stowage'), what).toEqual(expected);
      expect((await box.sh('stowage --root piped images ls -q')).split('\n').sort(), what).toEqual(
        Object.keys(expected).sort(),
      );
      await box.sh('rm -rf piped; ctr2 images ls -q | xargs ctr2 images rm --sync');
    }
  });
});

const compressions = { gzip: ['gzip'], zstd: ['zstd'], xz: ['xz'], bzip2: ['bzip2'] } as const;

describe.each(Object.keys(compressions))('an archive compressed by %s', (tool) => {
  interop('is read from a file and from a pipe, whatever it is called', [], async (box) => {
    const missing = await promisify(execFile)('sh', ['-c', `command -v ${tool}`]).then(
      () => false,
      () => true,
    );
    if (missing) return;
    await writeFile(box.path('in.tar'), tarOf(dockerEntries([base, zipped], ['docker.io/example/mixed:1'])));
    const attempt = await box.attempt(`
      stowage images import in.tar
      ${tool} -c in.tar >in.tar.txt
      stowage --root file images import in.tar.txt
      stowage --root piped images import - <in.tar.txt`);
    if (tool === 'bzip2') {
      expect(attempt.stderr).toContain('bunzip2');
      return;
    }
    expect(attempt).toMatchObject({ status: 0 });
    const [image, ...others] = attempt.stdout.trim().split('\n');
    expect(others).toEqual([image, image]);
  });
});
