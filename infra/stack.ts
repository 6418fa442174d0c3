import {
  type App,
  BootstraplessSynthesizer,
  CfnOutput,
  CfnParameter,
  type IStackSynthesizer,
  Stack,
} from 'aws-cdk-lib';
import { addApi } from './api.ts';
import { addFunctions, type CodeKeys } from './functions.ts';
import { addGatewayEndpoints } from './network.ts';
import type { StackSettings } from './settings.ts';
import { addStorage } from './storage.ts';
import { addWatch } from './watch.ts';
import { addWorkerAccess } from './worker-access.ts';

/** The parameter that names the bucket the functions' code was uploaded to. */
export const CODE_BUCKET = 'CodeBucket';

/**
 * Disklane in one account and region, workers' hosts aside. It needs no bootstrapped account: the functions'
 * code lies in a bucket that is a parameter, under keys named by content.
 */
export function createStack(app: App, settings: StackSettings, keys: CodeKeys): Stack {
  const stack = new Stack(app, settings.stackName, {
    description: 'Disklane: jobs on VM disk images over HTTP',
    // The types of CDK do not know exactOptionalPropertyTypes.
    synthesizer: new BootstraplessSynthesizer() as IStackSynthesizer,
    analyticsReporting: false,
  });
  const codeBucket = new CfnParameter(stack, CODE_BUCKET, {
    description: "The bucket that holds the functions' code",
  });
  const storage = addStorage(stack, settings);
  const functions = addFunctions(stack, { settings, storage, codeBucket: codeBucket.valueAsString, keys });
  const api = addApi(stack, functions, settings.sources);
  addWorkerAccess(stack, storage);
  if (settings.network !== null) addGatewayEndpoints(stack, settings.network);
  addWatch(stack, { api, functions, storage }, settings.alarmTopicArn);
  new CfnOutput(stack, 'ApiUrl', { value: api.url });
  new CfnOutput(stack, 'ApiId', { value: api.restApiId });
  new CfnOutput(stack, 'TableName', { value: storage.table.tableName });
  new CfnOutput(stack, 'BucketName', { value: storage.bucket.bucketName });
  return stack;
}
