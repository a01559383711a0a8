/** What the cases grow from: sound archives of every shape, from our own builders and, where it is, from the corpus. */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { readTar } from '../../src/archive/tar/index.js';
import { isStowageError } from '../../src/errors.js';
import { digestOf } from '../../src/io/hash.js';
import { encodedOf } from '../../src/oci/digest.js';
import {
  blob,
  config,
  forPlatform,
  index,
  indexOfType,
  layer,
  manifest,
  pointedTo,
  type Built,
} from '../../src/testing/build-image.js';
import { layoutEntries, named } from '../support/build-archive.js';

/** An entry of a tar, as free as a hostile one: any name, any type flag. */
export interface Member {
  readonly name: string;
  readonly typeflag: string;
  readonly linkName: string;
  readonly content: Buffer;
}

export interface Seed {
  readonly title: string;
  readonly members: readonly Member[];
}

/** Members larger than this are left out of what is read from the corpus: a case is to take milliseconds. */
const LARGEST_MEMBER = 64 * 1024;
const MOST_MEMBERS = 80;

export function file(name: string, content: string | Uint8Array): Member {
  return { name, typeflag: '0', linkName: '', content: Buffer.from(content) };
}

function link(name: string, linkName: string, typeflag: '1' | '2'): Member {
  return { name, typeflag, linkName, content: Buffer.alloc(0) };
}

export function ownSeeds(): Seed[] {
  const shared = layer('shared.txt', 'shared');
  const amd64 = manifest(config(), shared, layer('a.txt', 'a'));
  const arm64 = manifest(config({ architecture: 'arm64', variant: 'v8' }), shared, layer('b.txt', 'b'));
  const both = index(forPlatform('linux/amd64', amd64), forPlatform('linux/arm64/v8', arm64));
  const list = indexOfType(
    'application/vnd.docker.distribution.manifest.list.v2+json',
    forPlatform('linux/amd64', amd64),
  );
  const attestation = pointedTo(manifest(blob('{}', 'application/vnd.oci.empty.v1+json'), blob('attested')), {
    platform: { architecture: 'unknown', os: 'unknown' },
    annotations: {
      'vnd.docker.reference.type': 'attestation-manifest',
      'vnd.docker.reference.digest': amd64.descriptor.digest,
    },
  });
  const attested = index(forPlatform('linux/amd64', amd64), attestation);
  const referrer = manifest(config(), { subject: amd64.descriptor, artifactType: 'application/example' });
  const inline = pointedTo(amd64, { data: Buffer.from(amd64.bytes).toString('base64') });
  const layouts: Record<string, Built> = {
    'one image': index(named('latest', amd64)),
    'two platforms': index(named('docker.io/library/both:latest', both)),
    'an index in an index': index(named('deep', index(both, attested))),
    'a Docker list': index(named('v1', list)),
    'a referrer': index(named('v1', amd64), referrer),
    'data in a descriptor': index(named('v1', inline)),
    'no name': index(amd64, arm64),
  };
  const seeds = Object.entries(layouts).map(([title, root]) => ({
    title,
    members: layoutEntries(root).map(({ name, content = '' }) => file(name, content)),
  }));
  return [...seeds, ...dockerSeeds()];
}

function dockerSeeds(): Seed[] {
  const layers = [layer('a.txt', 'first').bytes, layer('b.txt', 'second').bytes];
  const diffIds = layers.map((bytes) => digestOf(bytes));
  const configuration = Buffer.from(
    JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: diffIds } }),
  );
  const id = encodedOf(digestOf(configuration));
  const folders = diffIds.map((digest) => encodedOf(digest));
  const manifestOf = (paths: readonly string[], tags: readonly string[]) =>
    JSON.stringify([{ Config: `${id}.json`, RepoTags: tags, Layers: paths }]);
  const paths = folders.map((folder) => `${folder}/layer.tar`);
  const v1 = folders.map((folder, at) => {
    const parent = folders[at - 1];
    const json = {
      id: folder,
      ...(parent === undefined ? {} : { parent }),
      os: 'linux',
      architecture: 'amd64',
    };
    return file(`${folder}/json`, JSON.stringify(json));
  });
  const bodies = layers.map((bytes, at) => file(paths[at] ?? '', bytes));
  const repositories = file('repositories', JSON.stringify({ 'old/one': { latest: folders[1] } }));
  const versions = folders.map((folder) => file(`${folder}/VERSION`, '1.0'));
  const zipped = layers.map((bytes, at) => file(`${at}.tar.gz`, gzipSync(bytes)));
  return [
    {
      title: 'docker 1.2',
      members: [
        file(`${id}.json`, configuration),
        ...v1,
        ...bodies,
        file('manifest.json', manifestOf(paths, ['docker.io/library/one:latest', 'two:v1'])),
        repositories,
      ],
    },
    { title: 'docker 1.0', members: [...versions, ...v1, ...bodies, repositories] },
    {
      title: 'docker with links',
      members: [
        file('manifest.json', manifestOf(['x/layer.tar', 'y/layer.tar'], ['linked:latest'])),
        link('x/layer.tar', `../${paths[0]}`, '2'),
        ...bodies,
        link('y/layer.tar', paths[1] ?? '', '1'),
        file(`${id}.json`, configuration),
      ],
    },
    {
      title: 'flat, gzipped layers',
      members: [
        file(`${id}.json`, configuration),
        ...zipped,
        file(
          'manifest.json',
          manifestOf(
            zipped.map(({ name }) => name),
            ['flat:v1'],
          ),
        ),
      ],
    },
  ];
}

/** Small image archives of the corpus at `folder`; none where it is absent. */
export async function corpusSeeds(folder: string): Promise<Seed[]> {
  const listing = join(folder, 'INDEX.tsv');
  if (!existsSync(listing)) return [];
  const rows = readFileSync(listing, 'utf8').split('\n').slice(1);
  const paths = rows.map((row) => row.split('\t')[0] ?? '').filter((path) => path.endsWith('.tar'));
  const seeds: Seed[] = [];
  for (const path of paths) {
    const location = join(folder, path);
    if (!existsSync(location) || statSync(location).size > 8 * LARGEST_MEMBER) continue;
    const members = await membersOf(readFileSync(location));
    if (members.length > 0) seeds.push({ title: path, members });
  }
  return seeds;
}

/** The entries up to the first that cannot be read: the corpus has broken ones on purpose. */
async function membersOf(tar: Uint8Array): Promise<Member[]> {
  const members: Member[] = [];
  try {
    for await (const { name, typeflag, linkName, body } of readTar(tar, {
      endMarker: 'optional',
      sparse: 'list',
    })) {
      const parts: Uint8Array[] = [];
      if (typeflag !== 'S') for await (const part of body) parts.push(part);
      const content = Buffer.concat(parts);
      if (content.byteLength <= LARGEST_MEMBER) members.push({ name, typeflag, linkName, content });
      if (members.length === MOST_MEMBERS) break;
    }
  } catch (error) {
    if (!isStowageError(error)) throw error;
  }
  return members;
}
