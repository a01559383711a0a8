import type { ToolName } from '../tools.js';
import { ONE, OTHER, TWO_PLATFORMS } from './inputs.js';

/** One way in which a tool writes images, and what it says they are. */
export interface Producer {
  readonly tool: ToolName;
  readonly way: string;
  /** Tools that the scripts need besides `tool`, skopeo and tar. */
  readonly needs?: readonly ToolName[];
  readonly shape: 'tar' | 'directory';
  /** Leaves `archive`. Variables: see `Inputs`. */
  readonly make: string;
  /**
   * Prints facts (see `Facts`): `manifest` and `config` with the name the image is to have and the digest, `platforms`
   * with the list of them unless that is `linux/amd64`.
   */
  readonly says: string;
  /** Arguments of the import before the archive, for the shell. */
  readonly args?: string;
  /** Set where what is written is no image archive: stowage is to refuse it, for this reason. */
  readonly refused?: { readonly reason: string; readonly message: RegExp };
}

const BOTH = `echo 'platforms ${TWO_PLATFORMS} linux/amd64,linux/arm64'`;

/** Shell functions that every script has. */
export const FUNCTIONS = `
  member() { node -p "JSON.parse(fs.readFileSync(0)).$1"; }
  hash() { echo "sha256:$(sha256sum | cut -d' ' -f1)"; }
  # The manifest that today's containerd makes of a Docker archive in an empty namespace.
  as_ctr2() { ctr2 images import --local --no-unpack "$@" archive >&2; ctr2 images ls | tail -n +2 | awk '{ print "manifest", $1, $3 }'; }
  listed() { "$1" images ls | tail -n +2 | awk '{ print "manifest", $1, $3 }'; }
  ids() { for n in "\${@:2}"; do echo "config docker.io/$n $("$1" image inspect -f '{{.Id}}' "$n")"; done; }
  oci() { echo "manifest $2 $("$1" inspect --raw "$3" | hash)"; }
  config() { echo "config $2 $("$1" inspect --config --raw "$3" | hash)"; }`;

/** What an image without a name gets is not the producer's affair: today's containerd makes the same of it. */
const BASE = '--base-name docker.io/interop/matrix';

const into = (docker: string) => `
  skopeo copy --quiet "oci:$BUSYBOX/layout:latest" docker-archive:one.tar:interop/matrix:1
  skopeo copy --quiet "oci:$BUSYBOX/layout:other" docker-archive:other.tar:interop/matrix:2
  ${docker} load --quiet --input one.tar >/dev/null
  ${docker} load --quiet --input other.tar >/dev/null
  trap '${docker} image rm --force interop/matrix:1 interop/matrix:2 >/dev/null' EXIT`;

const dockerSave = (tool: 'docker2' | 'docker20'): Producer[] => {
  const own = tool === 'docker20' ? 'as_ctr2' : `oci skopeo2 "$NAME" oci-archive:archive:1`;
  const save = (what: string, facts: string) => `${into(tool)}
    ${tool} save --output archive ${what}
    (${facts}) >facts`;
  const needs: ToolName[] = tool === 'docker20' ? ['ctr2'] : ['skopeo2'];
  return [
    {
      tool,
      way: 'save, by name',
      needs,
      shape: 'tar',
      make: save('interop/matrix:1', `ids ${tool} interop/matrix:1; NAME=${ONE}; ${own}`),
      says: 'cat facts',
    },
    {
      tool,
      way: 'save, by id',
      needs: ['ctr2'],
      shape: 'tar',
      make: save(`"$(${tool} image inspect -f '{{.Id}}' interop/matrix:1)"`, 'true'),
      says: `as_ctr2 --digests ${BASE}`,
      args: BASE,
    },
    {
      tool,
      way: 'save, two images',
      shape: 'tar',
      make: save('interop/matrix:1 interop/matrix:2', `ids ${tool} interop/matrix:1 interop/matrix:2`),
      says: 'cat facts',
    },
  ];
};

