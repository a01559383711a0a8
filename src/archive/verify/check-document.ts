import { isStowageError } from '../../errors.js';
import { JSON_LIMIT, parseJson } from '../../oci/json.js';
import { parseDocument, type ImageDocument } from '../../oci/manifest.js';
import { kindOf, OCI_INDEX } from '../../oci/media-type.js';
import type { Digest } from '../../oci/digest.js';
import { deviationsOf, type Deviation } from '../../oci/spec-rules.js';
import type { Findings } from './findings.js';

/** A manifest or an index as it was found. */
export interface DocumentToCheck {
  readonly raw: Uint8Array;
  /** As it was announced. */
  readonly mediaType: string;
  /** The file it is. */
  readonly where: string;
  /** What is to blame for what is wrong with it; the index of a layout is no blob. */
  readonly digest?: Digest;
}

/**
 * Judges one manifest or index by the rules of the specification, and reads it. What cannot be read is undefined, with
 * a finding that says why.
 */
export function checkDocument(
  { raw, mediaType, where, digest }: DocumentToCheck,
  findings: Findings,
): ImageDocument | undefined {
  const blame = digest === undefined ? {} : { digest };
  const limit = digest === undefined ? { limit: JSON_LIMIT } : {};
  let invalid = false;
  const kind = kindOf(mediaType) === 'index' ? 'index' : 'manifest';
  try {
    for (const deviation of deviationsOf(kind, parseJson(raw, 'it', limit))) {
      const severity = severityOf(deviation);
      invalid ||= severity === 'error';
      findings.add({
        severity,
        code: 'document-invalid',
        where: placeOf(where, deviation),
        message: messageOf(deviation),
        ...blame,
      });
    }
  } catch (error) {
    if (!isStowageError(error)) throw error;
    findings.add({ severity: 'error', code: 'document-invalid', where, message: reasonOf(error), ...blame });
    return undefined;
  }
  try {
    const document = parseDocument(raw, mediaType, 'it', limit);
    checkMediaType(document, { mediaType, where, ...blame }, findings);
    return document;
  } catch (error) {
    if (!isStowageError(error)) throw error;
    const isKind = /announced as|marked as|ambiguous|would be taken for/.test(error.message);
    // The rules have said it already, and better.
    if (!invalid || isKind) {
      findings.add({
        severity: 'error',
        code: isKind
          ? 'document-kind'
          : error.code === 'UNSUPPORTED'
            ? 'document-unsupported'
            : 'document-invalid',
        where,
        message: reasonOf(error),
        ...(error.hint === undefined ? {} : { hint: error.hint }),
        ...blame,
      });
    }
    return undefined;
  }
}

/** Go writes an empty list as null, and readers written in Go take it for one. */
export function severityOf({ path, problem, level }: Deviation): 'error' | 'warning' {
  const isNullList = /^(?:manifests|layers|rootfs\.diff_ids)$/.test(path) && problem.endsWith('not null');
  return level === 'required' && !isNullList ? 'error' : 'warning';
}

/** The place is said already. */
export function messageOf({ path, problem }: Deviation): string {
  return problem.startsWith(`${path} `) ? `it${problem.slice(path.length)}` : problem;
}

export function placeOf(file: string, { path }: Deviation): string {
  return path === '' ? file : `${file}: ${path}`;
}

/** The media type inside ought to be the one outside; that both are of one kind is known. */
function checkMediaType(
  document: ImageDocument,
  { mediaType, where, digest }: { mediaType: string; where: string; digest?: Digest },
  findings: Findings,
): void {
  const inner = (parseJson(document.raw, 'it') as { readonly mediaType?: unknown }).mediaType;
  if (typeof inner !== 'string' || inner === '' || inner === mediaType) return;
  const announced =
    where === 'index.json' && mediaType === OCI_INDEX ? 'an index.json is' : 'it is announced as';
  findings.add({
    severity: 'warning',
    code: 'document-kind',
    where: `${where}: mediaType`,
    message: `${announced} ${JSON.stringify(mediaType)}, and it calls itself ${JSON.stringify(inner)}`,
    ...(digest === undefined ? {} : { digest }),
  });
}

/** What is wrong, without what was attempted. */
export function reasonOf(error: Error): string {
  return error.message.replace(/^Cannot (?:read|accept|inspect) (?:it|config): /, '');
}
