import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { JobView } from '../../core/job/view.ts';
import { type InspectionResult, inspectionResult } from '../../core/result/inspection.ts';

/** How long the demo waits between two looks at a job, in milliseconds. */
const LOOK_MS = 10;

export type Download = { readonly url: string; readonly sha256: string; readonly size_bytes: number };

/** Submits an inspection of the image; gives the job's id. */
export async function submitInspection(api: string, path: string): Promise<string> {
  const job = {
    version: '1.0',
    job_id: `demo-${Date.now()}`,
    kind: 'VMOperation',
    operation: 'guestkit.inspect',
    created_at: new Date().toISOString(),
    // Left out, the section that is not built yet would greet newcomers with a warning.
    payload: { type: 'guestkit.inspect.v1', data: { image: { path }, options: { include_security: false } } },
  };
  const { data } = await call<{ data: { job_id: string } }>(`${api}/jobs`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(job),
  });
  return data.job_id;
}

/** Looks at the job until it is over, and shows each look. */
export async function follow(api: string, jobId: string, show: (job: JobView) => void): Promise<JobView> {
  for (;;) {
    const { data } = await call<{ data: JobView }>(`${api}/jobs/${jobId}`);
    show(data);
    if (data.status === 'Completed' || data.status === 'Failed' || data.status === 'Cancelled') return data;
    await delay(LOOK_MS);
  }
}

/** Downloads the result by its presigned URL, and checks it against the checksum that the API gave. */
export async function fetchResult(
  api: string,
  jobId: string,
): Promise<{ result: InspectionResult; download: Download; matched: boolean }> {
  const { download } = await call<{ download: Download }>(`${api}/jobs/${jobId}/result?inline=false`);
  const response = await fetch(download.url);
  if (!response.ok) throw new Error(`the download answered ${response.status}`);
  const bytes = Buffer.from(await response.arrayBuffer());
  const matched = createHash('sha256').update(bytes).digest('hex') === download.sha256;
  return { result: inspectionResult.parse(JSON.parse(bytes.toString('utf8'))), download, matched };
}

async function call<T>(url: string, init?: RequestInit): Promise<T> {
  const response = await fetch(url, init);
  const body = (await response.json()) as T & { message?: string };
  if (!response.ok) throw new Error(body.message ?? `${url} answered ${response.status}`);
  return body;
}
