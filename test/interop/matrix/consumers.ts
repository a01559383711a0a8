import type { ToolName } from '../tools.js';
import { ONE, OTHER, TWO_PLATFORMS } from './inputs.js';

/** What stowage writes: the column's title, its arguments, and the names in it. */
export const FORMS = {
  default: { title: 'default', args: 'OUT', names: [ONE] },
  oci: { title: '`--format oci`', args: '--format oci OUT', names: [ONE] },
  docker: { title: '`--format docker`', args: '--format docker OUT', names: [ONE] },
  directory: { title: 'directory', args: 'OUT/', names: [ONE] },
  gzip: { title: '`--compress gzip`', args: '--compress gzip OUT', names: [ONE] },
  zstd: { title: '`--compress zstd`', args: '--compress zstd OUT', names: [ONE] },
  images: { title: 'two images', args: 'OUT', names: [ONE, OTHER] },
  platforms: { title: 'two platforms', args: 'OUT', names: [TWO_PLATFORMS] },
} as const satisfies Record<string, { title: string; args: string; names: readonly string[] }>;

export type Form = keyof typeof FORMS;
export const FORM_NAMES = Object.keys(FORMS) as Form[];

/**
 * A script that reads `$A` and prints facts (see `Facts`): `manifest`, `config` and `prints`, each with a name of the
 * form. Or why the tool cannot; where there is a script, it is to fail with that message.
 */
export type Reading =
  | string
  | { readonly remark: string; readonly script: string }
  | { readonly limit: string; readonly script?: string; readonly message?: RegExp };

/** One way in which a tool reads images. */
export interface Consumer {
  readonly tool: ToolName;
  readonly way: string;
  /** Tools that the scripts need besides `tool`, skopeo and tar. */
  readonly needs?: readonly ToolName[];
  readonly reads: Readonly<Record<Form, Reading>>;
}

/** It was tried with its own archives after `gzip`, too. */
const NO_GZIP = 'this release reads no docker-archive: that is compressed with gzip, its own neither';
/** As it is with `docker save`. */
const LOCALHOST =
  'podman takes the short names in `manifest.json`, which are those of `docker save`, for names of `localhost/`';

const same = <F extends Form>(forms: readonly F[], reading: Reading) =>
  Object.fromEntries(forms.map((form) => [form, reading])) as Record<F, Reading>;

const TARS = ['default', 'oci', 'docker', 'gzip', 'zstd', 'images', 'platforms'] as const;

const PLAIN_ONLY = 'reads archives that are not compressed as a whole';
const ONLY_TAR = { limit: 'reads archives, no directories' };
const ONLY_DIRECTORY = { limit: 'reads layouts that are directories, no archives: `tar -x` first' };

const docker = (tool: 'docker2' | 'docker20'): Consumer => {
  const load = (...names: string[]) => `
    trap '${tool} image rm --force ${names.join(' ')} >/dev/null' EXIT
    ${tool} load --quiet --input "$A" >&2
    for n in ${names.join(' ')}; do
      echo "config docker.io/$n $(${tool} image inspect -f '{{.Id}}' "$n")"
      echo "prints docker.io/$n $(${tool} run --rm --network none "$n")"
    done`;
  const one = load('interop/matrix:1');
  return {
    tool,
    way: 'load, then run',
    reads: {
      ...same(['default', 'docker', 'gzip'], one),
      zstd: tool === 'docker2' ? one : { limit: 'knows no zstd', script: one, message: /invalid tar header/ },
      oci: {
        limit: 'its store of graph drivers looks for `manifest.json` only',
        script: one,
        message: /no such file or directory/,
      },
      directory: ONLY_TAR,
      images: load('interop/matrix:1', 'interop/matrix:2'),
      platforms: load('interop/platforms:1'),
    },
  };
};

const ctr = (tool: 'ctr' | 'ctr2', flags: string, way: string): Consumer => {
  const read = `${tool} images import ${flags} "$A" >&2; listed ${tool}`;
  // Today's daemon decompresses; its client, and the older release, do not.
  const decompresses = tool === 'ctr2' && flags === '';
  return {
    tool,
    way,
    reads: {
      ...same(['default', 'oci', 'images', 'platforms'], read),
      ...same(
        ['gzip', 'zstd'],
        decompresses ? read : { limit: PLAIN_ONLY, script: read, message: /invalid tar header/ },
      ),
      // The manifest is containerd's own; the configuration in it is the image's.
      docker: `${tool} images import ${flags} "$A" >&2
        manifest=$(${tool} images ls | awk 'NR == 2 { print $3 }')
        echo "config $(${tool} images ls -q) $(${tool} content get "$manifest" | member config.digest)"`,
      directory: ONLY_TAR,
    },
  };
};

