/** Scripts that use containerd in namespaces of this benchmark's own. */

const PREFIX = 'stowage-bench-';

/** The words that begin a command in a namespace. */
export const ctr = (namespace: string): readonly string[] => ['ctr2', '-n', PREFIX + namespace];

/**
 * Removes what a namespace holds, and fails if anything stays. Containerd takes a blob that any namespace holds without
 * reading it again, so an import is cold only if none does.
 */
export const emptyNamespace = (namespace: string): string => emptied(PREFIX + namespace);

/** Removes what a run that was interrupted has left. */
export const EMPTY_ALL = `
  for namespace in $(ctr2 namespaces ls -q | grep '^${PREFIX}' || true); do
    ${emptied('$namespace')}
  done`;

function emptied(namespace: string): string {
  const ctr = `ctr2 -n "${namespace}"`;
  return `${ctr} images ls -q | xargs -r ${ctr} images rm --sync >/dev/null
    ${ctr} content prune references >/dev/null 2>&1 || true
    if [ -n "$(${ctr} content ls -q)" ]; then echo 'the namespace is not empty' >&2; exit 1; fi
    ctr2 namespaces rm "${namespace}" >/dev/null 2>&1 || true`;
}
