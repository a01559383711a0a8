import { fileTree, listed, skopeoDigest } from './digests.js';
import type { Sandbox } from './sandbox.js';
import type { ToolName } from './tools.js';

/** What is to be read: the archive `out.tar` in the sandbox holds one image under this name. */
export interface Carried {
  readonly name: string;
  /** The layout the image was made in, where it is tagged `latest`. */
  readonly layout: string;
}

/** One way in which a tool takes in an archive. */
export interface ArchiveReader {
  readonly title: string;
  readonly needs: readonly ToolName[];
  /** Whether it reads layers that are compressed with zstd, too. */
  readonly zstd: boolean;
  /** Answers the digest the tool ended up with; throws if the tool refuses. */
  read(box: Sandbox, carried: Carried): Promise<string>;
}

const ofContainerd = (tool: 'ctr' | 'ctr2'): ArchiveReader => ({
  title: `${tool} images import`,
  needs: [tool],
  zstd: true,
  read: async (box, { name }) => {
    await box.sh(`${tool} images import out.tar`);
    return (await listed(box, tool))[name] ?? 'not listed';
  },
});

const ofSkopeo = (tool: 'skopeo' | 'skopeo2'): ArchiveReader => ({
  title: `${tool} copy oci-archive:`,
  needs: [tool],
  zstd: true,
  read: async (box) => {
    await box.sh(`${tool} copy --quiet oci-archive:out.tar:latest oci:copy:latest`);
    return skopeoDigest(box, 'oci:copy:latest', tool);
  },
});

/** These cannot say the digest, so what they unpack is compared, and the digest is the one that was looked up. */
const ofUmoci = (tool: 'umoci' | 'umoci2'): ArchiveReader => ({
  title: `${tool} unpack, of the untarred archive,`,
  needs: [tool, 'skopeo'],
  // The older one knows no zstd.
  zstd: tool === 'umoci2',
  read: async (box, { layout }) => {
    await box.sh(`
      mkdir untarred && tar -xf out.tar -C untarred
      ${tool} unpack --image untarred:latest carried
      ${tool} unpack --image '${layout}:latest' original`);
    const [carried, original] = [
      await fileTree(box, 'carried/rootfs'),
      await fileTree(box, 'original/rootfs'),
    ];
    if (carried !== original) throw new Error(`${tool} unpacks another file tree`);
    return skopeoDigest(box, 'oci:untarred:latest');
  },
});

/** Every reader that keeps digests. Docker does not; its tests are its own. */
export const READERS: readonly ArchiveReader[] = [
  ofContainerd('ctr'),
  ofContainerd('ctr2'),
  ofSkopeo('skopeo'),
  ofSkopeo('skopeo2'),
  ofUmoci('umoci'),
  ofUmoci('umoci2'),
  {
    title: 'crane push, of the untarred archive to a registry,',
    needs: ['crane'],
    // It would push them, but its validation decompresses gzip only.
    zstd: false,
    read: async (box) =>
      box.sh(`
        crane registry serve --address 127.0.0.1:0 2>registry.log &
        trap 'kill $!' EXIT
        until port=$(grep -oE 'serving on port [0-9]+' registry.log | grep -oE '[0-9]+$'); do sleep 0.1; done
        mkdir untarred && tar -xf out.tar -C untarred
        crane push untarred "127.0.0.1:$port/carried:latest" >pushed 2>&1 || { cat pushed >&2; exit 1; }
        crane validate --remote "127.0.0.1:$port/carried:latest" >validated 2>&1 || { cat validated >&2; exit 1; }
        crane digest "127.0.0.1:$port/carried:latest"`),
  },
  {
    title: 'oras manifest fetch --oci-layout',
    needs: ['oras'],
    zstd: true,
    read: async (box) => {
      const text = await box.sh(`oras manifest fetch --oci-layout --descriptor out.tar:latest`);
      return (JSON.parse(text) as { digest: string }).digest;
    },
  },
];
