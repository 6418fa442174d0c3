/** The name Linux would give: `sda` for disk 0, `sdz` for 25, `sdaa` for 26; with the partition's number behind. */
export function deviceName(disk: number, partition: number | null): string {
  let letters = '';
  for (let rest = disk; rest >= 0; rest = Math.floor(rest / 26) - 1) {
    letters = String.fromCharCode(97 + (rest % 26)) + letters;
  }
  return `sd${letters}${partition ?? ''}`;
}
