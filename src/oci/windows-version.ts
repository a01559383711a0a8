/** Long-term releases of Windows Server since the kernel interface of containers is stable. */
const STABLE_RELEASES = [20348, 26100];

/**
 * Whether a Windows of version `host` runs containers made for version `container`, both as in `os.version`
 * (`10.0.17763.1234`). Unknown versions are given the benefit of the doubt. Before build 20348 the builds have to be
 * equal; from then on a host runs everything from the long-term release before it up to itself.
 */
export function runsWindowsVersion(host: string, container: string): boolean {
  const own = parseVersion(host);
  if (own === undefined || container === '') return true;
  const other = parseVersion(container);
  if (other === undefined || own.major !== other.major || own.minor !== other.minor) return false;
  const [oldestStable = 0] = STABLE_RELEASES;
  if (own.build < oldestStable) return own.build === other.build;
  const previous = Math.max(oldestStable, ...STABLE_RELEASES.filter((release) => release < own.build));
  return previous <= other.build && other.build <= own.build;
}

function parseVersion(text: string): { major: number; minor: number; build: number } | undefined {
  const parts = /^(\d+)\.(\d+)\.(\d+)(?:\.|$)/.exec(text);
  return parts === null
    ? undefined
    : { major: Number(parts[1]), minor: Number(parts[2]), build: Number(parts[3]) };
}
