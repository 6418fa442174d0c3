// guestkit-client.ts
interface JobSubmitRequest {
  version: string;
  job_id: string;
  kind: string;
  operation: string;
  created_at: string;
  payload: {
    type: string;
    data: any;
  };
}

interface JobStatus {
  job_id: string;
  status: 'Pending' | 'Assigned' | 'Running' | 'Completed' | 'Failed';
  submitted_at?: string;
  started_at?: string;
  completed_at?: string;
  error?: string;
}

class GuestkitClient {
  constructor(private baseUrl: string = 'http://localhost:8080') {}

  async submitJob(imagePath: string, operation: string = 'guestkit.inspect'): Promise<string> {
    const job: JobSubmitRequest = {
      version: '1.0',
      job_id: `job-${Date.now()}`,
      kind: 'VMOperation',
      operation,
      created_at: new Date().toISOString(),
      payload: {
        type: `${operation}.v1`,
        data: {
          image: {
            path: imagePath,
            format: 'qcow2'
          }
        }
      }
    };

    const response = await fetch(`${this.baseUrl}/api/v1/jobs`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(job)
    });

    if (!response.ok) {
      throw new Error(`HTTP error! status: ${response.status}`);
    }

    const result = await response.json();
    return result.data.job_id;
  }

  async getJobStatus(jobId: string): Promise<JobStatus> {
    const response = await fetch(`${this.baseUrl}/api/v1/jobs/${jobId}`);
    if (!response.ok) {
      throw new Error(`HTTP error! status: ${response.status}`);
    }
    const result = await response.json();
    return result.data;
  }

  async getJobResult(jobId: string): Promise<any> {
    const response = await fetch(`${this.baseUrl}/api/v1/jobs/${jobId}/result`);
    if (!response.ok) {
      throw new Error(`HTTP error! status: ${response.status}`);
    }
    const result = await response.json();
    return result.data;
  }

  async waitForCompletion(jobId: string, timeout: number = 3600000): Promise<any> {
    const startTime = Date.now();

    while (Date.now() - startTime < timeout) {
      const status = await this.getJobStatus(jobId);

      if (status.status === 'Completed') {
        return await this.getJobResult(jobId);
      } else if (status.status === 'Failed') {
        throw new Error(`Job failed: ${status.error}`);
      }

      await new Promise(resolve => setTimeout(resolve, 2000));
    }

    throw new Error(`Job ${jobId} did not complete within timeout`);
  }
}

// Usage
async function main() {
  const client = new GuestkitClient();

  console.log('Submitting job...');
  const jobId = await client.submitJob('/vms/test.qcow2');
  console.log(`Job ID: ${jobId}`);

  console.log('Waiting for completion...');
  const result = await client.waitForCompletion(jobId);

  console.log('Result:', JSON.stringify(result, null, 2));
}

main().catch(console.error);
