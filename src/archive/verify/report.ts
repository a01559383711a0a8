import type { CallOptions } from '../../content/store.js';
import type { OnProgress } from '../../content/progress.js';
import type { CopyLanesOptions } from '../../io/copy-lanes.js';
import type { Digest } from '../../oci/digest.js';

/**
 * `error`: something is wrong, and a tool that looks will refuse it. `warning`: allowed, but some tool will stumble.
 * `note`: worth knowing, nothing to be done.
 */
export type Severity = 'error' | 'warning' | 'note';

/** What a finding is about. The set is closed: a program may switch over it. */
export type FindingCode = keyof typeof FINDINGS;

/** Every code, and what it means; the documentation of the command is made from it. */
export const FINDINGS = {
  'archive-cut-off':
    'the archive ends before its end: in an entry, or without an end mark and with something missing',
  'archive-damaged': 'the tar is malformed, or goes on after its end',
  'archive-entry': 'an entry has a name or a type that an image archive cannot have',
  'archive-duplicate': 'an entry stands there twice',
  'archive-limit': 'there is more than is looked at',
  'layout-missing': 'a file that makes a layout is not there: oci-layout or index.json',
  'layout-version': 'the layout is of another version than 1.0.0',
  'blob-digest': 'the content of a blob is not what its name or its descriptor says',
  'blob-size': 'a blob has another size than a descriptor says',
  'blob-missing': 'a blob that has to be there is not',
  'blob-left-out': 'a layer that may not be distributed is not there, which is allowed',
  'blob-unused': 'nothing refers to a blob',
  'document-invalid': 'a document is not JSON, or breaks a rule of the image specification',
  'document-kind': 'a document is of another kind or media type than was announced',
  'document-unsupported': 'a document or digest is of a kind that is not known here',
  'inline-data': 'the data inside a descriptor is not what its digest says',
  'layer-count': 'a configuration speaks of another number of layers than its manifest',
  'layer-digest': 'a layer, decompressed, has not the digest that the configuration gives it',
  'layer-damaged': 'a layer cannot be decompressed',
  'layer-compression': 'a layer is compressed in another way than its media type says',
  'layer-unchecked':
    'a layer cannot be looked into: it is encrypted, or compressed in a way that is not known here',
  'platform-mismatch': 'an index gives a manifest another platform than its configuration does',
  'platform-absent': 'a platform of an image is not there',
  'image-absent': 'nothing of an image is there',
  'subject-absent': 'what a referrer refers to is not there',
  'name-grammar': 'a name is none that the specification allows',
  'name-conflict': 'two different images have the same name',
  'annotation-value': 'an annotation has not the form that the specification gives it',
  'docker-manifest': 'manifest.json or repositories is not what Docker writes',
} as const satisfies Record<string, string>;

/** One thing that was found. */
export interface Finding {
  readonly severity: Severity;
  readonly code: FindingCode;
  /** The file or entry it is about, and the place in it: `index.json: manifests[2].size`. */
  readonly where: string;
  /** One line. */
  readonly message: string;
  readonly hint?: string;
  /** The blob it is about. */
  readonly digest?: Digest;
}

/** One platform of an image: a manifest, with its configuration and layers. */
export interface VerifiedPlatform {
  /** `os/arch[/variant]`, normalised; undefined where nothing says it. */
  readonly platform?: string;
  readonly digest: Digest;
  /** `sound`: all of it is there and right. `broken`: some of it is wrong or missing. `absent`: the manifest is not there. */
  readonly state: 'sound' | 'broken' | 'absent';
  /** The manifest of the same image that this one attests (provenance, bill of materials). */
  readonly attests?: Digest;
}

/** One entry of the index of a layout, or of manifest.json. */
export interface VerifiedImage {
  /** As the archive has it; undefined for an image without a name. */
  readonly name?: string;
  readonly digest: Digest;
  readonly mediaType: string;
  /** What the image is attached to, if it is a referrer, and whether that is there. */
  readonly subject?: { readonly digest: Digest; readonly present: boolean };
  /** In the order of the image; just the one for an image without an index. */
  readonly platforms: readonly VerifiedPlatform[];
}

/**
 * `sound`: everything that must be there is there, and right. `incomplete`: what is there is right, but something is
 * absent that must not be. `broken`: something is wrong.
 */
export type Verdict = 'sound' | 'incomplete' | 'broken';

export interface VerifyReport {
  readonly verdict: Verdict;
  readonly format: 'oci' | 'docker' | 'oci+docker';
  /** In the order of the archive. */
  readonly images: readonly VerifiedImage[];
  /** Errors first, then warnings, then notes; within them in the order of the archive. At most {@link FINDING_LIMIT} of a code. */
  readonly findings: readonly Finding[];
  /** How many findings there are, those beyond the limit included. */
  readonly errors: number;
  readonly warnings: number;
  readonly notes: number;
  /** What was hashed; sizes in bytes. */
  readonly blobs: { readonly count: number; readonly bytes: number };
}

/** Findings of one code that are listed; more are only counted. */
export const FINDING_LIMIT = 1_000;

/** What is not compressed is hashed several files at once, with threads; what is found is the same. */
export interface VerifyOptions extends CallOptions, CopyLanesOptions {
  /** `all`: a platform that is absent is an error. @default 'present': it is a note, as long as one is there */
  readonly require?: 'present' | 'all' | undefined;
  /** How messages call an archive that has no path. @default 'the archive stream' */
  readonly archiveName?: string | undefined;
  readonly onProgress?: OnProgress | undefined;
}
