/** Separators stand between letters and digits, one at a time; only `-` may be doubled. */
const REFNAME =
  /^[A-Za-z0-9]+(?:(?:--|[-._:@+])[A-Za-z0-9]+)*(?:\/[A-Za-z0-9]+(?:(?:--|[-._:@+])[A-Za-z0-9]+)*)*$/;

/** Whether `org.opencontainers.image.ref.name` may have this value (the grammar in image-spec annotations.md). */
export function isRefName(text: string): boolean {
  return REFNAME.test(text);
}
