import { styleText } from 'node:util';
import type { JobView } from '../../core/job/view.ts';

const WIDTH = 28;

/** Shows a job's progress: on a terminal a bar that moves, in a pipe a line for each change of status. */
export function createProgress(out: NodeJS.WriteStream): { show: (job: JobView) => void; end: () => void } {
  let shown = '';
  return {
    show(job) {
      const line = out.isTTY ? bar(job) : plain(job);
      if (line === shown) return;
      shown = line;
      out.write(out.isTTY ? `\r\u001b[K  ${line}` : `  ${line}\n`);
    },
    end() {
      if (out.isTTY) out.write('\n');
    },
  };
}

function plain({ status, progress }: JobView): string {
  return progress === null || status !== 'Running'
    ? status
    : `${status} ${Math.floor(progress.percent)} % ${progress.message}`;
}

function bar({ status, progress }: JobView): string {
  const percent = status === 'Completed' ? 100 : (progress?.percent ?? 0);
  const full = Math.round((percent / 100) * WIDTH);
  const drawn = styleText('green', '━'.repeat(full)) + styleText('gray', '━'.repeat(WIDTH - full));
  return `${drawn} ${String(Math.floor(percent)).padStart(3)} %  ${status}  ${progress?.message ?? ''}`;
}
