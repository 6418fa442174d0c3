import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  CloudFormationClient,
  CreateStackCommand,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  type Stack,
  UpdateStackCommand,
} from '@aws-sdk/client-cloudformation';
import { CreateBucketCommand, HeadBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { bundleFunctions } from './bundle.ts';
import { functionNames } from './functions.ts';
import type { StackSettings } from './settings.ts';
import { CODE_BUCKET } from './stack.ts';
import { keysOf, synthesize } from './synth.ts';

export type DeployOptions = {
  readonly settings: StackSettings;
  /** Where the functions' code and the template are uploaded; made when it is not there. */
  readonly codeBucket: string;
  /** Another service than AWS itself. The region and the credentials are AWS's own settings. */
  readonly endpoint?: string | undefined;
  /** Shows a line of progress. */
  readonly say: (line: string) => void;
};

const POLL_MS = 1000;

/** Deploys the stack as it is synthesized, or updates it, and gives its outputs. Throws an Error that says why it failed. */
export async function deploy(options: DeployOptions): Promise<ReadonlyMap<string, string>> {
  const bundles = await bundleFunctions(functionNames);
  const { template } = synthesize(options.settings, keysOf(bundles));
  return deployTemplate(template, new Map(bundles.map(({ key, archive }) => [key, archive])), options);
}

/** Deploys a template of the stack, with the archives of functions by their keys. */
export async function deployTemplate(
  template: object,
  archives: ReadonlyMap<string, Uint8Array>,
  { settings, codeBucket, endpoint, say }: DeployOptions,
): Promise<ReadonlyMap<string, string>> {
  const common = endpoint === undefined ? {} : { endpoint };
  const s3 = new S3Client({ ...common, forcePathStyle: endpoint !== undefined });
  const cloudformation = new CloudFormationClient(common);
  try {
    await makeBucket(s3, codeBucket);
    const upload = (Key: string, Body: Uint8Array) =>
      s3.send(new PutObjectCommand({ Bucket: codeBucket, Key, Body }));
    say(`uploading ${archives.size} functions to ${codeBucket}`);
    for (const [key, archive] of archives) await upload(key, archive);
    const text = Buffer.from(JSON.stringify(template));
    const key = `templates/${createHash('sha256').update(text).digest('hex')}.json`;
    await upload(key, text);
    const host = endpoint ?? `https://s3.${await s3.config.region()}.amazonaws.com`;
    const templateUrl = `${host}/${codeBucket}/${key}`;
    return await apply(cloudformation, settings.stackName, { templateUrl, codeBucket, say });
  } finally {
    s3.destroy();
    cloudformation.destroy();
  }
}

async function makeBucket(s3: S3Client, bucket: string): Promise<void> {
  try {
    await s3.send(new HeadBucketCommand({ Bucket: bucket }));
  } catch (error) {
    if (!(error instanceof Error && error.name === 'NotFound')) throw error;
    await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  }
}

async function apply(
  cloudformation: CloudFormationClient,
  name: string,
  { templateUrl, codeBucket, say }: { templateUrl: string; codeBucket: string; say: (line: string) => void },
): Promise<ReadonlyMap<string, string>> {
  const change = {
    StackName: name,
    TemplateURL: templateUrl,
    Parameters: [{ ParameterKey: CODE_BUCKET, ParameterValue: codeBucket }],
    Capabilities: ['CAPABILITY_IAM' as const],
  };
  if ((await describe(cloudformation, name)) === null) {
    say(`creating the stack ${name}`);
    await cloudformation.send(new CreateStackCommand(change));
  } else {
    say(`updating the stack ${name}`);
    try {
      await cloudformation.send(new UpdateStackCommand(change));
    } catch (error) {
      if (!(error instanceof Error && error.message.includes('No updates'))) throw error;
    }
  }
  for (;;) {
    const stack = await describe(cloudformation, name);
    const status = stack?.StackStatus ?? 'DELETE_COMPLETE';
    if (status === 'CREATE_COMPLETE' || status === 'UPDATE_COMPLETE') return outputsOf(stack);
    if (/FAILED|ROLLBACK_COMPLETE|DELETE_COMPLETE/.test(status)) {
      throw new Error(`the stack ${name} ended as ${status}: ${await reasons(cloudformation, name)}`);
    }
    await delay(POLL_MS);
  }
}

async function describe(cloudformation: CloudFormationClient, name: string): Promise<Stack | null> {
  try {
    const { Stacks: stacks = [] } = await cloudformation.send(new DescribeStacksCommand({ StackName: name }));
    return stacks[0] ?? null;
  } catch (error) {
    if (error instanceof Error && error.message.includes('does not exist')) return null;
    throw error;
  }
}

function outputsOf(stack: Stack | null): ReadonlyMap<string, string> {
  const outputs = stack?.Outputs ?? [];
  return new Map(outputs.map(({ OutputKey: key = '', OutputValue: value = '' }) => [key, value]));
}

async function reasons(cloudformation: CloudFormationClient, name: string): Promise<string> {
  const { StackEvents: events = [] } = await cloudformation.send(
    new DescribeStackEventsCommand({ StackName: name }),
  );
  const failed = events
    .filter(({ ResourceStatus: status }) => status?.endsWith('_FAILED'))
    .map(({ LogicalResourceId: id, ResourceStatusReason: reason }) => `${id}: ${reason}`)
    .reverse();
  return failed.join('; ') || 'it says no more';
}