const ctrExport = (tool: 'ctr' | 'ctr2', flags: string, way: string): Producer[] => {
  // Without --local, this release of ctr may answer before the archive is whole.
  const whole = (command: string) => `
    for attempt in 1 2 3 4 5; do
      rm -f archive
      ${command}
      tail -c 1024 archive | cmp -s - <(head -c 1024 /dev/zero) && break
    done`;
  const fill = (layout: string, name: string) =>
    `skopeo copy --quiet --all "oci:${layout}" oci-archive:in.tar:${name}
     ${tool} images import ${tool === 'ctr2' ? '--all-platforms' : ''} --no-unpack in.tar >/dev/null; rm in.tar`;
  const rows: Producer[] = [
    {
      tool,
      way,
      shape: 'tar',
      make: `${fill('$BUSYBOX/layout:latest', ONE)}
        ${whole(`${tool} images export ${flags} archive ${ONE}`)}`,
      says: `listed ${tool}`,
    },
    {
      tool,
      way: `${way}, two images`,
      shape: 'tar',
      make: `${fill('$BUSYBOX/layout:latest', ONE)}
        ${fill('$BUSYBOX/layout:other', OTHER)}
        ${whole(`${tool} images export ${flags} archive ${ONE} ${OTHER}`)}`,
      says: `listed ${tool}`,
    },
  ];
  if (tool === 'ctr2') {
    rows.push({
      tool,
      way: `${way}, two platforms`,
      shape: 'tar',
      make: `${fill('$PLATFORMS/layout:latest', TWO_PLATFORMS)}
        ${whole(`${tool} images export ${flags} --all-platforms archive ${TWO_PLATFORMS}`)}`,
      says: `listed ${tool}; ${BOTH}`,
    });
  }
  return rows;
};

const NO_LAYOUT = {
  reason:
    'a form the tool keeps for itself: no index, no names, no specification; `oci:` or `oci-dir` is the one to use',
  message: /manifest\.json|index\.json|oci-layout/,
};

const skopeoCopy = (tool: 'skopeo' | 'skopeo2'): Producer[] => {
  const copy = (to: string, flags = '') => `${tool} copy --quiet ${flags} "oci:$BUSYBOX/layout:latest" ${to}`;
  const rows: Producer[] = [
    {
      tool,
      way: 'copy to oci-archive:',
      shape: 'tar',
      make: copy(`oci-archive:archive:${ONE}`),
      says: `oci ${tool} ${ONE} oci-archive:archive`,
    },
    {
      tool,
      way: 'copy --all to oci-archive:, two platforms',
      shape: 'tar',
      make: `${tool} copy --quiet --all "oci:$PLATFORMS/layout:latest" oci-archive:archive:${TWO_PLATFORMS}`,
      says: `oci ${tool} ${TWO_PLATFORMS} oci-archive:archive; ${BOTH}`,
    },
    {
      tool,
      way: 'copy to oci:',
      shape: 'directory',
      make: copy(`oci:archive:${ONE}`),
      says: `oci ${tool} ${ONE} oci:archive`,
    },
    {
      tool,
      way: 'copy to docker-archive:',
      needs: ['ctr2'],
      shape: 'tar',
      make: copy(`docker-archive:archive:interop/matrix:1`),
      says: `config ${tool} ${ONE} docker-archive:archive; as_ctr2`,
    },
    {
      tool,
      way: 'copy to dir:',
      shape: 'directory',
      make: copy('dir:archive'),
      says: 'true',
      refused: NO_LAYOUT,
    },
  ];
  if (tool === 'skopeo2') {
    rows.push({
      tool,
      way: 'copy to oci-archive:, zstd layers',
      shape: 'tar',
      make: copy(`oci-archive:archive:${ONE}`, '--dest-compress-format zstd --dest-force-compress-format'),
      says: `oci ${tool} ${ONE} oci-archive:archive`,
    });
  }
  return rows;
};