const skopeo = (tool: 'skopeo' | 'skopeo2'): Consumer[] => {
  const copy = (from: string, name: string) => `
    ${tool} copy --quiet --all "${from}" oci:copied:latest
    oci ${tool} ${name} oci:copied:latest`;
  // Into another form than Docker's own, skopeo would write the configuration anew.
  const config = (from: string, name: string) => `
    ${tool} copy --quiet "${from}" dir:copied
    echo "config ${name} $(member config.digest <copied/manifest.json)"; rm -r copied`;
  const one = copy('oci-archive:$A:1', ONE);
  return [
    {
      tool,
      way: 'copy from oci-archive: or oci:',
      reads: {
        ...same(['default', 'oci', 'gzip', 'zstd'], one),
        docker: { limit: 'no OCI layout in it', script: one, message: /index\.json|oci-layout/ },
        directory: copy('oci:$A:1', ONE),
        images: `${copy('oci-archive:$A:1', ONE)}
          rm -r copied
          ${copy('oci-archive:$A:2', OTHER)}`,
        platforms: copy('oci-archive:$A:1', TWO_PLATFORMS),
      },
    },
    {
      tool,
      way: 'copy from docker-archive:',
      reads: {
        ...same(['default', 'docker', 'zstd'], config('docker-archive:$A', ONE)),
        gzip:
          tool === 'skopeo2'
            ? config('docker-archive:$A', ONE)
            : { limit: NO_GZIP, script: config('docker-archive:$A', ONE), message: /invalid tar header/ },
        oci: {
          limit: 'no `manifest.json` in it',
          script: config('docker-archive:$A', ONE),
          message: /manifest\.json/,
        },
        directory: ONLY_TAR,
        images: [ONE, OTHER].map((name) => config(`docker-archive:$A:${name}`, name)).join('\n'),
        platforms: config('docker-archive:$A', TWO_PLATFORMS),
      },
    },
  ];
};

/** umoci says no digest, so the file it unpacks is compared; a tar is untarred for it. */
const umoci = (tool: 'umoci' | 'umoci2'): Consumer => {
  const unpack = (name: string, tag: string) => `
    ${tool} unpack --rootless --image "$A:${tag}" bundle
    cmp bundle/rootfs/bin/busybox "$(command -v busybox)" >&2
    oci skopeo ${name} "oci:$A:${tag}"`;
  return {
    tool,
    way: 'unpack',
    reads: { ...same(TARS, ONLY_DIRECTORY), directory: unpack(ONE, '1') },
  };
};

const asRemote = `
  remote="$REGISTRY/interop/read-$RANDOM$RANDOM:1"`;
const pushed = (name: string) => `
  crane validate --remote "$remote" >&2
  echo "config ${name} $(crane config "$remote" | hash)"`;

const craneTarball = (name: string) => `${asRemote}
  crane validate --tarball "$A" >&2
  crane push "$A" "$remote" >&2
  ${pushed(name)}`;

const craneConsumers: Consumer[] = [
  {
    tool: 'crane',
    way: 'validate --tarball, push of the archive',
    reads: {
      ...same(['default', 'docker'], craneTarball(ONE)),
      ...same(['gzip', 'zstd'], {
        limit: PLAIN_ONLY,
        script: craneTarball(ONE),
        message: /manifest\.json|tar/,
      }),
      oci: { limit: 'no `manifest.json` in it', script: craneTarball(ONE), message: /manifest\.json/ },
      directory: ONLY_TAR,
      images: {
        limit: 'pushes an archive only if it holds one image',
        script: craneTarball(ONE),
        message: /tag|single image/,
      },
      platforms: craneTarball(TWO_PLATFORMS),
    },
  },
  {
    tool: 'crane',
    way: 'push of the layout, validate --remote',
    reads: {
      ...same(TARS, ONLY_DIRECTORY),
      directory: `${asRemote}
        crane push "$A" "$remote" >&2
        ${pushed(ONE)}
        echo "manifest ${ONE} $(crane digest "$remote")"`,
    },
  },
];

const orasCopy = (at: string, name: string) => `${asRemote}
  oras copy --no-tty --from-oci-layout "$A:${at}" --to-plain-http "$remote" >&2
  echo "manifest ${name} $(oras resolve --plain-http "$remote")"`;

