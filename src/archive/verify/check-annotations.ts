import { REF_NAME } from '../../oci/annotation.js';
import type { Annotations } from '../../oci/descriptor.js';
import { isRefName } from '../../oci/refname.js';
import { isTimestamp } from '../../oci/spec-rules.js';
import type { Findings } from './findings.js';

const CREATED = 'org.opencontainers.image.created';

/** Annotations whose values have a form of their own (image-spec annotations.md). */
export function checkAnnotations(
  annotations: Annotations | undefined,
  where: string,
  findings: Findings,
): void {
  if (annotations === undefined) return;
  for (const [key, value] of Object.entries(annotations)) {
    const place = `${where}[${JSON.stringify(key)}]`;
    if (key === '') {
      findings.add({
        severity: 'warning',
        code: 'annotation-value',
        where: place,
        message: 'its key is empty',
      });
    }
    if (key === REF_NAME && !isRefName(value)) {
      findings.add({
        severity: 'warning',
        code: 'name-grammar',
        where: place,
        message: `${JSON.stringify(value)} is no reference name as the specification has it`,
      });
    }
    if (key === CREATED && !isTimestamp(value)) {
      findings.add({
        severity: 'warning',
        code: 'annotation-value',
        where: place,
        message: `${JSON.stringify(value)} is no date and time (RFC 3339)`,
      });
    }
  }
}