/** umoci says no digests; skopeo reads its layout. */
const umociLayout = (tool: 'umoci' | 'umoci2'): Producer[] => {
  const layout = `
    ${tool} init --layout layout
    ${tool} new --image layout:1
    mkdir files && cp "$(command -v busybox)" files/
    ${tool} insert --rootless --image layout:1 files /bin
    ${tool} config --image layout:1 --os linux --architecture amd64`;
  const row = { tool, says: `oci skopeo ${ONE} oci:$DIR:1`, args: '--base-name docker.io/interop/matrix' };
  return [
    {
      ...row,
      way: 'layout',
      shape: 'directory',
      make: `${layout}; mv layout archive`,
      says: `oci skopeo ${ONE} oci:archive:1`,
    },
    {
      ...row,
      way: 'layout, in a tar (`tar -C layout .`)',
      shape: 'tar',
      make: `${layout}; tar -C layout -cf archive .`,
      says: `oci skopeo ${ONE} oci:layout:1`,
    },
  ];
};

const crane: Producer[] = [
  {
    tool: 'crane',
    way: 'pull --format tarball',
    shape: 'tar',
    make: 'crane pull --format tarball "$REGISTRY/interop/matrix:1" archive',
    says: `echo "config $REGISTRY/interop/matrix:1 $(crane config "$REGISTRY/interop/matrix:1" | hash)"`,
  },
  {
    tool: 'crane',
    way: 'pull --format tarball, two images',
    shape: 'tar',
    make: 'crane pull --format tarball "$REGISTRY/interop/matrix:1" "$REGISTRY/interop/matrix:2" archive',
    says: `for n in matrix:1 matrix:2; do echo "config $REGISTRY/interop/$n $(crane config "$REGISTRY/interop/$n" | hash)"; done`,
  },
  {
    tool: 'crane',
    way: 'pull --format legacy',
    shape: 'tar',
    make: 'crane pull --format legacy "$REGISTRY/interop/matrix:1" archive',
    // The layers are written uncompressed, and the configuration with them: its digest is the name of its entry.
    says: `echo "config $REGISTRY/interop/matrix:1 sha256:$(tar -tf archive | grep -oE '^[0-9a-f]{64}[.]json$' | cut -d. -f1)"`,
  },
  {
    tool: 'crane',
    way: 'pull --format oci',
    shape: 'directory',
    make: 'crane pull --format oci "$REGISTRY/interop/matrix:1" archive',
    says: `echo "manifest ${ONE} $(crane digest "$REGISTRY/interop/matrix:1")"`,
    // The archive has no name to find the image by.
    args: `--ref-object "$(crane digest "$REGISTRY/interop/matrix:1")" ${ONE}`,
  },
  {
    tool: 'crane',
    way: 'pull --format oci --annotate-ref, two platforms',
    shape: 'directory',
    make: 'crane pull --format oci --annotate-ref "$REGISTRY/interop/platforms:1" archive',
    says: `name=$REGISTRY/interop/platforms:1
      echo "manifest $name $(crane digest "$name")"
      echo "platforms $name linux/amd64,linux/arm64"`,
  },
];

const orasSays = (name: string, at: string) =>
  `echo "manifest ${name} $(oras resolve --plain-http "$REGISTRY/${at}")"`;

const oras: Producer[] = [
  {
    tool: 'oras',
    way: 'copy --to-oci-layout',
    needs: ['crane'],
    shape: 'directory',
    make: 'oras copy --no-tty --from-plain-http --to-oci-layout "$REGISTRY/interop/matrix:1" archive:1 >/dev/null',
    says: orasSays(ONE, 'interop/matrix:1'),
    args: '--base-name docker.io/interop/matrix',
  },
  {
    tool: 'oras',
    way: 'backup, to a directory, two platforms',
    needs: ['crane'],
    shape: 'directory',
    make: 'oras backup --no-tty --plain-http --output archive "$REGISTRY/interop/platforms:1" >/dev/null',
    // The folder's own index lists the manifests of the image beside it; they come without a name.
    says: `${orasSays(TWO_PLATFORMS, 'interop/platforms:1')}; ${BOTH}
      for platform in amd64 arm64; do
        digest=$(oras resolve --plain-http --platform "linux/$platform" "$REGISTRY/interop/platforms:1")
        echo "manifest docker.io/interop/platforms@$digest $digest"
        echo "platforms docker.io/interop/platforms@$digest linux/$platform"
      done`,
    args: '--base-name docker.io/interop/platforms',
  },
  {
    tool: 'oras',
    way: 'backup, to a tar, two tags',
    needs: ['crane'],
    shape: 'tar',
    make: `oras backup --no-tty --plain-http --output archive.tar "$REGISTRY/interop/matrix:1,2" >/dev/null
      mv archive.tar archive`,
    says: `${orasSays(ONE, 'interop/matrix:1')}; ${orasSays(OTHER, 'interop/matrix:2')}`,
    args: '--base-name docker.io/interop/matrix',
  },
];