const oras: Consumer = {
  tool: 'oras',
  way: 'copy --from-oci-layout, to a registry',
  needs: ['crane'],
  reads: {
    ...same(['default', 'oci', 'directory'], orasCopy('1', ONE)),
    ...same(['gzip', 'zstd'], {
      limit: PLAIN_ONLY,
      script: orasCopy('1', ONE),
      message: /tar/,
    }),
    docker: { limit: 'no OCI layout in it', script: orasCopy('1', ONE), message: /oci-layout|index\.json/ },
    images: `${orasCopy('1', ONE)}
      ${orasCopy('2', OTHER)}`,
    platforms: orasCopy('1', TWO_PLATFORMS),
  },
};

const podmanLoad = (names: readonly string[], prefix = 'docker.io') => `
  podman rmi --all --force >&2
  podman load --quiet --input "$A" >&2
  for n in ${names.map((name) => name.slice('docker.io/'.length)).join(' ')}; do
    id=$(podman image inspect -f '{{.Id}}' "${prefix}/$n")
    echo "config docker.io/$n sha256:$id"
  done`;

const podman: Consumer = {
  tool: 'podman',
  way: 'load',
  reads: {
    ...same(['default', 'oci', 'gzip', 'zstd'], podmanLoad([ONE])),
    directory: {
      remark: 'podman calls an image in a directory by the path of that directory',
      script: `
        podman rmi --all --force >&2
        cd "$(dirname "$A")"
        podman load --quiet --input directory >&2
        id=$(podman image inspect -f '{{.Id}}' localhost/directory)
        echo "config ${ONE} sha256:$id"`,
    },
    docker: {
      remark: LOCALHOST,
      script: podmanLoad([ONE], 'localhost'),
    },
    // An OCI layout with more than one image is not for it, so that it reads what is there for Docker.
    images: { remark: LOCALHOST, script: podmanLoad([ONE, OTHER], 'localhost') },
    platforms: podmanLoad([TWO_PLATFORMS]),
  },
};

const buildahFrom = (from: string, name: string) => `
  container=$(buildah from --quiet "${from}")
  trap 'buildah rm "$container" >/dev/null' EXIT
  cmp "$(buildah mount "$container")/bin/busybox" "$(command -v busybox)" >&2
  echo "config ${name} sha256:$(buildah inspect --format '{{.FromImageID}}' "$container")"`;

const buildah: Consumer[] = [
  {
    tool: 'buildah',
    way: 'from oci-archive: or oci:',
    reads: {
      ...same(['default', 'oci', 'gzip', 'zstd'], buildahFrom('oci-archive:$A', ONE)),
      // Buildah makes a name of the path, which in a sandbox has capital letters.
      directory: `cd "$(dirname "$A")"\n${buildahFrom('oci:directory:1', ONE)}`,
      docker: {
        limit: 'no OCI layout in it',
        script: buildahFrom('oci-archive:$A', ONE),
        message: /index\.json|oci-layout/,
      },
      images: `(${buildahFrom('oci-archive:$A:1', ONE)}); (${buildahFrom('oci-archive:$A:2', OTHER)})`,
      platforms: buildahFrom('oci-archive:$A', TWO_PLATFORMS),
    },
  },
  {
    tool: 'buildah',
    way: 'from docker-archive:',
    reads: {
      ...same(['default', 'docker', 'zstd'], buildahFrom('docker-archive:$A', ONE)),
      gzip: {
        limit: NO_GZIP,
        script: buildahFrom('docker-archive:$A', ONE),
        message: /invalid tar header/,
      },
      oci: {
        limit: 'no `manifest.json` in it',
        script: buildahFrom('docker-archive:$A', ONE),
        message: /manifest\.json/,
      },
      directory: ONLY_TAR,
      images: [ONE, OTHER].map((name) => `(${buildahFrom(`docker-archive:$A:${name}`, name)})`).join('; '),
      platforms: buildahFrom('docker-archive:$A', TWO_PLATFORMS),
    },
  },
];

export const CONSUMERS: readonly Consumer[] = [
  docker('docker2'),
  docker('docker20'),
  ctr('ctr', '', 'images import'),
  ctr('ctr2', '', 'images import'),
  ctr('ctr2', '--local', 'images import --local'),
  ...skopeo('skopeo'),
  ...skopeo('skopeo2'),
  umoci('umoci'),
  umoci('umoci2'),
  ...craneConsumers,
  oras,
  podman,
  ...buildah,
];
