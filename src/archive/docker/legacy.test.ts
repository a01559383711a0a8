import { describe, expect, it } from 'vitest';
import { tarOf, type Entry } from '../../../test/support/build-archive.js';
import { layerTar } from '../../../test/support/build-docker-archive.js';
import { openMemoryStore } from '../../backends/memory/index.js';
import { readBlob, readDocument } from '../../content/read.js';
import { isStowageError, type StowageError } from '../../errors.js';
import { importArchive } from '../index.js';

const A = 'a'.repeat(64);
const B = 'b'.repeat(64);
const C = 'c'.repeat(64);

function image(id: string, fields: object, layer: Uint8Array | string): Entry[] {
  return [
    { name: `${id}/`, type: 'directory' },
    { name: `${id}/VERSION`, content: '1.0' },
    { name: `${id}/json`, content: JSON.stringify({ id, ...fields }) },
    { name: `${id}/layer.tar`, content: layer },
  ];
}

const repositories = (names: object): Entry => ({ name: 'repositories', content: JSON.stringify(names) });

const chain = [
  ...image(
    B,
    {
      parent: A,
      created: '2014-01-02T00:00:00Z',
      author: 'Somebody <a@example.org>',
      container_config: { Cmd: ['/bin/sh', '-c', '#(nop) CMD [/bin/sh]'] },
      config: { Cmd: ['/bin/sh'], Env: null },
      architecture: 'amd64',
      os: 'linux',
      Size: 0,
    },
    '',
  ),
  ...image(C, { parent: B, created: '2014-01-03T00:00:00Z', config: { Env: ['A=1'] } }, layerTar('c', 'c')),
  ...image(A, { created: '2013-01-01T00:00:00Z', comment: 'Imported from -' }, layerTar('a', 'a')),
];

async function failure(entries: readonly Entry[]): Promise<StowageError> {
  const error = await importArchive(openMemoryStore(), tarOf(entries)).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!isStowageError(error))
    throw new Error(`expected a StowageError, got ${String(error)}`, { cause: error });
  return error;
}

describe('a Docker archive from before 2016', () => {
  it('becomes images whose config is made up of the chain', async () => {
    const store = openMemoryStore();
    const tar = tarOf([...chain, repositories({ busybox: { old: C, base: B } })]);
    const { images } = await importArchive(store, tar);
    expect(images.map(({ name }) => name)).toEqual([
      'docker.io/library/busybox:base',
      'docker.io/library/busybox:old',
    ]);
    const target = images[0]?.target;
    if (target === undefined) throw new Error('no image');
    const manifest = await readDocument(store.content, target);
    if (manifest.kind !== 'manifest') throw new Error('no manifest');
    expect(manifest.layers).toHaveLength(1);
    const config = Buffer.from(await readBlob(store.content, manifest.config)).toString();
    expect(config).toBe(
      '{"architecture":"amd64","author":"Somebody <a@example.org>","config":{"Cmd":["/bin/sh"],"Env":null},' +
        '"container_config":{"Cmd":["/bin/sh","-c","#(nop) CMD [/bin/sh]"]},"created":"2014-01-02T00:00:00Z",' +
        '"history":[{"comment":"Imported from -","created":"2013-01-01T00:00:00Z"},' +
        '{"author":"Somebody <a@example.org>","created":"2014-01-02T00:00:00Z",' +
        '"created_by":"/bin/sh -c #(nop) CMD [/bin/sh]","empty_layer":true}],"os":"linux",' +
        `"rootfs":{"diff_ids":["${manifest.layers[0]?.digest ?? ''}"],"type":"layers"}}`,
    );
  });

  it('gives the same digests for ever', async () => {
    const tar = tarOf([...chain, repositories({ busybox: { old: C, base: B } })]);
    const { images } = await importArchive(openMemoryStore(), tar);
    expect(images.map(({ target }) => target.digest)).toEqual([
      'sha256:40664c6ad3919c8a2d6df6d8ecfdb7f2448bccba1696fe04d479fd823e8c7a08',
      'sha256:bfa85dbbf5ee1db2313f4c65e5ecf4134002968edad81ced9b82eb4e1d486db7',
    ]);
  });

  it('counts one image with several names once', async () => {
    const { images } = await importArchive(
      openMemoryStore(),
      tarOf([repositories({ b: { '2': A, '1': A }, a: { x: A } }), ...chain]),
    );
    expect(images.map(({ name }) => name)).toEqual([
      'docker.io/library/a:x',
      'docker.io/library/b:1',
      'docker.io/library/b:2',
    ]);
    expect(new Set(images.map(({ target }) => target.digest)).size).toBe(1);
  });

  it.each([
    [
      'a parent that is not there',
      /image "a{64}\/json" not found/,
      [...chain.slice(0, 8), repositories({ a: { x: C } })],
    ],
    [
      'a layer that is not there',
      /layer "a{64}\/layer.tar" not found/,
      [...chain.slice(0, -1), repositories({ a: { x: A } })],
    ],
    [
      'an image that is its own ancestor',
      /own ancestor/,
      [...image(A, { parent: B }, ''), ...image(B, { parent: A }, ''), repositories({ a: { x: A } })],
    ],
    [
      'an id that is a path',
      /the id "\.\.\/\.\.\/etc", which is not 64/,
      [...chain, repositories({ a: { x: '../../etc' } })],
    ],
    [
      'a parent that is no id',
      /the id a number/,
      [...image(A, { parent: 7 }, ''), repositories({ a: { x: A } })],
    ],
    ['names that are none', /"repositories" of/, [...chain, repositories(['a'])]],
  ])('is refused with %s', async (_, message, entries) => {
    expect((await failure(entries)).message).toMatch(message);
  });
});