/** Podman and Buildah share a store in this run. */
const loaded = `
  skopeo copy --quiet "oci:$BUSYBOX/layout:latest" docker-archive:one.tar:interop/matrix:1
  skopeo copy --quiet "oci:$BUSYBOX/layout:other" docker-archive:other.tar:interop/matrix:2
  podman load --quiet --input one.tar >/dev/null
  podman load --quiet --input other.tar >/dev/null`;
const ofStore = (...names: string[]) =>
  names.map((name) => `echo "config ${name} sha256:$(podman image inspect -f '{{.Id}}' ${name})"`).join('; ');

/** Written as OCI, the image gets another manifest and configuration than it has in the store: skopeo says which. */
const ofArchive = (archive: string) => `oci skopeo ${ONE} ${archive}; config skopeo ${ONE} ${archive}`;

const podman: Producer[] = [
  {
    tool: 'podman',
    way: 'save --format docker-archive',
    needs: ['ctr2'],
    shape: 'tar',
    make: `${loaded}; podman save --quiet --format docker-archive --output archive ${ONE}`,
    says: `${ofStore(ONE)}; as_ctr2`,
  },
  {
    tool: 'podman',
    way: 'save --multi-image-archive, two images',
    needs: ['ctr2'],
    shape: 'tar',
    make: `${loaded}; podman save --quiet --multi-image-archive --output archive ${ONE} ${OTHER}`,
    says: `${ofStore(ONE, OTHER)}; as_ctr2`,
  },
  {
    tool: 'podman',
    way: 'save --format oci-archive',
    shape: 'tar',
    make: `${loaded}; podman save --quiet --format oci-archive --output archive ${ONE}`,
    says: ofArchive('oci-archive:archive'),
  },
  {
    tool: 'podman',
    way: 'save --format oci-dir',
    shape: 'directory',
    make: `${loaded}; podman save --quiet --format oci-dir --output archive ${ONE}`,
    says: ofArchive('oci:archive'),
  },
  {
    tool: 'podman',
    way: 'save --format docker-dir',
    shape: 'directory',
    make: `${loaded}; podman save --quiet --format docker-dir --output archive ${ONE}`,
    says: 'true',
    refused: NO_LAYOUT,
  },
];

const buildahPush = (way: string, to: string, shape: Producer['shape'], says: string): Producer => ({
  tool: 'buildah',
  way: `push to ${way}`,
  needs: ['podman', 'ctr2'],
  shape,
  make: `${loaded}; buildah push --quiet ${ONE} ${to} >&2`,
  says,
});

const buildah: Producer[] = [
  buildahPush('docker-archive:', `docker-archive:archive:${ONE}`, 'tar', `${ofStore(ONE)}; as_ctr2`),
  buildahPush('oci-archive:', `oci-archive:archive:${ONE}`, 'tar', ofArchive('oci-archive:archive')),
  buildahPush('oci:', `oci:archive:${ONE}`, 'directory', ofArchive('oci:archive')),
  { ...buildahPush('dir:', 'dir:archive', 'directory', 'true'), refused: NO_LAYOUT },
];

export const PRODUCERS: readonly Producer[] = [
  ...dockerSave('docker2'),
  ...dockerSave('docker20'),
  ...ctrExport('ctr', '', 'images export'),
  ...ctrExport('ctr2', '', 'images export'),
  ...ctrExport('ctr2', '--local', 'images export --local'),
  ...skopeoCopy('skopeo'),
  ...skopeoCopy('skopeo2'),
  ...umociLayout('umoci'),
  ...umociLayout('umoci2'),
  ...crane,
  ...oras,
  ...podman,
  ...buildah,
];
