import { setTimeout as delay } from 'node:timers/promises';

let counter = 0;

/** A job document with an id of its own. */
export function jobDocument(operation: string, data: unknown): { job_id: string; json: string } {
  const job_id = `bench-${process.pid}-${counter++}`;
  const json = JSON.stringify({
    version: '1.0',
    job_id,
    kind: 'VMOperation',
    operation,
    created_at: new Date().toISOString(),
    payload: { type: `${operation}.v1`, data },
  });
  return { job_id, json };
}

export const echo = () => jobDocument('system.echo', { message: 'bench' });

export async function submit(url: string, json: string): Promise<void> {
  const response = await fetch(`${url}/api/v1/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: json,
  });
  if (!response.ok) throw new Error(await response.text());
  await response.arrayBuffer();
}

type Times = {
  readonly status: string;
  readonly submitted_at: string;
  readonly started_at: string;
  readonly completed_at: string;
  readonly error: string | null;
};

/** Looks every millisecond until the job is over; gives it. */
export async function untilOver(url: string, jobId: string): Promise<Times> {
  for (;;) {
    const response = await fetch(`${url}/api/v1/jobs/${jobId}`);
    const { data } = (await response.json()) as { data: Times };
    if (data.status === 'Completed') return data;
    if (data.status === 'Failed' || data.status === 'Cancelled') throw new Error(`${jobId}: ${data.error}`);
    await delay(1);
  }
}

/** Looks now and then, so as not to compete with what is measured, until no job is left to run. */
export async function untilIdle(url: string): Promise<void> {
  for (const status of ['Pending', 'Assigned', 'Running']) {
    for (let left = 1; left > 0; ) {
      const response = await fetch(`${url}/api/v1/jobs?limit=1&status=${status}`);
      left = ((await response.json()) as { data: { total: number } }).data.total;
      if (left > 0) await delay(50);
    }
  }
}

/** The value below which this share (0 to 1) of the values lies. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
