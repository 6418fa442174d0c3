/**
 * Orders versions as Debian policy 5.6.12 orders upstream versions: runs of digits by value, other runs by
 * character, letters before the rest, and `~` before the end.
 */
export function compareVersions(left: string, right: string): number {
  const a = runs(left);
  const b = runs(right);
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const order = i % 2 === 0 ? compareText(a[i] ?? '', b[i] ?? '') : compareNumbers(a[i] ?? '', b[i] ?? '');
    if (order !== 0) return order;
  }
  return 0;
}

/** Orders kernel releases: as versions, but `-rc1` and `-trunk` come before the release itself. */
export function compareKernels(left: string, right: string): number {
  const early = (version: string) => version.replace(/-(?=rc[0-9]|trunk)/, '~');
  return compareVersions(early(left), early(right));
}

/** Text and digits by turns, beginning with text (which may be empty). */
function runs(version: string): string[] {
  return version.split(/([0-9]+)/);
}

function compareNumbers(a: string, b: string): number {
  const left = a.replace(/^0+/, '');
  const right = b.replace(/^0+/, '');
  if (left.length !== right.length) return left.length - right.length;
  return left < right ? -1 : left > right ? 1 : 0;
}

function compareText(a: string, b: string): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const order = weight(a.charAt(i)) - weight(b.charAt(i));
    if (order !== 0) return order;
  }
  return 0;
}

function weight(character: string): number {
  if (character === '~') return -1;
  if (character === '') return 0;
  const code = character.charCodeAt(0);
  return /[A-Za-z]/.test(character) ? code : code + 0x100;
}
